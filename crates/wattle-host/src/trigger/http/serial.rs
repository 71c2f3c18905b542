//! Instances that serve one request at a time (WASI 0.2): each its own task, made for one request, and dropped after
//! it unless the component opted into reuse.

use std::sync::Arc;

use http::Request;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use wasmtime::{PoolConcurrencyLimitError, Store};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};

use super::dispatch::{Answered, Job, Reply, Warmth};
use super::request_body::RequestBody;
use crate::answer::Failure;
use crate::component::{Component, Service};
use crate::cores::CoreId;
use crate::instance::{ComputedTooLong, Deadline, Guest, new_store};
use crate::invocation::Invocation;

/// Makes an instance for `first` and lets it serve until it is used up, fails or has rested too long.
pub(super) async fn run(component: Arc<Component>, core: CoreId, first: Job) {
    let Service::Serial(pre) = &component.service else { return };
    let mut store = new_store(&component, core, &first.invocation);
    let proxy = match start(pre, &mut store, &first.invocation).await {
        Ok(proxy) => proxy,
        Err(failure) => return first.reply.fail(failure),
    };
    let reuse = component.policy.reuse.get();
    if !serve(&component, &mut store, &proxy, first).await || reuse == 1 {
        return;
    }
    let (instance, mut jobs) = Warmth::serial(reuse - 1);
    let _kept = component.keep(core, &instance);
    if store.data().has_old_links() {
        // Whoever changed them looked for such instances before this one could be found.
        instance.retire();
    }
    while !instance.is_retired() {
        instance.give_back();
        store.data_mut().deadline = Deadline::None;
        let Ok(Some(job)) = timeout(component.policy.idle, jobs.recv()).await else { break };
        store.data_mut().wake(&job.invocation);
        store.set_epoch_deadline(1);
        if !serve(&component, &mut store, &proxy, job).await {
            break;
        }
    }
}

async fn start(pre: &ProxyPre<Guest>, store: &mut Store<Guest>, invocation: &Invocation) -> Result<Proxy, Failure> {
    match invocation.within(pre.instantiate_async(&mut *store)).await {
        Ok(Ok(proxy)) => Ok(proxy),
        Ok(Err(error)) => Err(store.data().explained(start_failure(error))),
        Err(_) => Err(Failure::Deadline),
    }
}

/// Why an instance could not be made.
pub(super) fn start_failure(error: wasmtime::Error) -> Failure {
    if error.is::<PoolConcurrencyLimitError>() {
        tracing::warn!(%error, "the pool of instances is used up");
        Failure::NoCapacity
    } else if error.is::<ComputedTooLong>() {
        Failure::Deadline
    } else {
        Failure::Start(error)
    }
}

/// Lets the instance serve one request to its end. Whether it can serve another.
async fn serve(component: &Component, store: &mut Store<Guest>, proxy: &Proxy, job: Job) -> bool {
    let Job { request, invocation, permit, mut client, reply } = job;
    let unwinding = Lost(&reply);
    let outcome = {
        let call = call(store, proxy, request, reply.clone());
        let mut call = std::pin::pin!(invocation.within(call));
        tokio::select! {
            biased;
            delivered = &mut client => match delivered {
                // The client has its answer; what the guest still does is its own affair until its deadline.
                Ok(()) => tokio::select! {
                    biased;
                    ended = &mut call => outcome(ended),
                    () = component.cut.comes() => Err(Failure::InstanceLost),
                },
                Err(_) => Err(Failure::ClientGone),
            },
            ended = &mut call => outcome(ended),
            () = component.cut.comes() => Err(Failure::InstanceLost),
        }
    };
    drop(permit);
    let writing = store.data_mut().is_writing();
    if writing {
        reply.lose();
    }
    std::mem::forget(unwinding);
    match outcome {
        Ok(ended) => {
            reply.send(Err(Failure::NoAnswer));
            matches!(ended, Ended::Returned) && !writing
        }
        Err(failure) => {
            reply.fail(store.data().explained(failure));
            false
        }
    }
}

/// Marks an answer as cut when the host's own bug ends the call: before the store, whose end would make it look whole.
struct Lost<'a>(&'a Reply);

impl Drop for Lost<'_> {
    fn drop(&mut self) {
        self.0.lose();
    }
}

async fn call(
    store: &mut Store<Guest>,
    proxy: &Proxy,
    request: Request<RequestBody>,
    reply: Reply,
) -> wasmtime::Result<()> {
    let scheme = match request.uri().scheme() {
        Some(scheme) if *scheme == http::uri::Scheme::HTTPS => Scheme::Https,
        _ => Scheme::Http,
    };
    let mut http = store.data_mut().http();
    let request = http.new_incoming_request(scheme, request)?;
    let outparam = http.new_response_outparam_from_callback(move |answer| {
        reply.clone().send(match answer {
            Ok(response) => Ok(Answered { response, permit: None, reply, call: None }),
            Err(code) => Err(Failure::GuestError(format!("{code:?}"))),
        });
    })?;
    proxy.wasi_http_incoming_handler().call_handle(store, request, outparam).await
}

/// How a call ended well.
enum Ended {
    Returned,
    /// In good order, but the instance cannot be used again.
    Exited,
}

fn outcome(ended: Result<wasmtime::Result<()>, Elapsed>) -> Result<Ended, Failure> {
    match ended {
        Ok(Ok(())) => Ok(Ended::Returned),
        Ok(Err(error)) if error.downcast_ref::<I32Exit>().is_some_and(|exit| exit.0 == 0) => Ok(Ended::Exited),
        Ok(Err(error)) if error.is::<ComputedTooLong>() => Err(Failure::Deadline),
        Ok(Err(error)) => Err(Failure::Trap(error)),
        Err(_) => Err(Failure::Deadline),
    }
}
