//! What an instance does now: who it is, where it runs, and which request it serves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::component::Identity;
use crate::cores::CoreId;
use crate::invocation::{Invocation, RequestId, TriggerKind};
use crate::telemetry::{Series, Trace};

/// What an instance does now. All copies change together.
#[derive(Clone)]
pub(crate) struct Current(Arc<State>);

struct State {
    identity: Arc<Identity>,
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
        let current = Self(Arc::new(State { identity, core, instance, trigger, request, trace: Mutex::default() }));
        current.follow(first.trace.as_ref());
        current
    }

    pub(crate) fn identity(&self) -> &Arc<Identity> {
        &self.0.identity
    }

    pub(crate) fn core(&self) -> CoreId {
        self.0.core
    }

    pub(crate) fn instance(&self) -> RequestId {
        self.0.instance
    }

    pub(crate) fn trigger(&self) -> TriggerKind {
        self.0.trigger
    }

    pub(crate) fn request(&self) -> RequestId {
        RequestId(self.0.request.load(Ordering::Relaxed))
    }

    /// The numbers of its component. `None`: nobody asked for them, nor for traces.
    pub(crate) fn series(&self) -> Option<&Arc<Series>> {
        self.0.identity.series.as_ref()
    }

    pub(crate) fn trace(&self) -> Option<Trace> {
        self.slot().clone()
    }

    /// From now on lines belong to `invocation`.
    pub(crate) fn serve(&self, invocation: &Invocation) {
        self.0.request.store(invocation.request.0, Ordering::Relaxed);
    }

    /// From now on calls of the host belong to `trace`.
    pub(crate) fn follow(&self, trace: Option<&Trace>) {
        if self.series().is_some() {
            *self.slot() = trace.cloned();
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Trace>> {
        self.0.trace.lock().expect("invariant: nothing panics while it holds this lock")
    }
}
