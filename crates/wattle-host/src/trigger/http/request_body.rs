//! A request's body on its way to the guest: bounded in size, and in how long it may stand still.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::Error;

use super::exchange::Exchange;

/// Fields that say how a message is framed, routed or answered, and so mean nothing behind it (RFC 9110, section 6.5.1).
const NOT_IN_TRAILERS: [HeaderName; 12] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The body of an incoming request.
pub(crate) struct RequestBody {
    incoming: Incoming,
    left: u64,
    limit: u64,
    stall_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    exchange: Exchange,
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.exchange.received();
    }
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, limit: u64, stall_timeout: Duration, exchange: Exchange) -> Self {
        Self { incoming, left: limit, limit, stall_timeout, stalled: None, exchange }
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
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    NOT_IN_TRAILERS.iter().for_each(|name| drop(trailers.remove(name)));
                }
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
                self.exchange.received();
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
