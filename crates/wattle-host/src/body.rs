//! A body with bounds: how large it may be, and how long it may stand still.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::Error;

/// What a body must keep to.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// How many bytes it may have.
    pub(crate) size: u64,
    /// The error of one that has more.
    pub(crate) too_large: fn(Option<u64>) -> Error,
    /// How long it may stand still. `None`: something else ends it.
    pub(crate) pause: Option<Duration>,
}

/// A body within its bounds.
pub(crate) struct Bounded<B> {
    body: B,
    left: u64,
    bounds: Bounds,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<B> Bounded<B> {
    pub(crate) fn new(body: B, bounds: Bounds) -> Self {
        Self { body, left: bounds.size, bounds, stalled: None }
    }

    /// While nothing arrives: whether it has taken too long.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.bounds.pause {
            Some(pause) => self.stalled.get_or_insert_with(|| Box::pin(sleep(pause))).as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// Takes a piece into account.
    fn count(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Error> {
        let len = frame.data_ref().map_or(0, Bytes::len) as u64;
        match self.left.checked_sub(len) {
            Some(left) => {
                self.left = left;
                Ok(frame)
            }
            None => {
                // Whoever reads on gets no more of it either.
                self.left = 0;
                Err((self.bounds.too_large)(Some(self.bounds.size)))
            }
        }
    }
}

impl<B> Body for Bounded<B>
where
    B: Body<Data = Bytes, Error: Into<Error>> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => self.poll_stalled(cx).map(|()| Some(Err(Error::ConnectionReadTimeout))),
            Poll::Ready(frame) => {
                self.stalled = None;
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into).and_then(|frame| self.count(frame))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
