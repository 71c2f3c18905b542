//! A request's body on its way to the guest: within its bounds, and its end is told to the connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use wasmtime_wasi_http::{Error, WasiBody};

use super::exchange::Exchange;
use crate::body::{Bounded, Bounds};

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

/// The body of a request as it arrives.
pub(super) enum Arriving {
    /// From a connection.
    Wire(Incoming),
    /// From a component of the same app.
    Inside(WasiBody),
}

/// The body of an incoming request.
pub(crate) struct RequestBody {
    body: Bounded<Arriving>,
    exchange: Exchange,
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.exchange.received();
    }
}

impl RequestBody {
    pub(super) fn new(arriving: Arriving, size: u64, pause: Duration, exchange: Exchange) -> Self {
        let bounds = Bounds { size, too_large: Error::HttpRequestBodySize, pause: Some(pause) };
        Self { body: Bounded::new(arriving, bounds), exchange }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Arriving::Wire(body) => Pin::new(body).poll_frame(cx).map_err(Error::from),
            Arriving::Inside(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Arriving::Wire(body) => body.is_end_stream(),
            Arriving::Inside(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Arriving::Wire(body) => body.size_hint(),
            Arriving::Inside(body) => body.size_hint(),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &mut frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    NOT_IN_TRAILERS.iter().for_each(|name| drop(trailers.remove(name)));
                }
            }
            Some(Err(_)) => {}
            None => self.exchange.received(),
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
