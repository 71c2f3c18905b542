//! What an instance does now: who it is, where it runs, and which request it serves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::component::Identity;
use crate::cores::CoreId;
use crate::invocation::{Chain, Invocation, RequestId, TriggerKind};
use crate::telemetry::{Series, Trace};

/// What a component of an instance does now. All copies change together, and so do those of all its components.
#[derive(Clone)]
pub(crate) struct Current {
    identity: Arc<Identity>,
    state: Arc<State>,
}

struct State {
    core: CoreId,
    /// An instance goes by the first request that it served.
    instance: RequestId,
    /// What calls the instance.
    trigger: TriggerKind,
    /// The request that the instance serves now. One that serves several at a time names the latest.
    request: AtomicU64,
    /// The trace that its calls of the host belong to, if there is one that they can only belong to.
    trace: Mutex<Option<Trace>>,
    task: Mutex<Task>,
}

/// What requests inherit that the instance sends to its own app. One that serves several at a time goes by the latest.
#[derive(Debug, Clone, Copy, Default)]
struct Task {
    chain: Chain,
    deadline: Option<Instant>,
}

impl Current {
    /// An instance of `identity` on `core` that is made for `first`.
    pub(crate) fn new(identity: Arc<Identity>, core: CoreId, first: &Invocation) -> Self {
        let Invocation { request: instance, trigger, .. } = *first;
        let request = AtomicU64::new(instance.0);
        let state = State { core, instance, trigger, request, trace: Mutex::default(), task: Mutex::default() };
        let current = Self { identity, state: Arc::new(state) };
        current.serve_alone(first);
        current
    }

    /// The same for another component of the instance.
    pub(super) fn of(&self, identity: Arc<Identity>) -> Self {
        Self { identity, state: self.state.clone() }
    }

    pub(crate) fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    pub(crate) fn core(&self) -> CoreId {
        self.state.core
    }

    pub(crate) fn instance(&self) -> RequestId {
        self.state.instance
    }

    pub(crate) fn trigger(&self) -> TriggerKind {
        self.state.trigger
    }

    pub(crate) fn request(&self) -> RequestId {
        RequestId(self.state.request.load(Ordering::Relaxed))
    }

    /// The numbers of its component. `None`: nobody asked for them, nor for traces.
    pub(crate) fn series(&self) -> Option<&Arc<Series>> {
        self.identity.series.as_ref()
    }

    pub(crate) fn trace(&self) -> Option<Trace> {
        self.slot().clone()
    }

    /// The requests inside that led to what it serves now.
    pub(crate) fn chain(&self) -> Chain {
        self.task().chain
    }

    /// When what it serves now must have ended.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.task().deadline
    }

    /// From now on lines, and requests to its own app, belong to `invocation`.
    pub(crate) fn serve(&self, invocation: &Invocation) {
        self.state.request.store(invocation.request.0, Ordering::Relaxed);
        *self.task() = Task { chain: invocation.chain, deadline: invocation.deadline };
    }

    /// So many requests inside led to what the instance works for, whichever that is.
    pub(crate) fn at_depth(&self, length: u32) {
        *self.task() = Task { chain: Chain { length, sender: None }, deadline: None };
    }

    /// From now on calls of the host belong to `trace`.
    pub(crate) fn follow(&self, trace: Option<&Trace>) {
        if self.series().is_some() {
            *self.slot() = trace.cloned();
        }
    }

    /// The same of both, for an instance that works for this `invocation` alone.
    pub(crate) fn serve_alone(&self, invocation: &Invocation) {
        self.serve(invocation);
        self.follow(invocation.trace.as_ref());
    }

    /// From now on lines belong to no more than the instance, and calls of the host to no trace.
    pub(crate) fn rest(&self) {
        self.state.request.store(self.state.instance.0, Ordering::Relaxed);
        self.at_depth(0);
        self.follow(None);
    }

    fn task(&self) -> MutexGuard<'_, Task> {
        self.state.task.lock().expect("invariant: nothing panics while it holds this lock")
    }

    fn slot(&self) -> MutexGuard<'_, Option<Trace>> {
        self.state.trace.lock().expect("invariant: nothing panics while it holds this lock")
    }
}
