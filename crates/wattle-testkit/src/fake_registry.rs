//! A registry that does what real ones do on their bad days: it answers each request with what a test tells it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::tls::Pair;
use crate::upstream::Request;
use crate::wait::PATIENCE;

/// A server of HTTP/1.1. Its threads end with the process.
pub struct FakeRegistry {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These bytes, and the connection stays.
    Whole(Vec<u8>),
    /// These bytes, and the connection ends.
    Cut(Vec<u8>),
    /// These bytes, and nothing more until the client goes away.
    Stalled(Vec<u8>),
}

impl Reply {
    /// A status (with its reason), header fields as in `"name: value\r\n"`, and a body with its length.
    pub fn new(status: &str, fields: &str, body: impl AsRef<[u8]>) -> Self {
        Self::Whole(bytes(status, fields, body.as_ref().len(), body.as_ref()))
    }

    /// One whose body has another length than its head says; the connection ends after it.
    pub fn lying(status: &str, fields: &str, len: usize, body: impl AsRef<[u8]>) -> Self {
        Self::Cut(bytes(status, fields, len, body.as_ref()))
    }
}

fn bytes(status: &str, fields: &str, len: usize, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n{fields}content-length: {len}\r\n\r\n").into_bytes();
    bytes.extend(body);
    bytes
}

impl FakeRegistry {
    /// Starts one on a free port of the loopback interface that answers the how-manieth request, from 1, with what
    /// `reply` says. It says by itself that it is a registry.
    pub fn start(reply: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(None, reply)
    }

    /// The same over TLS.
    ///
    /// # Panics
    ///
    /// If the pair is none.
    pub fn start_tls(pair: &Pair, reply: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let (chain, key) = pair.der();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("invariant: the provider knows the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .expect("invariant: the key is that of the certificate");
        Self::serve(Some(Arc::new(config)), reply)
    }

    fn serve(tls: Option<Arc<ServerConfig>>, reply: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let heads = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (reply, seen, accepted) = (Arc::new(reply), heads.clone(), connections.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                accepted.fetch_add(1, Ordering::Relaxed);
                let (reply, seen, tls) = (reply.clone(), seen.clone(), tls.clone());
                thread::spawn(move || {
                    // Clients go away when they like.
                    let _ = accept(stream, tls, &*reply, &seen);
                });
            }
        });
        Self { address, heads, connections }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its host and port, as in references.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// How many connections it has accepted, whatever came over them.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The heads of the requests so far, but those by which clients look whether it is a registry.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first lines of the requests so far, as in `GET /v2/x/tags/list`.
    pub fn requests(&self) -> Vec<String> {
        let heads = self.heads();
        let lines = heads.iter().filter_map(|head| head.lines().next());
        lines.map(|line| line.trim_end_matches(" HTTP/1.1").to_owned()).collect()
    }
}

fn accept(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    reply: &dyn Fn(&Request, usize) -> Reply,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    match tls {
        None => converse(BufReader::new(stream), reply, seen),
        Some(config) => {
            let server = ServerConnection::new(config).map_err(io::Error::other)?;
            converse(BufReader::new(StreamOwned::new(server, stream)), reply, seen)
        }
    }
}

fn converse<S: Read + Write>(
    mut stream: BufReader<S>,
    reply: &dyn Fn(&Request, usize) -> Reply,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    while let Some(request) = read(&mut stream)? {
        if request.head.starts_with("GET /v2/ ") {
            stream.get_mut().write_all(&bytes("200 OK", "", 2, b"{}"))?;
            continue;
        }
        let number = {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push(request.head.clone());
            seen.len()
        };
        match reply(&request, number) {
            Reply::Whole(bytes) => stream.get_mut().write_all(&bytes)?,
            Reply::Cut(bytes) => return stream.get_mut().write_all(&bytes),
            Reply::Stalled(bytes) => {
                stream.get_mut().write_all(&bytes)?;
                return io::copy(&mut stream, &mut io::sink()).map(|_| ());
            }
        }
        stream.get_mut().flush()?;
    }
    Ok(())
}

fn read(stream: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let mut request = Request { head: head.trim_end().to_owned(), body: Vec::new() };
    let len = request.header("content-length").and_then(|len| len.parse().ok()).unwrap_or_default();
    stream.take(len).read_to_end(&mut request.body)?;
    Ok(Some(request))
}
