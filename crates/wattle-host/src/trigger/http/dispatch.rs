//! From a request to an instance: one that is warm and has room on this core, else a new one.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use tokio::sync::{Notify, mpsc, oneshot};
use wasmtime_wasi_http::WasiBody;

use super::admission::Permit;
use super::request_body::RequestBody;
use super::{serial, shared};
use crate::answer::Failure;
use crate::component::{Component, Service};
use crate::cores::CoreId;
use crate::invocation::Invocation;

/// A request on its way to an instance.
pub(crate) struct Job {
    pub(super) request: Request<RequestBody>,
    pub(super) invocation: Invocation,
    pub(super) permit: Permit,
    pub(super) client: Client,
    pub(super) reply: Reply,
}

/// Whether the client is still there: an error says that it went away, a value that it has the whole answer.
pub(super) type Client = oneshot::Receiver<()>;

/// What an instance answered.
pub(super) struct Answered {
    pub(super) response: Response<WasiBody>,
    /// The request's place, where the answer outlives the call.
    pub(super) permit: Option<Permit>,
    /// The instance that still writes the answer, where it serves others too.
    pub(super) instance: Option<OpenAnswer>,
}

/// Where the answer goes. The first one counts.
#[derive(Clone)]
pub(super) struct Reply(Arc<Mutex<Option<oneshot::Sender<Result<Answered, Failure>>>>>);

impl Reply {
    pub(super) fn new(sender: oneshot::Sender<Result<Answered, Failure>>) -> Self {
        Self(Arc::new(Mutex::new(Some(sender))))
    }

    /// Sends the answer, or gives it back if there has been one.
    pub(super) fn send(&self, answer: Result<Answered, Failure>) -> Result<(), Result<Answered, Failure>> {
        match self.0.lock().expect("invariant: nothing panics while it holds this lock").take() {
            // That nobody waits for it any more is the client's choice.
            Some(sender) => Ok(drop(sender.send(answer))),
            None => Err(answer),
        }
    }

    /// Tells of a failure: the client if it has no answer yet, else the log alone.
    pub(super) fn fail(&self, failure: Failure, component: &Component, invocation: Invocation) {
        if let Err(Err(failure)) = self.send(Err(failure)) {
            let context = format_args!("{} (its answer had begun and is cut)", component.identity).to_string();
            failure.log(&context, invocation.request);
        }
    }
}

/// Gives `job` to an instance of `component` on this core.
pub(super) fn dispatch(component: &Arc<Component>, core: CoreId, job: Job) {
    let Err(job) = component.warm.offer(core, job) else { return };
    match &component.service {
        Service::Serial(_) => drop(tokio::spawn(serial::run(component.clone(), core, job))),
        Service::Shared(_) => drop(tokio::spawn(shared::run(component.clone(), core, job))),
        Service::None(_) => job.reply.fail(Failure::NoRoute, component, job.invocation),
    }
}

/// The living instances of a component, by core. Each core sees its own only.
pub(crate) struct Warm {
    cores: Vec<Mutex<Vec<Arc<Warmth>>>>,
    /// Whether instances are used more than once at all.
    kept: bool,
}

/// A living instance that takes requests.
pub(crate) struct Warmth {
    inbox: mpsc::Sender<Job>,
    /// How many more requests it can take now.
    room: AtomicU32,
    /// How many more it will take before it ends.
    left: AtomicU32,
    /// It ended before its answers were complete.
    lost: AtomicBool,
    /// Answers that are still being written.
    open: AtomicUsize,
    closed: Notify,
}

impl Warm {
    pub(crate) fn new(cores: usize, kept: bool) -> Self {
        Self { cores: (0..cores).map(|_| Mutex::default()).collect(), kept }
    }

    fn list(&self, core: CoreId) -> std::sync::MutexGuard<'_, Vec<Arc<Warmth>>> {
        self.cores[core.0].lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// Gives `job` to an instance that has room, or back.
    fn offer(&self, core: CoreId, job: Job) -> Result<(), Job> {
        if !self.kept {
            return Err(job);
        }
        let mut job = job;
        for instance in self.list(core).iter() {
            match instance.take(job) {
                Ok(()) => return Ok(()),
                Err(back) => job = back,
            }
        }
        Err(job)
    }

    pub(super) fn add(&self, core: CoreId, instance: &Arc<Warmth>) {
        self.list(core).push(instance.clone());
    }

    pub(super) fn remove(&self, core: CoreId, instance: &Arc<Warmth>) {
        self.list(core).retain(|other| !Arc::ptr_eq(other, instance));
    }

    /// Lets every instance end once it has nothing left to do.
    pub(crate) fn clear(&self) {
        for core in &self.cores {
            core.lock().expect("invariant: nothing panics while it holds this lock").clear();
        }
    }
}

impl Warmth {
    /// An instance that takes `concurrency` requests at a time and `left` in all, beside the one it was made for.
    pub(super) fn new(concurrency: u32, left: u32) -> (Arc<Self>, mpsc::Receiver<Job>) {
        let (inbox, jobs) = mpsc::channel(concurrency as usize);
        let instance = Self {
            inbox,
            room: AtomicU32::new(concurrency - 1),
            left: AtomicU32::new(left),
            lost: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            closed: Notify::new(),
        };
        (Arc::new(instance), jobs)
    }

    // Whoever offers and the instance itself run on one core, so plain loads and stores do.
    fn take(&self, job: Job) -> Result<(), Job> {
        let (room, left) = (self.room.load(Ordering::Relaxed), self.left.load(Ordering::Relaxed));
        if room == 0 || left == 0 {
            return Err(job);
        }
        self.inbox.try_send(job).map_err(mpsc::error::TrySendError::into_inner)?;
        self.room.store(room - 1, Ordering::Relaxed);
        self.left.store(left - 1, Ordering::Relaxed);
        Ok(())
    }

    /// A request is done, there is room for another.
    pub(super) fn give_back(&self) {
        self.room.fetch_add(1, Ordering::Relaxed);
    }

    /// No more requests.
    pub(super) fn retire(&self) {
        self.left.store(0, Ordering::Relaxed);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// What is being written now is not complete and never will be.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Waits until no answer is being written.
    pub(super) async fn answers_closed(&self) {
        while self.open.load(Ordering::Relaxed) > 0 {
            self.closed.notified().await;
        }
    }
}

/// An answer that a shared instance writes.
pub(super) struct OpenAnswer(Arc<Warmth>);

impl OpenAnswer {
    pub(super) fn new(instance: Arc<Warmth>) -> Self {
        instance.open.fetch_add(1, Ordering::Relaxed);
        Self(instance)
    }

    /// Whether the instance ended before the answer was complete.
    pub(super) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// The instance did not write in time: it gets no more requests.
    pub(super) fn overdue(&self) {
        self.0.retire();
        self.0.closed.notify_one();
    }
}

impl Drop for OpenAnswer {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.closed.notify_one();
    }
}
