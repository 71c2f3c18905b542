//! An answer's body on its way to the client: bounded in size, and never complete in appearance when it is not.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::WasiBody;

use super::admission::Permit;
use super::dispatch::OpenAnswer;
use super::wire::Progress;

/// The body of an answer. When it is dropped, its connection rests.
pub(crate) struct AnswerBody {
    source: Source,
    progress: Arc<Progress>,
}

enum Source {
    Ours(Full<Bytes>),
    Guest(Box<GuestBody>),
}

/// A body that an instance writes.
pub(super) struct GuestBody {
    pub(super) body: WasiBody,
    /// How many bytes the component may still answer.
    pub(super) left: u64,
    /// How many bytes its head announced and are still missing.
    pub(super) announced: Option<u64>,
    /// Tells the instance that the client has everything; dropped, that the client is gone.
    pub(super) delivery: Option<oneshot::Sender<()>>,
    /// When the instance is a shared one: it, and when it must have written everything.
    pub(super) instance: Option<(OpenAnswer, Instant)>,
    pub(super) overdue: Option<Pin<Box<Sleep>>>,
    pub(super) _permit: Option<Permit>,
}

/// Why a body was cut.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the component wrote more than its limit response-body")]
    TooLarge,
    #[error("the component did not finish its answer within its deadline")]
    Deadline,
    #[error("the instance that wrote this answer was lost")]
    InstanceLost,
    #[error("the component broke its answer off: {0}")]
    Broken(wasmtime_wasi_http::Error),
}

impl AnswerBody {
    pub(super) fn ours(body: Full<Bytes>, progress: Arc<Progress>) -> Self {
        Self { source: Source::Ours(body), progress }
    }

    pub(super) fn guest(body: GuestBody, progress: Arc<Progress>) -> Self {
        Self { source: Source::Guest(Box::new(body)), progress }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.progress.rest();
    }
}

impl GuestBody {
    /// The client has everything.
    fn complete(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            let _ = delivery.send(());
        }
    }

    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<Cut> {
        let Some((instance, deadline)) = &self.instance else { return Poll::Pending };
        let sleep = self.overdue.get_or_insert_with(|| Box::pin(sleep_until(*deadline)));
        sleep.as_mut().poll(cx).map(|()| {
            instance.overdue();
            Cut::Deadline
        })
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_overdue(cx).map(|cut| Some(Err(cut)));
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                let len = frame.data_ref().map_or(0, Bytes::len) as u64;
                let Some(left) = self.left.checked_sub(len) else { return Poll::Ready(Some(Err(Cut::TooLarge))) };
                self.left = left;
                self.announced = self.announced.map(|announced| announced.saturating_sub(len));
                // With the last announced byte out, nobody asks for more.
                if self.announced == Some(0) || frame.is_trailers() {
                    self.complete();
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => Some(Err(Cut::Broken(error))),
            None if self.instance.as_ref().is_some_and(|(instance, _)| instance.is_lost()) => {
                Some(Err(Cut::InstanceLost))
            }
            None => {
                self.complete();
                None
            }
        })
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut self.source {
            Source::Ours(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Source::Guest(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Ours(body) => body.is_end_stream(),
            // Only the end itself shows whether the instance was lost.
            Source::Guest(body) => body.instance.is_none() && body.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Ours(body) => body.size_hint(),
            Source::Guest(body) => body.body.size_hint(),
        }
    }
}
