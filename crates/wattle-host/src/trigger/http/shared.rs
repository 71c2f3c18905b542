//! Instances that serve several requests at a time (WASI 0.3): each its own task, which starts the calls that the
//! instance has room for and drives them together.
//!
//! What one request does to the instance happens to all that it serves: a trap or a missed deadline ends it, and the
//! neighbours are told that their instance was lost.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use wasmtime::component::Accessor;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::Service as Exports;

use super::dispatch::{Answered, Job, OpenAnswer, Reply, Warmth};
use super::serial::start_failure;
use crate::answer::Failure;
use crate::component::{Component, Service};
use crate::cores::CoreId;
use crate::instance::{ComputedTooLong, Guest, new_store};
use crate::invocation::Invocation;

/// How long after a deadline the instance may still be busy before it is ended from outside.
const GRACE: Duration = Duration::from_millis(10);

/// Makes an instance for `first` and lets it serve until it is used up, fails or has rested too long.
pub(super) async fn run(component: Arc<Component>, core: CoreId, first: Job) {
    let Service::Shared(pre) = &component.service else { return };
    let mut store = new_store(&component.engine, &component.identity, first.invocation);
    let deadline = Instant::from_std(first.invocation.deadline);
    let exports = match timeout_at(deadline, pre.instantiate_async(&mut store)).await {
        Ok(Ok(exports)) => exports,
        Ok(Err(error)) => return first.reply.fail(start_failure(error), &component, first.invocation),
        Err(_) => return first.reply.fail(Failure::Deadline, &component, first.invocation),
    };
    let (instance, jobs) = Warmth::new(component.policy.concurrency.get(), component.policy.reuse.get() - 1);
    component.warm.add(core, &instance);
    let calls = Calls::default();
    let serving = Serving { component: &component, exports: &exports, instance: &instance, calls: &calls };
    let mut loss = Loss(Some(&instance));
    let ended = {
        let driven = store.run_concurrent(async |accessor| serving.serve_all(accessor, jobs, first).await);
        tokio::select! {
            ended = driven => ended.flatten(),
            () = calls.overdue() => Err(ComputedTooLong.into()),
        }
    };
    component.warm.remove(core, &instance);
    match ended {
        Ok(()) => loss.0 = None,
        Err(error) => calls.fail(&component, error),
    }
}

/// Marks the answers under way as cut when it is dropped: before the store, whose end would make them look complete.
struct Loss<'a>(Option<&'a Warmth>);

impl Drop for Loss<'_> {
    fn drop(&mut self) {
        if let Some(instance) = self.0 {
            instance.lose();
        }
    }
}

/// The calls under way in one instance.
#[derive(Default)]
struct Calls {
    under_way: Mutex<Vec<(Invocation, Reply)>>,
    changed: Notify,
}

impl Calls {
    fn list(&self) -> std::sync::MutexGuard<'_, Vec<(Invocation, Reply)>> {
        self.under_way.lock().expect("invariant: nothing panics while it holds this lock")
    }

    fn earliest_deadline(&self) -> Option<std::time::Instant> {
        self.list().iter().map(|(invocation, _)| invocation.deadline).min()
    }

    fn begin(&self, invocation: Invocation, reply: &Reply) {
        self.list().push((invocation, reply.clone()));
        self.changed.notify_one();
    }

    fn end(&self, invocation: Invocation) {
        self.list().retain(|(other, _)| other.request != invocation.request);
    }

    /// Waits until a call is past its deadline and its grace: the instance is stuck where its own timers do not run.
    async fn overdue(&self) {
        loop {
            match self.earliest_deadline() {
                Some(deadline) if deadline + GRACE <= std::time::Instant::now() => return,
                Some(deadline) => sleep_until(Instant::from_std(deadline + GRACE)).await,
                None => self.changed.notified().await,
            }
        }
    }

    /// Tells every call why its instance ended.
    fn fail(&self, component: &Component, error: wasmtime::Error) {
        let calls = std::mem::take(&mut *self.list());
        let too_long = error.is::<ComputedTooLong>();
        let alone = calls.len() == 1;
        let now = std::time::Instant::now();
        let mut error = Some(error);
        for (invocation, reply) in calls {
            let failure = match error.take() {
                _ if too_long && invocation.deadline <= now => Failure::Deadline,
                Some(error) if alone && !too_long => Failure::Trap(error),
                other => {
                    error = other;
                    Failure::InstanceLost
                }
            };
            reply.fail(failure, component, invocation);
        }
        if let Some(error) = error.filter(|_| !too_long) {
            tracing::error!(component = %component.identity, "an instance that served several requests failed: {error:?}");
        }
    }
}

