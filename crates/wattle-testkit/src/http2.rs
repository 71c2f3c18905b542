//! A client of HTTP/2 as programs have one, in the clear or over TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::response::{End, Head, Response};
use crate::wait::PATIENCE;

/// A connection.
pub struct Http2 {
    runtime: Runtime,
    sender: SendRequest<Bytes>,
    /// Ends with the connection.
    driven: JoinHandle<Result<(), h2::Error>>,
    base: String,
}

/// A request whose answer has not come, and whose body may not have ended.
pub struct Begun {
    answer: ResponseFuture,
    /// The body that is sent.
    pub body: SendStream<Bytes>,
}

impl Http2 {
    /// Connects in the clear, with prior knowledge.
    ///
    /// # Panics
    ///
    /// If the server does not speak HTTP/2.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        Self::over(|| async move { TcpStream::connect(address).await.expect("connect") }, format!("http://{address}"))
    }

    /// Connects over TLS to the server called `name`.
    ///
    /// # Panics
    ///
    /// If the handshake fails, or does not choose HTTP/2.
    #[track_caller]
    pub fn open_tls(address: SocketAddr, name: &str, mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec()];
        let server = ServerName::try_from(name.to_owned()).expect("a name");
        let connect = || async move {
            let stream = TcpStream::connect(address).await.expect("connect");
            let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
            let stream = connector.connect(server, stream).await.expect("a TLS handshake");
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            stream
        };
        Self::over(connect, format!("https://{name}"))
    }

    #[track_caller]
    fn over<S, F>(connect: impl FnOnce() -> F, base: String) -> Self
    where
        F: Future<Output = S>,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("start a runtime");
        let (sender, driven) = runtime.block_on(async {
            let (sender, connection) = h2::client::handshake(connect().await).await.expect("an HTTP/2 handshake");
            (sender, tokio::spawn(connection))
        });
        Self { runtime, sender, driven, base }
    }

    /// Begins a request whose body follows.
    ///
    /// # Panics
    ///
    /// If the connection is gone.
    #[track_caller]
    pub fn begin(&mut self, request: http::request::Builder, target: &str) -> Begun {
        let request = request.uri(format!("{}{target}", self.base)).body(()).expect("a request");
        self.send(request, false)
    }

    /// A request with a body, and its answer.
    #[track_caller]
    pub fn call(&mut self, method: &str, target: &str, body: &[u8]) -> Response {
        self.call_with(Request::builder().method(method), target, body)
    }

    /// A request with header fields and a body, and its answer.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn call_with(&mut self, request: http::request::Builder, target: &str, body: &[u8]) -> Response {
        let request = request.uri(format!("{}{target}", self.base)).body(()).expect("a request");
        let mut begun = self.send(request, body.is_empty());
        if !body.is_empty() {
            begun.body.send_data(Bytes::copy_from_slice(body), true).expect("send a body");
        }
        self.finish(begun)
    }

    #[track_caller]
    fn send(&mut self, request: Request<()>, last: bool) -> Begun {
        let sender = self.sender.clone();
        let (answer, body) = self.runtime.block_on(async {
            let mut sender = timeout(PATIENCE, sender.ready()).await.expect("in time").expect("a living connection");
            sender.send_request(request, last).expect("send a request")
        });
        Begun { answer, body }
    }

    /// Waits for the answer.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn finish(&mut self, begun: Begun) -> Response {
        self.runtime.block_on(async {
            let answer = timeout(PATIENCE, begun.answer).await.expect("in time").expect("an answer");
            let (parts, mut incoming) = answer.into_parts();
            let head = Head { status: parts.status.as_u16(), headers: fields(&parts.headers) };
            let mut body = Vec::new();
            let whole = timeout(PATIENCE, read(&mut incoming, &mut body)).await;
            let end = match whole {
                Ok(Ok(())) => End::Complete,
                Ok(Err(_)) => End::Cut,
                Err(_) => End::Stalled,
            };
            let trailers = match end {
                End::Complete => incoming.trailers().await.ok().flatten(),
                _ => None,
            };
            Response { head, body, trailers: trailers.as_ref().map(fields).unwrap_or_default(), end }
        })
    }

    /// Whether the server closes within this time.
    pub fn is_closed_within(&mut self, patience: Duration) -> bool {
        let driven = &mut self.driven;
        driven.is_finished() || self.runtime.block_on(async { timeout(patience, driven).await.is_ok() })
    }
}

async fn read(incoming: &mut RecvStream, body: &mut Vec<u8>) -> Result<(), h2::Error> {
    while let Some(piece) = incoming.data().await {
        let piece = piece?;
        incoming.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok(())
}

fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
