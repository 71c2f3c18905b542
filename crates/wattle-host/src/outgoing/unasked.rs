//! The body of a request that is sent without one: what the guest writes of it still finds a reader.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use http::{Method, Request, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty};
use tokio::runtime::Handle;
use wasmtime_wasi_http::{Error, WasiBody};

/// Whether HTTP/1 sends the request without its body: one of these methods whose length is not announced has none.
fn is_bodiless(request: &Request<WasiBody>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && !request.headers().contains_key(header::CONTENT_LENGTH)
        && !request.body().is_end_stream()
}

/// Keeps the guest's side of the body of `request` open where the client would close it unread.
///
/// A guest that sends its request first and finishes an empty body after that would else see, now and then, that the
/// connection was lost. One that does write gets its stream closed, and the log tells it.
pub(super) fn keep_open(request: Request<WasiBody>) -> Request<WasiBody> {
    match is_bodiless(&request) {
        true => request.map(|body| Unasked { body, asked: false }.boxed_unsync()),
        false => request,
    }
}

struct Unasked {
    body: WasiBody,
    asked: bool,
}

impl Body for Unasked {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.asked = true;
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Unasked {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !self.asked {
            let body = std::mem::replace(&mut self.body, Empty::new().map_err(|never| match never {}).boxed_unsync());
            drop(runtime.spawn(until_data(body)));
        }
    }
}

/// Reads the body to its end, or to the first byte in it.
async fn until_data(mut body: WasiBody) {
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if frame.data_ref().is_some_and(|data| data.has_remaining()) {
            tracing::warn!("what a component wrote into a GET or HEAD request without a content-length was not sent");
            return;
        }
    }
}
