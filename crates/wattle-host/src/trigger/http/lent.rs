//! The body of an answer inside. Whoever does not take an answer from outside loses its connection; here there is none to
//! lose, and what lies unread would keep its places. So it ends by itself.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use wasmtime_wasi_http::Error;

use super::answer_body::AnswerBody;

/// A body that is there until its term is over.
pub(super) struct Lent {
    lying: Arc<Mutex<Lying>>,
    watch: JoinHandle<()>,
}

/// How long an answer may lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    /// When whoever answers, or whoever asked, must have ended.
    pub(super) deadline: Option<Instant>,
    /// How long nobody may ask for more of it.
    pub(super) pause: Duration,
}

struct Lying {
    /// `None`: its term is over.
    held: Option<Held>,
    /// When somebody last asked for more.
    asked: Instant,
    /// Whoever waits for more.
    reader: Option<Waker>,
}

/// What the answer keeps.
struct Held {
    body: AnswerBody,
    _place: OwnedSemaphorePermit,
}

impl Lent {
    /// The `body` of an answer to a request with this `place`.
    pub(super) fn new(body: AnswerBody, place: OwnedSemaphorePermit, term: Term) -> Self {
        let held = Some(Held { body, _place: place });
        let lying = Arc::new(Mutex::new(Lying { held, asked: Instant::now(), reader: None }));
        let watch = tokio::spawn(end(lying.clone(), term));
        Self { lying, watch }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.watch.abort();
        let held = whole(&self.lying).held.take();
        drop(held);
    }
}

impl Lying {
    /// When its term is over, as far as is known now.
    fn over(&self, term: Term) -> Instant {
        let asked = if self.reader.is_some() { Instant::now() } else { self.asked };
        let stands_still = asked + term.pause;
        term.deadline.map_or(stands_still, |deadline| deadline.min(stands_still))
    }
}

/// Ends what lies when its term is over.
async fn end(lying: Arc<Mutex<Lying>>, term: Term) {
    loop {
        let over = whole(&lying).over(term);
        if over <= Instant::now() {
            break;
        }
        sleep_until(over.into()).await;
    }
    let (held, reader) = {
        let mut lying = whole(&lying);
        (lying.held.take(), lying.reader.take())
    };
    drop(held);
    if let Some(reader) = reader {
        reader.wake();
    }
}

fn whole(lying: &Mutex<Lying>) -> MutexGuard<'_, Lying> {
    // Whole at every point where a panic could come.
    lying.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Body for Lent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut lying = whole(&self.lying);
        let Some(held) = &mut lying.held else { return Poll::Ready(Some(Err(Error::HttpResponseTimeout))) };
        let frame = Pin::new(&mut held.body).poll_frame(cx);
        lying.asked = Instant::now();
        lying.reader = frame.is_pending().then(|| cx.waker().clone());
        // Whoever answered has told the log why.
        frame.map_err(|_| Error::HttpResponseIncomplete)
    }

    fn is_end_stream(&self) -> bool {
        whole(&self.lying).held.as_ref().is_some_and(|held| held.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        whole(&self.lying).held.as_ref().map_or_else(SizeHint::default, |held| held.body.size_hint())
    }
}
