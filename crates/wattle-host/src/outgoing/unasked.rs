//! The body of a request that is sent without one: what the guest writes of it still finds a reader.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::Level;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::instance::{Current, LineLog, Source};

/// Whether HTTP/1 sends the request without its body: one of these methods whose length is not announced has none.
fn is_bodiless(request: &Request<WasiBody>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && !request.headers().contains_key(header::CONTENT_LENGTH)
        && !request.body().is_end_stream()
}

/// Keeps the guest's side of the body of `request` open, for `time` at most, where the client closes it unread.
///
/// A guest that sends its request first and finishes an empty body after that would else see, now and then, that the
/// connection was lost. One that does write gets its stream closed, and the log of `sender` tells it.
pub(super) fn keep_open(request: Request<WasiBody>, sender: &Current, time: Duration) -> Request<WasiBody> {
    match is_bodiless(&request) {
        true => request.map(|body| {
            let log = LineLog::new(sender.clone());
            Unasked { body: Some(body), is_asked: false, log, time }.boxed_unsync()
        }),
        false => request,
    }
}

struct Unasked {
    /// `None` when it is dropped, and not before.
    body: Option<WasiBody>,
    is_asked: bool,
    log: LineLog,
    time: Duration,
}

impl Body for Unasked {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.is_asked = true;
        self.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Unasked {
    fn drop(&mut self) {
        // Without a runtime the host ends, and its guests with it.
        if let (false, Some(body), Ok(runtime)) = (self.is_asked, self.body.take(), Handle::try_current()) {
            drop(runtime.spawn(timeout(self.time, until_something(body, self.log.clone()))));
        }
    }
}

/// Reads the body to its end, or to the first byte or trailer in it.
async fn until_something(mut body: WasiBody, log: LineLog) {
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if frame.data_ref().is_none_or(|data| !data.is_empty()) {
            let what = "what was written into a GET or HEAD request without a content-length was not sent";
            log.line(Source::Log(Level::WARN), "wasi:http", what.as_bytes());
            return;
        }
    }
}
