//! Where calls of a service wait for its one instance, whichever that is now.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::admission::LIMIT;
use super::job::{Answer, Called, Job};
use crate::capability::patience::{Patience, TimedOut};
use crate::trigger::call::Failed;

/// How many calls wait for the instance at a time; those beyond wait to wait.
const WAITING: usize = 256;

/// Where calls wait for the instance of a service.
pub(crate) struct Desk {
    sender: mpsc::Sender<Waiting>,
    /// Locked by the instance, as long as it lives.
    calls: Mutex<mpsc::Receiver<Waiting>>,
    turns: Turns,
}

/// How many calls the instance answers at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turns {
    /// One: it is of WASI 0.2.
    One,
    /// As many as its limit says.
    Limited,
}

/// A call that has not begun.
pub(super) struct Waiting {
    called: Called,
    begun: oneshot::Sender<()>,
}

impl Desk {
    pub(super) fn new(turns: Turns) -> Arc<Self> {
        let (sender, calls) = mpsc::channel(WAITING);
        Arc::new(Self { sender, calls: Mutex::new(calls), turns })
    }

    /// Calls the instance; while there is none, the next one. How long a call waits for its turn is bounded by its own
    /// deadline and by the `patience` of whoever calls; how long it may take from then on is the service's affair, and it is
    /// not ended when nobody waits for it any more.
    pub(super) async fn call(&self, job: Job, patience: &Patience) -> Answer {
        let invocation = job.invocation.clone();
        let (called, answered) = job.asked();
        let (begun, begins) = oneshot::channel();
        let turn = async {
            self.sender.send(Waiting { called, begun }).await.map_err(|_| Failed::NotRunning)?;
            begins.await.map_err(|_| Failed::NotRunning)
        };
        match patience.within(invocation.within(turn)).await {
            Ok(Ok(begun)) => begun?,
            Ok(Err(_)) | Err(TimedOut) => return Err(self.no_turn()),
        }
        match patience.within(answered).await {
            Ok(answer) => answer.unwrap_or(Err(Failed::NotRunning)),
            Err(TimedOut) => Err(Failed::Deadline),
        }
    }

    /// The calls, for the instance that there is now.
    pub(super) async fn open(&self) -> tokio::sync::MutexGuard<'_, mpsc::Receiver<Waiting>> {
        self.calls.lock().await
    }

    /// The service will not run again: who waits need not.
    pub(crate) async fn close(&self) {
        let mut calls = self.calls.lock().await;
        calls.close();
        while calls.try_recv().is_ok() {}
    }

    fn no_turn(&self) -> Failed {
        match (self.calls.try_lock(), self.turns) {
            (Ok(_), _) => Failed::NotStarted,
            (Err(_), Turns::One) => Failed::Busy(None),
            (Err(_), Turns::Limited) => Failed::Busy(Some(LIMIT)),
        }
    }
}

impl Waiting {
    /// The call, which begins now. `None`: whoever called is gone.
    pub(super) fn begin(self) -> Option<Called> {
        let Self { called, begun } = self;
        (!called.answer.is_closed() && begun.send(()).is_ok()).then_some(called)
    }
}
