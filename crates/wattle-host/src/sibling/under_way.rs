//! The calls that the instance of a service answers beside each other (WASI 0.3), watched from outside of it.
//!
//! While a guest computes, nothing inside of its store gets a turn. So a call that is past its deadline is told so inside
//! if that gets a turn; if not, the instance is ended, with all that it answers.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep_until};
use wasmtime::component::Val;
use wasmtime::format_err;
use wattle_spec::service::Cause;

use super::admission::LIMIT;
use super::job::Answer;
use crate::instance::{ComputedTooLong, Current};
use crate::invocation::Invocation;
use crate::places::{Place, Places};
use crate::trigger::call::Failed;

/// How long past the deadline of one call the guest may compute for others.
const GRACE: Duration = Duration::from_millis(100);

/// The calls that an instance answers.
pub(super) struct UnderWay {
    state: Mutex<State>,
    places: Arc<Places>,
    /// What the instance is told of them.
    current: Current,
    beside: Beside,
    /// Whoever watches from outside.
    watcher: AtomicWaker,
}

/// What an instance does beside its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    Nothing,
    /// It runs something else, so nobody knows for whom it works.
    Run,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    begun: u64,
    has_answered: bool,
    /// When the last one ended.
    ended: Option<Instant>,
}

/// One call. It has its place until the guest has ended it, also when nobody waits for it any more.
struct Call {
    number: Number,
    invocation: Invocation,
    /// `None`: it is past its deadline, and whoever called was told so.
    answer: Option<oneshot::Sender<Answer>>,
    _place: Place,
}

/// Which call of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(u64);

/// Why an instance is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A call is past its deadline, and the guest computes.
    Overdue,
    /// All places are held by calls past their deadlines.
    Clogged,
}

impl UnderWay {
    pub(super) fn new(places: Arc<Places>, current: Current, beside: Beside) -> Self {
        Self { state: Mutex::default(), places, current, beside, watcher: AtomicWaker::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// Whether another call has a place.
    pub(super) fn has_room(&self) -> bool {
        self.places.has_room()
    }

    /// What has ended the instance, if it ends now.
    pub(super) fn cause(&self) -> Cause {
        let State { calls, begun, has_answered, ended } = &*self.state();
        match begun {
            0 => Cause::Itself,
            _ => Cause::Call { ended: ended.filter(|_| calls.is_empty()), has_answered: *has_answered },
        }
    }

    /// A call begins, for which there is room.
    pub(super) fn begin(&self, invocation: &Invocation, answer: oneshot::Sender<Answer>) -> Number {
        let place = self.places.try_enter().expect("invariant: nobody else takes places, and there was one");
        let mut state = self.state();
        state.begun += 1;
        let number = Number(state.begun);
        state.calls.push(Call { number, invocation: invocation.clone(), answer: Some(answer), _place: place });
        self.changed(state);
        number
    }

    /// It is past its deadline.
    pub(super) fn late(&self, number: Number) {
        let mut state = self.state();
        let call = state.calls.iter_mut().find(|call| call.number == number);
        if let Some(answer) = call.and_then(|call| call.answer.take()) {
            let _ = answer.send(Err(Failed::Deadline));
        }
        self.changed(state);
    }

    /// It has ended well.
    pub(super) fn end(&self, number: Number, returned: Vec<Val>) {
        let mut state = self.state();
        state.ended = Some(Instant::now());
        let place = state.calls.iter().position(|call| call.number == number);
        if let Some(waiting) = place.and_then(|place| state.calls.swap_remove(place).answer) {
            state.has_answered = true;
            // Whoever asked may be gone.
            let _ = waiting.send(Ok(returned));
        }
        self.changed(state);
    }

    fn changed(&self, state: MutexGuard<'_, State>) {
        // What a call leaves behind works on at its depth.
        let latest = state.calls.iter().max_by_key(|call| call.number.0);
        let depth = latest.map_or_else(|| self.current.chain().length, |call| call.invocation.chain.length);
        match (self.beside, state.calls.as_slice()) {
            (Beside::Nothing, [only]) => self.current.serve_alone(&only.invocation),
            (Beside::Nothing, _) => {
                self.current.rest();
                self.current.at_depth(depth);
            }
            (Beside::Run, _) => self.current.at_depth(depth),
        }
        drop(state);
        self.watcher.wake();
    }

    /// Waits until the instance must be ended.
    pub(super) async fn verdict(&self) -> Verdict {
        let mut alarm = None;
        std::future::poll_fn(|cx| self.poll_verdict(cx, &mut alarm)).await
    }

    fn poll_verdict(&self, cx: &mut Context<'_>, alarm: &mut Option<Pin<Box<Sleep>>>) -> Poll<Verdict> {
        self.watcher.register(cx.waker());
        let state = self.state();
        let in_time = || state.calls.iter().filter(|call| call.answer.is_some());
        if !self.places.has_room() && in_time().next().is_none() {
            return Poll::Ready(Verdict::Clogged);
        }
        let earliest = in_time().filter_map(|call| call.invocation.deadline).min();
        let Some(deadline) = earliest.map(|deadline| tokio::time::Instant::from_std(deadline + GRACE)) else {
            return Poll::Pending;
        };
        let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(cx).map(|()| Verdict::Overdue)
    }

    /// The instance ends: calls that are past their deadlines are told so, the others that it has ended.
    pub(super) fn lose(&self) {
        let now = Instant::now();
        for call in std::mem::take(&mut self.state().calls) {
            if let (Some(answer), true) = (call.answer, call.invocation.deadline.is_some_and(|at| at <= now)) {
                let _ = answer.send(Err(Failed::Deadline));
            }
        }
    }
}

impl From<Verdict> for wasmtime::Error {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Overdue => ComputedTooLong.into(),
            Verdict::Clogged => {
                format_err!("as many calls had not ended at their deadlines as its limit {LIMIT} lets be under way")
            }
        }
    }
}
