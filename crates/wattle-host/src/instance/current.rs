//! What an instance does now: who it is, where it runs, and which request it serves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::component::Identity;
use crate::cores::CoreId;
use crate::invocation::{Invocation, RequestId, TriggerKind};
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
}

impl Current {
    /// An instance of `identity` on `core` that is made for `first`.
    pub(crate) fn new(identity: Arc<Identity>, core: CoreId, first: &Invocation) -> Self {
        let Invocation { request: instance, trigger, .. } = *first;
        let request = AtomicU64::new(instance.0);
        let state = State { core, instance, trigger, request, trace: Mutex::default() };
        let current = Self { identity, state: Arc::new(state) };
        current.follow(first.trace.as_ref());
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

    /// From now on lines belong to `invocation`.
    pub(crate) fn serve(&self, invocation: &Invocation) {
        self.state.request.store(invocation.request.0, Ordering::Relaxed);
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
        self.follow(None);
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Trace>> {
        self.state.trace.lock().expect("invariant: nothing panics while it holds this lock")
    }
}
