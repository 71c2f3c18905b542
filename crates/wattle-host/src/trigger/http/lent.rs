//! The body of an answer inside. Whoever does not take an answer from outside loses its connection; here there is none to
//! lose, and what lies unread would keep its places. So it ends by itself.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
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
    /// How long nobody may ask for more of it when there is more.
    pub(super) pause: Duration,
}

struct Lying {
    kept: Kept,
    /// When somebody last asked for more.
    asked: Instant,
    /// Told when there is more, if somebody asked in vain.
    more: Option<Arc<More>>,
}

/// What is left of an answer.
enum Kept {
    Whole(Held),
    /// It was read to its end.
    Read,
    /// Its term is over.
    Ended,
}

/// Whether there is more to read. That somebody asked does not say that anybody still waits for it.
struct More {
    since: OnceLock<Instant>,
    reader: Waker,
}

/// What the answer keeps.
struct Held {
    body: AnswerBody,
    _place: OwnedSemaphorePermit,
}

impl Lent {
    /// The `body` of an answer to a request with this `place`.
    pub(super) fn new(body: AnswerBody, place: OwnedSemaphorePermit, term: Term) -> Self {
        let kept = Kept::Whole(Held { body, _place: place });
        let lying = Arc::new(Mutex::new(Lying { kept, asked: Instant::now(), more: None }));
        let watch = tokio::spawn(end(lying.clone(), term));
        Self { lying, watch }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.watch.abort();
        let kept = whole(&self.lying).leave(Kept::Ended);
        drop(kept);
    }
}

impl Lying {
    /// When its term is over, as far as is known now.
    fn over(&self, term: Term) -> Instant {
        let lies_since = match &self.more {
            Some(more) => more.since.get().copied().unwrap_or_else(Instant::now),
            None => self.asked,
        };
        let stands_still = lies_since + term.pause;
        term.deadline.map_or(stands_still, |deadline| deadline.min(stands_still))
    }

    /// Puts `kept` in the place of what there was, which is to be dropped when this is not locked any more.
    fn leave(&mut self, kept: Kept) -> Kept {
        std::mem::replace(&mut self.kept, kept)
    }
}

impl Wake for More {
    fn wake(self: Arc<Self>) {
        let _ = self.since.set(Instant::now());
        self.reader.wake_by_ref();
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
    let (kept, more) = {
        let mut lying = whole(&lying);
        if let Kept::Read = lying.kept {
            return;
        }
        (lying.leave(Kept::Ended), lying.more.take())
    };
    drop(kept);
    if let Some(more) = more {
        more.wake();
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
        let held = match &mut lying.kept {
            Kept::Whole(held) => held,
            Kept::Read => return Poll::Ready(None),
            Kept::Ended => return Poll::Ready(Some(Err(Error::HttpResponseTimeout))),
        };
        let more = Arc::new(More { since: OnceLock::new(), reader: cx.waker().clone() });
        let frame = Pin::new(&mut held.body).poll_frame(&mut Context::from_waker(&more.clone().into()));
        lying.asked = Instant::now();
        lying.more = frame.is_pending().then_some(more);
        if let Poll::Ready(None) = frame {
            let read = lying.leave(Kept::Read);
            drop(lying);
            drop(read);
        }
        // Whoever answered has told the log why.
        frame.map_err(|_| Error::HttpResponseIncomplete)
    }

    fn is_end_stream(&self) -> bool {
        match &whole(&self.lying).kept {
            Kept::Whole(held) => held.body.is_end_stream(),
            Kept::Read => true,
            Kept::Ended => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &whole(&self.lying).kept {
            Kept::Whole(held) => held.body.size_hint(),
            Kept::Read => SizeHint::with_exact(0),
            Kept::Ended => SizeHint::default(),
        }
    }
}
