//! An HTTP/1.1 client that sends exactly the bytes it is told to, and says exactly what came back.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::response::{Body, End, Head, Response};
use crate::wait::PATIENCE;

/// How many bytes one read takes.
const PIECE: usize = 64 << 10;

/// A connection. Everything on it has a deadline.
pub struct Connection {
    stream: TcpStream,
    /// What came and was not asked for yet.
    buffer: Vec<u8>,
    patience: Duration,
    host: String,
}

/// How a wait for bytes ended, if not with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    Closed,
    Reset,
    TimedOut,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    ///
    /// If nobody accepts.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        match Self::try_open(address) {
            Ok(connection) => connection,
            Err(error) => panic!("cannot connect to {address}: {error}"),
        }
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// If nobody accepts.
    pub fn try_open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::new(), patience: PATIENCE, host: "localhost".into() })
    }

    /// Waits for this long and no longer.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends requests for this host.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    /// The address of this side.
    ///
    /// # Panics
    ///
    /// If the socket is not connected any more.
    pub fn local_address(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket has an address")
    }

    /// The other half for a thread that writes while this one reads.
    ///
    /// # Panics
    ///
    /// If the system has no more file descriptors.
    pub fn writer(&self) -> TcpStream {
        self.stream.try_clone().expect("duplicate a socket")
    }

    /// Sends these bytes.
    ///
    /// # Panics
    ///
    /// If they cannot be sent.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Err(error) = self.try_send(bytes) {
            panic!("cannot send: {error}");
        }
    }

    /// Sends these bytes, to somebody who may be gone.
    ///
    /// # Errors
    ///
    /// If they cannot be sent.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends a request with a host and, if there is a body or the method wants one, a length.
    #[track_caller]
    pub fn request(&mut self, method: &str, target: &str, body: &[u8]) {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\n", self.host).into_bytes();
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            bytes.extend(format!("content-length: {}\r\n", body.len()).bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        self.send(bytes);
    }

    /// A request and its answer.
    #[track_caller]
    pub fn call(&mut self, method: &str, target: &str, body: &[u8]) -> Response {
        self.request(method, target, body);
        self.answer(method)
    }

    /// Sends these bytes and reads the answer as one to a `GET`.
    #[track_caller]
    pub fn raw(&mut self, bytes: impl AsRef<[u8]>) -> Response {
        self.send(bytes);
        self.answer("GET")
    }

    /// Reads the final answer to a request of this method.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn answer(&mut self, method: &str) -> Response {
        match self.try_answer(method) {
            Ok(response) => response,
            Err(why) => panic!("no answer came: {why}"),
        }
    }

    /// Reads the final answer to a request of this method.
    ///
    /// # Errors
    ///
    /// What came instead of its head.
    pub fn try_answer(&mut self, method: &str) -> Result<Response, String> {
        loop {
            let head = self.head()?;
            if head.status < 200 {
                continue;
            }
            let mut body = Vec::new();
            let (end, trailers) = self.body(&head, method, |piece| body.extend_from_slice(piece));
            return Ok(Response { head, body, trailers, end });
        }
    }

    /// Reads one head, an informational one included.
    ///
    /// # Errors
    ///
    /// What came instead.
    pub fn head(&mut self) -> Result<Head, String> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let bytes: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return Head::parse(&bytes);
            }
            if let Err(silence) = self.fill(deadline) {
                return Err(format!("{silence:?} after {:?}", String::from_utf8_lossy(&self.buffer)));
            }
        }
    }

    /// Reads the body of an answer to a request of this method, piece by piece; how it ended, and its trailers.
    pub fn body(&mut self, head: &Head, method: &str, mut take: impl FnMut(&[u8])) -> (End, Vec<(String, String)>) {
        let mut body = Body::of(head, method);
        let deadline = Instant::now() + self.patience;
        loop {
            let used = body.decode(&self.buffer, &mut take);
            self.buffer.drain(..used);
            if let Some(end) = body.end() {
                return (end, body.into_trailers());
            }
            if let Err(silence) = self.fill(deadline) {
                let end = match silence {
                    Silence::Closed => body.closed(),
                    Silence::Reset => End::Cut,
                    Silence::TimedOut => End::Stalled,
                };
                return (end, body.into_trailers());
            }
        }
    }

    /// Reads and drops whatever comes until the server closes. Whether it did.
    pub fn is_closed(&mut self) -> bool {
        let deadline = Instant::now() + self.patience;
        loop {
            self.buffer.clear();
            match self.fill(deadline) {
                Ok(()) => {}
                Err(silence) => return silence != Silence::TimedOut,
            }
        }
    }

    /// Whether the server has neither sent anything more nor closed.
    pub fn is_quiet(&mut self) -> bool {
        self.buffer.is_empty() && self.fill(Instant::now()) == Err(Silence::TimedOut)
    }

    /// Sends the end of this side; the other may still talk.
    pub fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// More bytes into the buffer.
    fn fill(&mut self, deadline: Instant) -> Result<(), Silence> {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let mut piece = [0; PIECE];
        self.stream.set_read_timeout(Some(left)).expect("a time-out that is not nothing");
        loop {
            return match self.stream.read(&mut piece) {
                Ok(0) => Err(Silence::Closed),
                Ok(length) => {
                    self.buffer.extend_from_slice(&piece[..length]);
                    Ok(())
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Err(Silence::TimedOut),
                    _ => Err(Silence::Reset),
                },
            };
        }
    }
}
