//! A server of the outside world: it does on each connection what a test tells it, byte by byte.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::wait::PATIENCE;

/// A server. Its threads end with the process.
pub struct Upstream {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

/// A connection that a server accepted.
pub struct Accepted {
    /// The socket.
    pub stream: TcpStream,
    /// Which connection of its server this is, from 1.
    pub number: usize,
}

impl Upstream {
    /// Starts one on a free port of the loopback interface.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn start(serve: impl Fn(Accepted) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0".parse().expect("invariant: this is an address"), serve)
    }

    /// Starts one on `address`.
    ///
    /// # Panics
    ///
    /// If it is taken.
    pub fn start_on(address: SocketAddr, serve: impl Fn(Accepted) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let accepted = Arc::new(AtomicUsize::new(0));
        let (serve, count) = (Arc::new(serve), accepted.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let serve = serve.clone();
                thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    let _ = stream.set_read_timeout(Some(PATIENCE));
                    // What a server of the outside world cannot write is its own affair.
                    let _ = serve(Accepted { stream, number });
                });
            }
        });
        Self { address, accepted }
    }

    /// One that answers every request with the bytes that `answer` makes of it.
    pub fn answering<A: AsRef<[u8]>>(answer: impl Fn(&Request) -> A + Send + Sync + 'static) -> Self {
        Self::start(move |mut connection| {
            while let Some(request) = connection.request()? {
                connection.stream.write_all(answer(&request).as_ref())?;
            }
            Ok(())
        })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has accepted.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

/// A request as it came.
pub struct Request {
    /// Its head, up to the empty line.
    pub head: String,
    /// Its body, decoded.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// An answer with this status and body.
pub fn answer(status: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend(body);
    bytes
}

impl Accepted {
    /// The next request; `None` if there is none any more.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or what comes is not a request.
    pub fn request(&mut self) -> io::Result<Option<Request>> {
        let Some(head) = self.until(b"\r\n\r\n")? else { return Ok(None) };
        let head = String::from_utf8_lossy(&head).trim_end().to_owned();
        let mut request = Request { head, body: Vec::new() };
        if let Some(length) = request.header("content-length").and_then(|length| length.parse().ok()) {
            request.body = vec![0; length];
            self.stream.read_exact(&mut request.body)?;
        } else if request.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk()? {
                request.body.extend(chunk);
            }
        }
        Ok(Some(request))
    }

    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.until(b"\r\n")?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = String::from_utf8_lossy(&line);
        let length = usize::from_str_radix(length.trim_end(), 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; length + 2];
        self.stream.read_exact(&mut chunk)?;
        chunk.truncate(length);
        Ok((length > 0).then_some(chunk))
    }

    fn until(&mut self, end: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(end) {
            match self.stream.read(&mut byte)? {
                0 if bytes.is_empty() => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => bytes.push(byte[0]),
            }
        }
        Ok(Some(bytes))
    }
}
