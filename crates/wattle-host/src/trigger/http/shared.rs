//! Instances that serve several requests at a time (WASI 0.3): each its own task, which starts the calls that the
//! instance has room for and drives them together.
//!
//! What one request does to the instance happens to all that it serves: a trap or a missed deadline ends it, and the
//! neighbours are told that their instance was lost.

use std::pin::Pin;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};
use wasmtime::Store;
use wasmtime::component::Accessor;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::Service as Exports;
use wattle_spec::app::InstancePolicy;

use super::calls::{Calls, Owned, Verdict};
use super::dispatch::{Answered, Job, Warmth, dispatch};
use super::serial::start_failure;
use crate::answer::Failure;
use crate::component::{Component, Service};
use crate::cores::CoreId;
use crate::instance::{ComputedTooLong, Deadline, Guest, new_store};

/// Makes an instance for `first` and lets it serve until it is used up, fails or has rested too long.
pub(super) async fn run(component: Arc<Component>, core: CoreId, first: Job) {
    let Service::Shared(pre) = &component.service else { return };
    let mut store = new_store(&component, core, &first.invocation);
    let exports = match first.invocation.within(pre.instantiate_async(&mut store)).await {
        Ok(Ok(exports)) => exports,
        Ok(Err(error)) => {
            return first.reply.fail(store.data().explained(start_failure(error)));
        }
        Err(_) => return first.reply.fail(Failure::Deadline),
    };
    let InstancePolicy { concurrency, reuse, .. } = component.policy;
    let depth = first.invocation.chain.length;
    let (instance, mut jobs) = Warmth::shared(concurrency.get(), reuse.get() - 1, depth);
    let kept = component.keep(core, &instance);
    if store.data().has_old_links() {
        // Whoever changed them looked for such instances before this one could be found.
        instance.retire();
    }
    let calls = Arc::new(Calls::new(store.data().first.current.clone()));
    let serving = Serving { component: &component, exports: &exports, instance: &instance, calls };
    store.data_mut().deadline = Deadline::Shared(serving.calls.deadline());
    serving.drive(&mut store, &mut jobs, first).await;
    drop(kept);
    // What it had been given and did not begin, another one serves.
    while let Ok(job) = jobs.try_recv() {
        dispatch(&component, core, job);
    }
}

/// Marks the answers under way as cut when it is dropped: before the store, whose end would make them look complete.
struct Loss<'a>(&'a Calls);

impl Drop for Loss<'_> {
    fn drop(&mut self) {
        self.0.lose();
    }
}

/// What the calls of one instance have in common.
struct Serving<'a> {
    component: &'a Arc<Component>,
    exports: &'a Exports,
    instance: &'a Arc<Warmth>,
    calls: Arc<Calls>,
}

impl Serving<'_> {
    /// Drives the instance to its end.
    async fn drive(&self, store: &mut Store<Guest>, jobs: &mut mpsc::Receiver<Job>, first: Job) {
        let _loss = Loss(&self.calls);
        let owned = match self.component.policy.concurrency.get() {
            1 => Owned::ByOneClient,
            _ => Owned::ByMany,
        };
        let ended = {
            let driven = store.run_concurrent(async |accessor| self.serve_all(accessor, jobs, first).await);
            tokio::select! {
                ended = driven => ended.flatten(),
                verdict = self.calls.verdict(owned) => match verdict {
                    Verdict::Overdue => Err(ComputedTooLong.into()),
                    Verdict::Abandoned => return,
                },
                // None is overdue: each is told that its instance was lost.
                () = self.component.cut.comes() => Err(ComputedTooLong.into()),
            }
        };
        if let Err(error) = ended {
            self.calls.lose();
            self.calls.fail(self.component, error);
        }
    }

    async fn serve_all(
        &self,
        accessor: &Accessor<Guest>,
        jobs: &mut mpsc::Receiver<Job>,
        first: Job,
    ) -> wasmtime::Result<()> {
        let mut serving = FuturesUnordered::new();
        serving.push(self.serve(accessor, first));
        loop {
            let quiet = serving.is_empty() && self.calls.is_empty();
            tokio::select! {
                biased;
                Some(served) = serving.next() => {
                    served?;
                    self.instance.give_back();
                }
                Some(job) = jobs.recv() => serving.push(self.serve(accessor, job)),
                () = self.calls.all_ended(), if serving.is_empty() && !quiet => {}
                () = sleep(self.component.policy.idle), if quiet && !self.instance.is_retired() => {
                    self.instance.retire();
                }
                () = self.nothing_left(accessor), if quiet && self.instance.is_retired() => return Ok(()),
            }
        }
    }

    /// Waits until the guest has nothing left to do, at most until the last deadline there was.
    async fn nothing_left(&self, accessor: &Accessor<Guest>) {
        let Some(deadline) = self.calls.latest_deadline() else { return };
        let done = std::future::poll_fn(|cx| accessor.poll_no_interesting_tasks(cx));
        let _ = timeout_at(Instant::from_std(deadline), done).await;
    }

    /// One call, until the head of its answer is there. An error ends the instance.
    async fn serve(&self, accessor: &Accessor<Guest>, job: Job) -> wasmtime::Result<()> {
        let Job { request, invocation, permit, client, reply } = job;
        self.calls.begin(&invocation, &reply, client);
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
        match invocation.within(handled).await {
            Ok(Ok(Ok(response))) => {
                let call = Some(self.calls.answered(&invocation));
                reply.send(Ok(Answered { response, permit: Some(permit), reply: reply.clone(), call }));
            }
            Ok(Ok(Err(code))) => {
                self.calls.end(invocation.request);
                reply.send(Err(Failure::GuestError(format!("{code:?}"))));
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(ComputedTooLong.into()),
        }
        Ok(())
    }
}