/// What the calls of one instance have in common.
struct Serving<'a> {
    component: &'a Arc<Component>,
    exports: &'a Exports,
    instance: &'a Arc<Warmth>,
    calls: &'a Calls,
}

impl Serving<'_> {
    async fn serve_all(
        &self,
        accessor: &Accessor<Guest>,
        mut jobs: mpsc::Receiver<Job>,
        first: Job,
    ) -> wasmtime::Result<()> {
        let mut calls = FuturesUnordered::new();
        let mut last_deadline = first.invocation.deadline;
        calls.push(self.serve(accessor, first));
        loop {
            let quiet = calls.is_empty();
            tokio::select! {
                biased;
                Some(served) = calls.next() => {
                    served?;
                    self.instance.give_back();
                }
                Some(job) = jobs.recv() => {
                    last_deadline = last_deadline.max(job.invocation.deadline);
                    calls.push(self.serve(accessor, job));
                }
                () = sleep(self.component.policy.idle), if quiet && !self.instance.is_retired() => {
                    self.instance.retire();
                }
                () = self.nothing_left(accessor, last_deadline), if quiet && self.instance.is_retired() => return Ok(()),
            }
        }
    }

    /// Waits until no answer is being written and the guest has nothing left to do, at most until `deadline`.
    async fn nothing_left(&self, accessor: &Accessor<Guest>, deadline: std::time::Instant) {
        let done = async {
            self.instance.answers_closed().await;
            std::future::poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
        };
        let _ = timeout_at(Instant::from_std(deadline), done).await;
    }

    /// One call. An error ends the instance.
    async fn serve(&self, accessor: &Accessor<Guest>, job: Job) -> wasmtime::Result<()> {
        let Job { request, invocation, permit, client, reply } = job;
        self.calls.begin(invocation, &reply);
        self.watch(accessor, Some(invocation));
        let handled = async {
            let (request, sent) = accessor.with(|mut access| {
                let (request, sent) = Request::from_http(access.data_mut().http().hooks, request);
                // The library's future borrows nothing, but only a box forgets that it might.
                let sent: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(sent);
                (request, sent)
            });
            match self.exports.handle(accessor, request).await? {
                Ok(response) => Ok(Ok(accessor.with(|access| response.into_http(access, sent))?)),
                Err(code) => wasmtime::error::Ok(Err(code)),
            }
        };
        let ended = tokio::select! {
            biased;
            // The guest goes on, its answer is not wanted any more.
            _ = client => None,
            handled = timeout_at(Instant::from_std(invocation.deadline), handled) => Some(handled),
        };
        let answer = match ended {
            None => Err(Failure::ClientGone),
            Some(Ok(Ok(Ok(response)))) => {
                let instance = Some(OpenAnswer::new(self.instance.clone()));
                Ok(Answered { response, permit: Some(permit), instance })
            }
            Some(Ok(Ok(Err(code)))) => Err(Failure::GuestError(format!("{code:?}"))),
            Some(Ok(Err(error))) => return Err(error),
            Some(Err(_)) => return Err(ComputedTooLong.into()),
        };
        let _ = reply.send(answer);
        self.calls.end(invocation);
        self.watch(accessor, None);
        Ok(())
    }

    /// Tells the store whose lines are written now and when it must not compute any more.
    fn watch(&self, accessor: &Accessor<Guest>, begun: Option<Invocation>) {
        let deadline = self.calls.earliest_deadline();
        accessor.with(|mut access| {
            let guest = access.data_mut();
            guest.deadline = deadline;
            if let Some(invocation) = begun {
                guest.log.serve(invocation.request);
            }
        });
    }
}
