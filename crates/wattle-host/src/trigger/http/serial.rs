//! Instances that serve one request at a time (WASI 0.2): each its own task, made for one request, and dropped after
//! it unless the component opted into reuse.

use std::sync::Arc;

use tokio::time::{Instant, timeout, timeout_at};
use wasmtime::{PoolConcurrencyLimitError, Store};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};

use super::dispatch::{Answered, Job, Warmth};
use crate::answer::Failure;
use crate::component::{Component, Service};
use crate::cores::CoreId;
use crate::instance::{ComputedTooLong, Guest, new_store};
use crate::invocation::Invocation;

/// Makes an instance for `first` and lets it serve until it is used up, fails or has rested too long.
pub(super) async fn run(component: Arc<Component>, core: CoreId, first: Job) {
    let Service::Serial(pre) = &component.service else { return };
    let mut store = new_store(&component.engine, &component.identity, first.invocation);
    let proxy = match start(pre, &mut store, first.invocation).await {
        Ok(proxy) => proxy,
        Err(failure) => return first.reply.fail(failure, &component, first.invocation),
    };
    let reuse = component.policy.reuse.get();
    if !serve(&component, &mut store, &proxy, first).await || reuse == 1 {
        return;
    }
    let (instance, mut jobs) = Warmth::new(1, reuse - 1);
    component.warm.add(core, &instance);
    while !instance.is_retired() {
        instance.give_back();
        store.data_mut().deadline = None;
        let Ok(Some(job)) = timeout(component.policy.idle, jobs.recv()).await else { break };
        store.data_mut().wake(job.invocation);
        store.set_epoch_deadline(1);
        if !serve(&component, &mut store, &proxy, job).await {
            break;
        }
    }
    component.warm.remove(core, &instance);
}

async fn start(pre: &ProxyPre<Guest>, store: &mut Store<Guest>, invocation: Invocation) -> Result<Proxy, Failure> {
    match timeout_at(Instant::from_std(invocation.deadline), pre.instantiate_async(store)).await {
        Ok(Ok(proxy)) => Ok(proxy),
        Ok(Err(error)) => Err(start_failure(error)),
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
    let call = async {
        let mut http = store.data_mut().http();
        let request = http.new_incoming_request(Scheme::Http, request)?;
        let head = reply.clone();
        let outparam = http.new_response_outparam_from_callback(move |answer| {
            let answer = match answer {
                Ok(response) => Ok(Answered { response, permit: None, instance: None }),
                Err(code) => Err(Failure::GuestError(format!("{code:?}"))),
            };
            let _ = head.send(answer);
        })?;
        proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, outparam).await
    };
    let mut call = std::pin::pin!(timeout_at(Instant::from_std(invocation.deadline), call));
    let ended = tokio::select! {
        biased;
        delivered = &mut client => match delivered {
            // The client has its answer; what the guest still does is its own affair until its deadline.
            Ok(()) => call.await,
            Err(_) => {
                reply.fail(Failure::ClientGone, component, invocation);
                return false;
            }
        },
        ended = &mut call => ended,
    };
    drop(permit);
    match ended {
        Ok(Ok(())) => {
            let _ = reply.send(Err(Failure::NoAnswer));
            true
        }
        // A guest that exits in good order after it has answered.
        Ok(Err(error)) if error.downcast_ref::<I32Exit>().is_some_and(|exit| exit.0 == 0) => {
            let _ = reply.send(Err(Failure::NoAnswer));
            false
        }
        Ok(Err(error)) if error.is::<ComputedTooLong>() => {
            reply.fail(Failure::Deadline, component, invocation);
            false
        }
        Ok(Err(error)) => {
            reply.fail(Failure::Trap(error), component, invocation);
            false
        }
        Err(_) => {
            reply.fail(Failure::Deadline, component, invocation);
            false
        }
    }
}
