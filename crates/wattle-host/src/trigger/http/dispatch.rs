//! From a request to an instance: one that is warm and has room on this core, else a new one.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use tokio::sync::{mpsc, oneshot};
use wasmtime_wasi_http::WasiBody;

use super::admission::Permit;
use super::calls::OpenCall;
use super::request_body::RequestBody;
use super::{serial, shared};
use crate::answer::Failure;
use crate::component::{Component, Identity, Service};
use crate::cores::CoreId;
use crate::invocation::{Invocation, RequestId};
use crate::telemetry::Metered;

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
    /// Tells whether the rest of the answer was lost.
    pub(super) reply: Reply,
    /// The call, where the instance serves others too.
    pub(super) call: Option<OpenCall>,
}

/// Where the answer goes. The first one counts.
#[derive(Clone)]
pub(super) struct Reply(Arc<ReplyState>);

struct ReplyState {
    sender: Mutex<Option<oneshot::Sender<Result<Answered, Failure>>>>,
    lost: AtomicBool,
    component: Arc<Identity>,
    request: RequestId,
}

impl Reply {
    pub(super) fn new(
        sender: oneshot::Sender<Result<Answered, Failure>>,
        component: &Component,
        request: RequestId,
    ) -> Self {
        Self(Arc::new(ReplyState {
            sender: Mutex::new(Some(sender)),
            lost: AtomicBool::new(false),
            component: component.identity.clone(),
            request,
        }))
    }

    fn sender(&self) -> Option<oneshot::Sender<Result<Answered, Failure>>> {
        self.0.sender.lock().expect("invariant: nothing panics while it holds this lock").take()
    }

    /// Sends the answer, unless there has been one.
    pub(super) fn send(&self, answer: Result<Answered, Failure>) {
        if let Some(sender) = self.sender() {
            // That nobody waits for it any more is the client's choice.
            let _ = sender.send(answer);
        }
    }

    /// Tells of a failure: the client if it has no answer yet, else the log alone.
    pub(super) fn fail(&self, failure: Failure) {
        match self.sender() {
            Some(sender) => drop(sender.send(Err(failure))),
            None => self.log(&failure),
        }
    }

    /// Tells the log why an answer that had begun is cut.
    pub(super) fn log(&self, failure: &Failure) {
        if let Some(series) = &self.0.component.series {
            series.failed(failure.code());
        }
        self.0.component.log_failure(failure, self.0.request, " (its answer had begun and is cut)");
    }

    /// What has not been written of the answer never will be.
    pub(super) fn lose(&self) {
        self.0.lost.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.0.lost.load(Ordering::Relaxed)
    }
}

/// Gives `job` to an instance of `component` on this core.
pub(super) fn dispatch(component: &Arc<Component>, core: CoreId, job: Job) {
    let Some(job) = component.warm.offer(core, job) else { return };
    let series = component.identity.series.as_ref();
    // In boxes: the runtime moves a task several times before its first turn, and these are large.
    match &component.service {
        Service::Serial(_) => {
            tokio::spawn(Metered::new(series, core, Box::pin(serial::run(component.clone(), core, job))));
        }
        Service::Shared(_) => {
            tokio::spawn(Metered::new(series, core, Box::pin(shared::run(component.clone(), core, job))));
        }
        Service::None => job.reply.fail(Failure::NoRoute),
    }
}

impl Component {
    /// An instance on `core` takes requests from now on, until what is returned is dropped.
    pub(super) fn keep<'c>(&'c self, core: CoreId, instance: &'c Arc<Warmth>) -> Kept<'c> {
        self.warm.add(core, instance);
        if let Some(series) = &self.identity.series {
            series.on(core).instance_kept();
        }
        Kept { component: self, core, instance }
    }
}

/// An instance is found by requests: also when a bug ends its task, no longer than that.
pub(super) struct Kept<'c> {
    component: &'c Component,
    core: CoreId,
    instance: &'c Arc<Warmth>,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.component.warm.remove(self.core, self.instance);
        if let Some(series) = &self.component.identity.series {
            series.on(self.core).instance_gone();
        }
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
    /// How many requests inside led to each that it serves. `None`: it serves one at a time.
    ///
    /// What a request inside waits for is never served by an instance that waits for that request: it is one deeper.
    depth: Option<u32>,
}

impl Warm {
    pub(crate) fn new(cores: usize, kept: bool) -> Self {
        Self { cores: (0..cores).map(|_| Mutex::default()).collect(), kept }
    }

    fn list(&self, core: CoreId) -> std::sync::MutexGuard<'_, Vec<Arc<Warmth>>> {
        self.cores[core.0].lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// Gives `job` to an instance that has room, or back.
    fn offer(&self, core: CoreId, job: Job) -> Option<Job> {
        if !self.kept {
            return Some(job);
        }
        self.list(core).iter().try_fold(job, |job, instance| instance.take(job))
    }

    fn add(&self, core: CoreId, instance: &Arc<Warmth>) {
        self.list(core).push(instance.clone());
    }

    fn remove(&self, core: CoreId, instance: &Arc<Warmth>) {
        self.list(core).retain(|other| !Arc::ptr_eq(other, instance));
    }

    /// Lets every instance end once it has rested.
    pub(crate) fn clear(&self) {
        for core in &self.cores {
            for instance in core.lock().expect("invariant: nothing panics while it holds this lock").drain(..) {
                instance.retire();
            }
        }
    }
}

impl Warmth {
    /// An instance that takes one request at a time and `left` in all, beside the one it was made for.
    pub(super) fn serial(left: u32) -> (Arc<Self>, mpsc::Receiver<Job>) {
        Self::new(1, left, None)
    }

    /// One that takes `concurrency` requests at a time, all of them as deep as the one it was made for.
    pub(super) fn shared(concurrency: u32, left: u32, depth: u32) -> (Arc<Self>, mpsc::Receiver<Job>) {
        Self::new(concurrency, left, Some(depth))
    }

    fn new(concurrency: u32, left: u32, depth: Option<u32>) -> (Arc<Self>, mpsc::Receiver<Job>) {
        let (inbox, jobs) = mpsc::channel(concurrency as usize);
        let instance = Self { inbox, room: AtomicU32::new(concurrency - 1), left: AtomicU32::new(left), depth };
        (Arc::new(instance), jobs)
    }

    // Whoever offers and the instance itself run on one core, so plain loads and stores do.
    /// Takes `job` if there is room, or gives it back.
    fn take(&self, job: Job) -> Option<Job> {
        let (room, left) = (self.room.load(Ordering::Relaxed), self.left.load(Ordering::Relaxed));
        let is_as_deep = self.depth.is_none_or(|depth| depth == job.invocation.chain.length);
        if room == 0 || left == 0 || !is_as_deep {
            return Some(job);
        }
        if let Err(refused) = self.inbox.try_send(job) {
            return Some(refused.into_inner());
        }
        self.room.store(room - 1, Ordering::Relaxed);
        self.left.store(left - 1, Ordering::Relaxed);
        None
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
}
