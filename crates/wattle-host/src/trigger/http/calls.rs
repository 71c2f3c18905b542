//! The calls under way in an instance that serves several at a time, watched from outside of it.
//!
//! While a guest computes, or sits in a call of the host that blocks it, nothing inside of its store gets a turn. So
//! what must happen on time is decided here: the instance ends when a call is past its deadline, and, if the instance
//! belongs to one client, when that client is gone.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;
use tokio::time::{Sleep, sleep_until};

use super::dispatch::{Client, Reply};
use crate::answer::Failure;
use crate::component::Component;
use crate::instance::{ComputedTooLong, Current, SharedDeadline};
use crate::invocation::{Invocation, RequestId};

/// How long after its deadline a call may go on before the instance is ended: its own timers come first.
const GRACE: Duration = Duration::from_millis(10);

/// The calls of one instance, from their arrival until their answer is written.
pub(super) struct Calls {
    under_way: Mutex<Vec<Call>>,
    latest_deadline: Mutex<Option<Instant>>,
    /// What the instance is told of them.
    current: Current,
    /// Until when the guest may compute: the first deadline of a call, or the last there was when there is none.
    deadline: SharedDeadline,
    abandoned: AtomicBool,
    /// Whoever watches from outside.
    watcher: AtomicWaker,
    /// Whoever waits inside for the last answer to be written.
    ended: tokio::sync::Notify,
}

struct Call {
    invocation: Invocation,
    reply: Reply,
    /// Until the head of the answer is there.
    client: Option<Client>,
}

/// A call whose answer is being written. It ends with this.
pub(super) struct OpenCall {
    calls: Arc<Calls>,
    request: RequestId,
    complete: bool,
}

/// Why an instance is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A call is past its deadline.
    Overdue,
    /// The only client is gone.
    Abandoned,
}

impl Calls {
    /// Those of the instance `current`.
    pub(super) fn new(current: Current) -> Self {
        Self {
            under_way: Mutex::default(),
            latest_deadline: Mutex::default(),
            current,
            deadline: SharedDeadline::default(),
            abandoned: AtomicBool::new(false),
            watcher: AtomicWaker::new(),
            ended: tokio::sync::Notify::new(),
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Call>> {
        self.under_way.lock().expect("invariant: nothing panics while it holds this lock")
    }

    pub(super) fn begin(&self, invocation: &Invocation, reply: &Reply, client: Client) {
        self.current.serve(invocation);
        self.list().push(Call { invocation: invocation.clone(), reply: reply.clone(), client: Some(client) });
        let mut latest = self.latest_deadline.lock().expect("invariant: nothing panics while it holds this lock");
        *latest = (*latest).max(invocation.deadline);
        drop(latest);
        self.changed();
    }

    /// The head of the answer is there: what is returned stands for the rest of the call.
    pub(super) fn answered(self: &Arc<Self>, invocation: &Invocation) -> OpenCall {
        for call in self.list().iter_mut().filter(|call| call.invocation.request == invocation.request) {
            call.client = None;
        }
        OpenCall { calls: self.clone(), request: invocation.request, complete: false }
    }

    pub(super) fn end(&self, request: RequestId) {
        self.list().retain(|call| call.invocation.request != request);
        self.ended.notify_one();
        self.changed();
    }

    /// What the store looks at while its guest computes.
    pub(super) fn deadline(&self) -> SharedDeadline {
        self.deadline.clone()
    }

    fn changed(&self) {
        let earliest = {
            let list = self.list();
            // With several under way nobody can tell for which of them the guest calls the host.
            let only = if let [only] = list.as_slice() { only.invocation.trace.as_ref() } else { None };
            self.current.follow(only);
            list.iter().filter_map(|call| call.invocation.deadline).min()
        };
        let deadline = earliest.or_else(|| self.latest_deadline());
        *self.deadline.lock().expect("invariant: nothing panics while it holds this lock") = deadline;
        self.watcher.wake();
    }

    /// The last deadline of all calls that there have been.
    pub(super) fn latest_deadline(&self) -> Option<Instant> {
        *self.latest_deadline.lock().expect("invariant: nothing panics while it holds this lock")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// Waits until every answer is written.
    pub(super) async fn all_ended(&self) {
        while !self.is_empty() {
            self.ended.notified().await;
        }
    }

    /// Waits until the instance must be ended. `owned`: it serves one client at a time and ends with it.
    pub(super) async fn verdict(&self, owned: Owned) -> Verdict {
        let mut alarm = None;
        std::future::poll_fn(|cx| self.poll_verdict(cx, owned, &mut alarm)).await
    }

    fn poll_verdict(&self, cx: &mut Context<'_>, owned: Owned, alarm: &mut Alarm) -> Poll<Verdict> {
        self.watcher.register(cx.waker());
        if owned == Owned::ByOneClient && (self.abandoned.load(Ordering::Relaxed) || self.poll_client_gone(cx)) {
            return Poll::Ready(Verdict::Abandoned);
        }
        let earliest = self.list().iter().filter_map(|call| call.invocation.deadline).min();
        let Some(deadline) = earliest.map(|deadline| tokio::time::Instant::from_std(deadline + GRACE)) else {
            return Poll::Pending;
        };
        let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(cx).map(|()| Verdict::Overdue)
    }

    fn poll_client_gone(&self, cx: &mut Context<'_>) -> bool {
        self.list().iter_mut().any(|call| match &mut call.client {
            Some(client) => matches!(Pin::new(client).poll(cx), Poll::Ready(Err(_))),
            None => false,
        })
    }

    /// Marks every answer that is being written as one that will never be complete.
    pub(super) fn lose(&self) {
        self.list().iter().for_each(|call| call.reply.lose());
    }

    /// Tells every call why its instance ended.
    pub(super) fn fail(&self, component: &Component, error: wasmtime::Error) {
        let calls = std::mem::take(&mut *self.list());
        let (now, too_long, alone) = (Instant::now(), error.is::<ComputedTooLong>(), calls.len() == 1);
        let mut error = Some(error);
        for Call { invocation, reply, .. } in calls {
            let failure = match error.take() {
                _ if too_long && invocation.deadline.is_some_and(|deadline| deadline <= now) => Failure::Deadline,
                Some(error) if alone && !too_long => Failure::Trap(error),
                other => {
                    error = other;
                    Failure::InstanceLost
                }
            };
            reply.fail(failure);
        }
        if let Some(error) = error.filter(|_| !too_long) {
            tracing::error!(component = %component.identity, "an instance that served several requests failed: {error:?}");
        }
    }
}

type Alarm = Option<Pin<Box<Sleep>>>;

/// Whose an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owned {
    /// It serves one request at a time.
    ByOneClient,
    /// It serves several.
    ByMany,
}

impl OpenCall {
    /// The client has the whole answer.
    pub(super) fn complete(&mut self) {
        self.complete = true;
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if !self.complete {
            self.calls.abandoned.store(true, Ordering::Relaxed);
        }
        self.calls.end(self.request);
    }
}
