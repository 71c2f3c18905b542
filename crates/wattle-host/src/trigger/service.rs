//! The service trigger: the start of an app runs a component, and starts it again, on a fresh instance, when it fails.
//!
//! It is one call without a deadline, on the cores as all others: one that computes yields at each tick of the epoch.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use wattle_spec::control::ServiceState;
use wattle_spec::report::Report;
use wattle_spec::service::{Cause, RestartOn, RestartPolicy, Restarts};

use super::call::{Failed, call_until, success};
use super::entry::Main;
use super::ground::Ground;
use crate::capability::wasi::CommandLine;
use crate::component::Component;
use crate::invocation::{Chain, Invocation, RequestId, TriggerKind};
use crate::sibling::{Desk, Ended, Living};

/// A service that is to run.
pub(crate) struct Start {
    pub(crate) component: Arc<Component>,
    /// Where what others of its app ask it waits.
    pub(crate) desk: Arc<Desk>,
    pub(crate) policy: RestartPolicy,
    /// To say how it is.
    pub(crate) state: watch::Sender<ServiceState>,
    /// It does not run before the sender of this is gone.
    pub(crate) after: Option<watch::Receiver<()>>,
    /// It ends when this says so.
    pub(crate) stop: watch::Receiver<bool>,
}

/// Keeps a service running until it has ended for good, or is stopped: then its instance is gone. When this is dropped,
/// its instance ends at its next tick.
pub(crate) async fn keep(ground: Arc<Ground>, mut start: Start) {
    let after = start.after.take();
    tokio::select! {
        biased;
        () = stopped(start.stop.clone()) => {}
        () = passed(after) => run(&ground, &start).await,
    }
    start.desk.close().await;
}

/// Waits until `stop` says so, or nobody can say anything else.
async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits until the sender of `after` is gone.
async fn passed(after: Option<watch::Receiver<()>>) {
    if let Some(mut after) = after {
        while after.changed().await.is_ok() {}
    }
}

async fn run(ground: &Ground, start: &Start) {
    let Start { component, desk, policy, state, stop, .. } = start;
    let policy = *policy;
    let (app, service) = (&component.identity.app, &component.identity.name);
    let command_line = CommandLine { arguments: vec![service.to_string()], variables: Vec::new() };
    let mut restarts = Restarts::new(policy);
    for again in 0.. {
        let run = RequestId::next();
        state.send_replace(ServiceState::Running { run: run.to_string(), restarts: again });
        ground.report(Report::ServiceStarted { app: app.clone(), service: service.clone(), run: run.to_string() });
        // It has no end that a span could be told at.
        let invocation = Invocation {
            request: run,
            trigger: TriggerKind::Service,
            deadline: None,
            trace: None,
            chain: Chain::default(),
        };
        let entry = Living { main: Main(command_line.clone()), desk: desk.clone() };
        let called = call_until(&ground.cores, component, invocation, entry, stopped(stop.clone())).await;
        let Some(called) = called else { return };
        let Ended { how, cause } = ended(called);
        let now = Instant::now();
        let reason = match judged(how, cause, policy.counts(now, cause)) {
            Ok(()) if policy.on == RestartOn::Failure => {
                state.send_replace(ServiceState::Completed);
                return ground.report(Report::ServiceCompleted { app: app.clone(), service: service.clone() });
            }
            Ok(()) => "it ended well, and `restart.on` is `always`".to_owned(),
            Err(reason) => reason,
        };
        let (app, service) = (app.clone(), service.clone());
        let Some(after) = restarts.ended(now, cause, run.chance()) else {
            state.send_replace(ServiceState::Failed { reason: reason.clone() });
            return ground.report(Report::ServiceFailed { app, service, reason });
        };
        let after_ms = after.as_millis() as u64;
        state.send_replace(ServiceState::Restarting { reason: reason.clone(), after_ms, restarts: again });
        ground.report(Report::ServiceRestarting { app, service, reason, after, ends: restarts.count() });
        tokio::select! {
            biased;
            () = stopped(stop.clone()) => return,
            () = ground.clock.sleep(after) => {}
        }
    }
}

/// How an instance ended, also one that did not come to be.
fn ended(ended: Result<Ended, Failed>) -> Ended {
    ended.unwrap_or_else(|failed| {
        let cause = if failed == Failed::NoRoom { Cause::NoRoom } else { Cause::Itself };
        Ended { how: Err(failed), cause }
    })
}

/// Why an instance ended, if it did not end well. What a call may have ended, whose end does not count, has ended well only if
/// what the service runs has returned.
fn judged(how: Result<u8, Failed>, cause: Cause, counts: bool) -> Result<(), String> {
    match (how, cause) {
        (Ok(0), _) => Ok(()),
        (how, Cause::Call { ended, .. }) if !counts => {
            let may = if ended.is_some() { "may have ended" } else { "ended" };
            let how = how.map_or_else(|failed| failed, Failed::Exited);
            Err(format!("a call {may} it: {how}"))
        }
        (how, _) => success(how).map_err(|failed| failed.to_string()),
    }
}
