//! A request's body on its way to the guest: within its bounds, and its end is told to the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use wasmtime_wasi_http::Error;

use super::wire::Progress;
use crate::body::{Bounded, Bounds};

/// The body of an incoming request.
pub(crate) struct RequestBody {
    body: Bounded<Incoming>,
    progress: Arc<Progress>,
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.progress.received();
    }
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, size: u64, pause: Duration, progress: Arc<Progress>) -> Self {
        let bounds = Bounds { size, too_large: Error::HttpRequestBodySize, pause: Some(pause) };
        Self { body: Bounded::new(incoming, bounds), progress }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() {
            self.progress.received();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
