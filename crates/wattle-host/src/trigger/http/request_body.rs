//! A request's body on its way to the guest: bounded in size, and in how long it may stand still.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::Error;

use super::wire::Progress;

/// The body of an incoming request.
pub(crate) struct RequestBody {
    incoming: Incoming,
    left: u64,
    limit: u64,
    stall_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    progress: Arc<Progress>,
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.progress.received();
    }
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, limit: u64, stall_timeout: Duration, progress: Arc<Progress>) -> Self {
        Self { incoming, left: limit, limit, stall_timeout, stalled: None, progress }
    }

    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.stall_timeout;
        self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout))).as_mut().poll(cx)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                return self.poll_stall(cx).map(|()| Some(Err(Error::ConnectionReadTimeout)));
            }
        };
        self.stalled = None;
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                let len = frame.data_ref().map_or(0, Bytes::len) as u64;
                match self.left.checked_sub(len) {
                    Some(left) => {
                        self.left = left;
                        Some(Ok(frame))
                    }
                    None => Some(Err(Error::HttpRequestBodySize(Some(self.limit)))),
                }
            }
            Some(Err(error)) => Some(Err(error.into())),
            None => {
                self.progress.received();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
