//! Where calls of a service wait for its one instance, whichever that is now.

use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, mpsc, oneshot};

use super::admission::LIMIT;
use super::job::{Answer, Called, Job};
use crate::capability::patience::{Patience, TimedOut};
use crate::places::Places;
use crate::trigger::call::{Busy, Failed};

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
pub(crate) enum Turns {
    /// One: it is of WASI 0.2.
    One,
    /// As many as there are places.
    Places(Arc<Places>),
}

/// A call that has not begun.
pub(super) struct Waiting {
    slip: Slip,
    begun: oneshot::Sender<()>,
}

/// A call that either begins or, when its caller leaves, is gone with all that it holds.
struct Slip(Arc<std::sync::Mutex<Option<Called>>>);

/// The caller of one. When this is dropped, it has left.
struct Stays(Slip);

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
        let (slip, _stays) = Slip::new(called);
        let (begun, begins) = oneshot::channel();
        let turn = async {
            self.sender.send(Waiting { slip, begun }).await.map_err(|_| Failed::Over)?;
            begins.await.map_err(|_| if self.sender.is_closed() { Failed::Over } else { Failed::NotRunning })
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
        match (self.calls.try_lock(), &self.turns) {
            (Ok(_), _) => Failed::NotStarted,
            (Err(_), Turns::One) => Failed::Busy(Busy::One),
            (Err(_), Turns::Places(places)) if places.has_room() => Failed::Busy(Busy::Computes),
            (Err(_), Turns::Places(_)) => Failed::Busy(Busy::Places(LIMIT)),
        }
    }

    /// The places of the calls that the instance answers, if it answers several at a time.
    pub(super) fn places(&self) -> Option<&Arc<Places>> {
        match &self.turns {
            Turns::One => None,
            Turns::Places(places) => Some(places),
        }
    }
}

impl Waiting {
    /// The call, which begins now. `None`: whoever called is gone.
    pub(super) fn begin(self) -> Option<Called> {
        let Self { slip, begun } = self;
        let called = slip.take()?;
        begun.send(()).is_ok().then_some(called)
    }
}

impl Slip {
    fn new(called: Called) -> (Self, Stays) {
        let slip = Arc::new(std::sync::Mutex::new(Some(called)));
        (Self(slip.clone()), Stays(Self(slip)))
    }

    /// The call, for whoever is first.
    fn take(&self) -> Option<Called> {
        // Whole at every point where a panic could come.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Stays {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::{Duration, Instant};

    use futures::FutureExt as _;
    use wasm_encoder::{ComponentExportKind, ComponentExportSection, Module, ModuleSection};
    use wasmtime::component::{Component, Val};
    use wattle_spec::units::ByteSize;

    use super::super::arguments::Arguments;
    use super::super::signature::Function;
    use super::*;
    use crate::instance::Deadline;
    use crate::invocation::{Chain, Invocation, RequestId, TriggerKind};

    /// A call of a function that there is none of, and what its arguments are counted with.
    fn job(deadline: Duration) -> (Job, Arc<Function>) {
        let engine = wasmtime::Engine::default();
        let mut code = wasm_encoder::Component::new();
        code.section(&ModuleSection(&Module::new()));
        let mut exports = ComponentExportSection::new();
        exports.export("f", ComponentExportKind::Module, 0, None);
        code.section(&exports);
        let component = Component::new(&engine, code.finish()).expect("a component");
        let index = component.get_export_index(None, "f").expect("its export");
        let function = Arc::new(Function { full_name: "f".to_owned(), index, results: 0 });
        let arguments = vec![Val::String("x".repeat(1 << 20))];
        let held = Arguments::default().hold(&arguments, ByteSize(u64::MAX)).expect("there is room");
        let (request, trigger, deadline) = (RequestId::next(), TriggerKind::Component, Some(Instant::now() + deadline));
        let invocation = Invocation { request, trigger, deadline, trace: None, chain: Chain::default() };
        (Job { function: function.clone(), arguments, invocation, _held: held }, function)
    }

    /// Whoever leaves, or has waited long enough, leaves nothing at the desk.
    #[test]
    fn who_leaves_takes_everything_along() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("make a runtime");
        let _entered = runtime.enter();
        let desk = Desk::new(Turns::One);
        let patience = Patience(Deadline::None);
        let (leaves, function) = job(Duration::from_secs(60));
        let mut called = Box::pin(desk.call(leaves, &patience));
        assert!(called.as_mut().now_or_never().is_none());
        assert_eq!(Arc::strong_count(&function), 2);
        drop(called);
        assert_eq!(Arc::strong_count(&function), 1);

        let (waits, function) = job(Duration::from_millis(10));
        let told = runtime.block_on(desk.call(waits, &patience));
        assert_eq!((told.err(), Arc::strong_count(&function)), (Some(Failed::NotStarted), 1));

        // Neither of them begins; who is still there does.
        let (stays, _) = job(Duration::from_secs(60));
        let mut called = pin!(desk.call(stays, &patience));
        assert!(called.as_mut().now_or_never().is_none());
        let mut calls = desk.open().now_or_never().expect("nobody else has it");
        let begun = std::iter::from_fn(|| calls.try_recv().ok()).filter_map(Waiting::begin).count();
        assert_eq!(begun, 1);
    }
}
