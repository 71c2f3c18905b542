//! The service trigger: the start of an app runs a component, and starts it again, on a fresh instance, when it fails.
//!
//! It is one call without a deadline, on the cores as all others: one that computes yields at each tick of the epoch.

use std::sync::Arc;
use std::time::Instant;

use wattle_spec::report::Report;
use wattle_spec::service::{RestartOn, RestartPolicy, Restarts};

use super::call::{call, success};
use super::entry::Main;
use super::ground::Ground;
use crate::capability::wasi::CommandLine;
use crate::component::Component;
use crate::invocation::{Invocation, RequestId, TriggerKind};

/// Keeps `component` running until it has ended for good. When this is dropped, its instance ends at its next tick.
pub(crate) async fn keep(ground: Arc<Ground>, component: Arc<Component>, policy: RestartPolicy) {
    let (app, service) = (&component.identity.app, &component.identity.name);
    let command_line = CommandLine { arguments: vec![service.to_string()], variables: Vec::new() };
    let mut restarts = Restarts::new(policy);
    loop {
        let run = RequestId::next();
        ground.report(Report::ServiceStarted { app: app.clone(), service: service.clone(), run: run.to_string() });
        // It has no end that a span could be told at.
        let invocation = Invocation { request: run, trigger: TriggerKind::Service, deadline: None, trace: None };
        let ended = call(&ground.cores, &component, invocation, Main(command_line.clone())).await;
        let reason = match success(ended) {
            Ok(()) if policy.on == RestartOn::Failure => {
                return ground.report(Report::ServiceCompleted { app: app.clone(), service: service.clone() });
            }
            Ok(()) => "it ended well, and `restart.on` is `always`".to_owned(),
            Err(failed) => failed.to_string(),
        };
        let (app, service) = (app.clone(), service.clone());
        let Some(after) = restarts.ended(Instant::now(), run.chance()) else {
            return ground.report(Report::ServiceFailed { app, service, reason });
        };
        ground.report(Report::ServiceRestarting { app, service, reason, after, ends: restarts.count() });
        ground.clock.sleep(after).await;
    }
}
