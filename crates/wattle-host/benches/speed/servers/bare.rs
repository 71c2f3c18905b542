//! The reference: hyper and nothing else, with the same threads and the same way of dealing connections.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, http};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::cores;

/// Serves for as long as the process runs.
pub(super) fn start() -> SocketAddr {
    cores::start(serve)
}

async fn serve(stream: TcpStream) {
    let service = service_fn(|_| async {
        let mut answer = Response::new(Full::new(Bytes::from_static(b"Hello from Wattle\n")));
        answer.headers_mut().insert("content-type", http::HeaderValue::from_static("text/plain"));
        Ok::<_, Infallible>(answer)
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
