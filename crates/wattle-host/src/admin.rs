//! The admin listener: health, readiness and metrics for whoever watches a host, by plain HTTP/1.1 and apart from its
//! requests.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::readiness::Readiness;
use crate::telemetry::{Telemetry, open_metrics};

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 32;

/// How long the head of a request may take, and how long a connection may rest before it.
const HEAD: Duration = Duration::from_secs(10);

/// How long a connection may be there in all.
const CONNECTION: Duration = Duration::from_secs(300);

/// The most bytes that the head of a request may have.
const HEAD_MAX: usize = 16 << 10;

/// How long accepting rests when the system has no more file descriptors.
const BACK_OFF: Duration = Duration::from_millis(50);

/// An address that answers whoever watches a host. It does so until it is dropped.
pub(crate) struct AdminListener {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

/// What is told there.
pub(crate) struct Watched {
    pub(crate) readiness: Readiness,
    /// `None`: there are no metrics.
    pub(crate) telemetry: Option<Arc<Telemetry>>,
}

impl AdminListener {
    /// Serves on `listener`. Must be called within a Tokio runtime, which serves.
    pub(crate) fn start(listener: std::net::TcpListener, watched: Watched) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        Ok(Self { address, serving: tokio::spawn(serve_all(listener, Arc::new(watched), address.ip())) })
    }

    /// The address that it is bound to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for AdminListener {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve_all(listener: TcpListener, watched: Arc<Watched>, own: IpAddr) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // They end with this task.
    let mut connections = JoinSet::new();
    loop {
        let place = places.clone().acquire_owned().await.expect("invariant: this semaphore is never closed");
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let served = timeout(CONNECTION, serve(stream, watched.clone(), own));
                connections.spawn(async move {
                    let _ = served.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection of the admin listener, trying again");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, watched: Arc<Watched>, own: IpAddr) {
    let service = service_fn(|request: Request<Incoming>| {
        let (watched, head) = (watched.clone(), request.into_parts().0);
        async move { Ok::<_, Infallible>(answer(&head, &watched, own).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection of the admin listener ended early");
    }
}

async fn answer(request: &Parts, watched: &Watched, own: IpAddr) -> Response<Full<Bytes>> {
    if own.is_loopback() && !names_loopback(&request.headers) {
        return text(StatusCode::FORBIDDEN, "this address answers to localhost and to loopback addresses only\n");
    }
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match (request.uri.path(), &watched.telemetry) {
        ("/healthz", _) => text(StatusCode::OK, "ok\n"),
        ("/readyz", _) => {
            watched.readiness.ask().await;
            let (ready, summary) = watched.readiness.summary();
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            typed(status, "application/json", format!("{summary}\n"))
        }
        ("/metrics", Some(telemetry)) => {
            typed(StatusCode::OK, open_metrics::CONTENT_TYPE, open_metrics::render(telemetry))
        }
        _ => text(StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n"),
    }
}

/// Whether the client means this machine: the page of a browser whose name was made to lead here does not.
fn names_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(authority) = Authority::try_from(host.as_bytes()) else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    typed(status, "text/plain; charset=utf-8", body.into())
}

fn typed(status: StatusCode, media_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
