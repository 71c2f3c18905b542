//! One connection: its requests one after the other, until it ends or the host does.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use http::uri::Scheme;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::server::{Server, Stopping, Via};
use super::wire::Wire;
use crate::cores::CoreId;

/// Serves `stream` to its end.
pub(super) async fn serve(server: Arc<Server>, stream: TcpStream, core: CoreId) {
    let limits = &server.limits;
    let (wire, progress) = Wire::new(stream, limits);
    let via = Via { core, progress, scheme: Scheme::HTTP };
    let service = service_fn(|request| {
        let answer = server.answer(request, &via);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .half_close(false)
        .header_read_timeout(None)
        .max_headers(limits.headers as usize)
        .max_buf_size(usize::try_from(limits.header_bytes.0).unwrap_or(usize::MAX).max(8 << 10))
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = pin!(connection);
    let mut stopping = server.stopping.subscribe();
    let closing = async { stopping.wait_for(|stage| *stage == Stopping::Closing).await.is_ok() };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = closing => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
    }
}
