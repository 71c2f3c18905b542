//! Instances of a callee: each a task on the core of its first caller, with a store of its own. It answers one call at a
//! time, and after it others of that core if its component wants to be reused.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use wasmtime::Store;
use wasmtime::component::{Instance, Val};

use super::admission::{Admission, Admitted};
use super::job::{Answer, Called, Job};
use crate::capability::patience::{Patience, TimedOut};
use crate::component::{Component, Program};
use crate::cores::CoreId;
use crate::instance::{Deadline, Guest, new_store};
use crate::invocation::Invocation;
use crate::telemetry::Metered;
use crate::trigger::call::{Failed, outcome};

/// The instances of one component.
pub(super) struct Apart {
    resting: AllResting,
    admission: Admission,
}

/// Those that rest, by core.
type AllResting = Arc<[Mutex<Vec<Resting>>]>;

/// A way to an instance that rests, or has ended since.
type Resting = mpsc::Sender<Placed>;

/// A call with its places, which are given back behind what it used.
type Placed = (Called, Admitted);

/// An instance that works.
struct Working {
    store: Store<Guest>,
    instance: Instance,
}

impl Apart {
    /// On so many `cores`.
    pub(super) fn new(cores: usize, admission: Admission) -> Self {
        Self { resting: (0..cores).map(|_| Mutex::default()).collect(), admission }
    }

    /// Calls `component` on `core`, which is the one that this runs on. When this is dropped, or the `patience` of whoever
    /// calls has ended, the callee ends at its next turn.
    pub(super) async fn call(&self, component: &Arc<Component>, core: CoreId, job: Job, patience: &Patience) -> Answer {
        let places = self.admission.enter(&job.invocation, patience).await?;
        let answered = self.ask(component, core, job, places);
        match patience.within(answered).await {
            Ok(answer) => answer.unwrap_or(Err(Failed::Lost)),
            Err(TimedOut) => Err(Failed::Deadline),
        }
    }

    /// Lets an instance that rests answer, or a new one.
    fn ask(&self, component: &Arc<Component>, core: CoreId, job: Job, places: Admitted) -> oneshot::Receiver<Answer> {
        let (called, answered) = job.asked();
        let mut called = (called, places);
        while let Some(resting) = self.take(core) {
            match resting.try_send(called) {
                Ok(()) => return answered,
                // It has ended.
                Err(refused) => called = refused.into_inner(),
            }
        }
        // A task of its own: calls of one store do not nest in those of another.
        let called = run(component.clone(), self.resting.clone(), core, called);
        tokio::spawn(Metered::new(component.identity.series.as_ref(), core, called));
        answered
    }

    /// Ends the instances that rest.
    pub(super) fn clear(&self) {
        self.resting.iter().for_each(|core| whole(core).clear());
    }

    fn take(&self, CoreId(core): CoreId) -> Option<Resting> {
        whole(&self.resting[core]).pop()
    }
}

/// Makes an instance for `first` and lets it answer until it is used up, fails or has rested too long.
async fn run(component: Arc<Component>, resting: AllResting, core: CoreId, first: Placed) {
    let (Called { job, mut answer }, mut places) = first;
    let started = tokio::select! {
        biased;
        // Whoever called is gone.
        () = answer.closed() => return,
        started = Working::start(&component, core, &job.invocation) => started,
    };
    let mut working = match started {
        Ok(working) => working,
        Err(failed) => return drop(answer.send(Err(failed))),
    };
    let mut called = Called { job, answer };
    for left in (0..component.policy.reuse.get()).rev() {
        if !working.answer(called).await || left == 0 {
            return;
        }
        let (sender, mut calls) = mpsc::channel(1);
        working.store.data_mut().deadline = Deadline::None;
        drop(places);
        // What it holds open is of the links that it had.
        rest(&resting[core.0], sender, || !working.store.data().has_old_links());
        let Ok(Some(next)) = timeout(component.policy.idle, calls.recv()).await else { return };
        (called, places) = next;
        working.store.data_mut().wake(&called.job.invocation);
        working.store.set_epoch_deadline(1);
    }
}

impl Working {
    async fn start(component: &Component, core: CoreId, invocation: &Invocation) -> Result<Self, Failed> {
        let Program::Component(pre) = &component.program else { return Err(Failed::Lost) };
        let mut store = new_store(component, core, invocation);
        let instance = invocation.within(pre.instantiate_async(&mut store)).await;
        let instance = outcome(instance, &store)?;
        Ok(Self { store, instance })
    }

    /// Answers one call to its end. Whether it can answer another.
    async fn answer(&mut self, called: Called) -> bool {
        let Called { job, mut answer } = called;
        let ended = tokio::select! {
            biased;
            () = answer.closed() => return false,
            ended = job.invocation.within(self.call(&job)) => ended,
        };
        let returned = outcome(ended, &self.store);
        let is_whole = returned.is_ok();
        let _ = answer.send(returned);
        is_whole
    }

    async fn call(&mut self, job: &Job) -> wasmtime::Result<Vec<Val>> {
        let function = self.instance.get_func(&mut self.store, job.function.index);
        let function = function.ok_or_else(|| job.function.lacking())?;
        let mut results = job.results();
        function.call_async(&mut self.store, &job.arguments, &mut results).await?;
        Ok(results)
    }
}

/// Lets `instance` be found if it `is_current`, which is asked while nobody can look for those that rest: whoever changes links
/// does so behind that. An instance that cannot be found has no next call, and ends.
fn rest<T>(resting: &Mutex<Vec<T>>, instance: T, is_current: impl FnOnce() -> bool) {
    let mut resting = whole(resting);
    if is_current() {
        resting.push(instance);
    }
}

fn whole<T>(resting: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    // Whole at every point where a panic could come.
    resting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Links that change while an instance is about to rest: whoever clears comes before its links are looked at, or finds it.
    #[test]
    fn nobody_clears_in_between() {
        let resting = Mutex::new(Vec::new());
        rest(&resting, "new", || resting.try_lock().is_err());
        rest(&resting, "old", || false);
        assert_eq!(*whole(&resting), ["new"]);
    }
}
