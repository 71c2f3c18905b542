//! `wattle ps`: the hosts of this user, their apps, and how they are.

use std::time::Duration;

use serde::Serialize;
use wattle_spec::control::{AppState, AppStatus, ComponentStatus, HostStatus, MoveProgress, Requests, ServiceState};

use super::table::Table;
use super::{print, print_json, stop};
use crate::cli::Ps;
use crate::control::Hosts;
use crate::problem::Problem;

/// What `--json` prints.
#[derive(Serialize)]
struct Page<'a> {
    hosts: Vec<Host<'a>>,
}

#[derive(Serialize)]
struct Host<'a> {
    /// Its control socket.
    control: String,
    #[serde(flatten)]
    status: &'a HostStatus,
}

pub(crate) fn run(arguments: &Ps) -> Result<(), Problem> {
    let hosts = stop::runtime()?.block_on(Hosts::find(arguments.asking.control.as_deref()))?;
    if !arguments.asking.json {
        return print(&page(hosts.all().iter().map(|host| &host.status)));
    }
    let host = |host: &'_ crate::control::Asked| host.client.socket.display().to_string();
    let hosts = hosts.all().iter().map(|asked| Host { control: host(asked), status: &asked.status }).collect();
    print_json(&Page { hosts })
}

fn page<'a>(hosts: impl Iterator<Item = &'a HostStatus>) -> String {
    let mut table =
        Table::new(["APP", "STATE", "GENERATION", "UP", "PID", "REQUESTS", "FAILED", "IN FLIGHT", "LISTENS"]);
    for host in hosts {
        for app in &host.apps {
            let [served, failed, in_flight] = numbers(app.requests.as_ref());
            let up = app.uptime_ms.map_or_else(|| "-".into(), uptime);
            let (pid, listens) = (host.pid.to_string(), host.listens.join(" "));
            let generation = app.generation.map_or_else(|| "-".into(), |generation| generation.to_string());
            table.row([app.app.to_string(), state(app), generation, up, pid, served, failed, in_flight, listens]);
            for component in &app.components {
                let [served, failed, in_flight] = numbers(component.requests.as_ref());
                let (name, state) = (format!("  {}", component.component), role(component));
                table.row([
                    name,
                    state,
                    String::new(),
                    String::new(),
                    String::new(),
                    served,
                    failed,
                    in_flight,
                    String::new(),
                ]);
            }
            if let Some(reason) = &app.reason {
                reason.lines().for_each(|line| table.line(&format!("  {line}")));
            }
            for waiting in &app.waiting {
                table.line(&format!("  waits for {}: {}", waiting.part, waiting.reason));
            }
            if let Some(MoveProgress { from, to, copied, bytes }) = &app.moving {
                table.line(&format!("  moves what it keeps from {from} to {to}: {copied} with {bytes} bytes"));
            }
            for (component, reason) in app.components.iter().filter_map(trouble) {
                table.line(&format!("  {}: {reason}", component.component));
            }
        }
        if host.apps.is_empty() {
            table.line(&format!("the host of process {} runs no app", host.pid));
        }
    }
    table.to_string()
}

fn state(app: &AppStatus) -> String {
    match (app.state, app.ready, app.uptime_ms) {
        (Some(state), ..) if state != AppState::Running => return state.to_string(),
        (_, true, _) => "ready",
        (_, false, None) => "starting",
        (_, false, Some(_)) => "not ready",
    }
    .into()
}

fn role(component: &ComponentStatus) -> String {
    match &component.service {
        None => "component".into(),
        Some(ServiceState::Starting) => "service, starts".into(),
        Some(ServiceState::Running { restarts: 0, .. }) => "service, runs".into(),
        Some(ServiceState::Running { restarts, .. }) => format!("service, runs, started again {restarts} times"),
        Some(ServiceState::Restarting { .. }) => "service, waits".into(),
        Some(ServiceState::Failed { .. }) => "service, failed".into(),
        Some(ServiceState::Completed) => "service, completed".into(),
    }
}

/// A service that does not run, and why.
fn trouble(component: &ComponentStatus) -> Option<(&ComponentStatus, &str)> {
    match &component.service {
        Some(ServiceState::Restarting { reason, .. } | ServiceState::Failed { reason }) => Some((component, reason)),
        _ => None,
    }
}

fn numbers(requests: Option<&Requests>) -> [String; 3] {
    let number = |number: fn(&Requests) -> u64| requests.map_or_else(|| "-".into(), |all| number(all).to_string());
    [number(|all| all.served), number(|all| all.failed), number(|all| all.in_flight)]
}

/// The two largest units: `3d4h`, `5m10s`, `7s`.
fn uptime(ms: u64) -> String {
    let seconds = Duration::from_millis(ms).as_secs();
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds}s"),
        (0, 0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (0, hours, minutes, _) => format!("{hours}h{minutes}m"),
        (days, hours, ..) => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (seconds, expected) in [(7, "7s"), (310, "5m10s"), (7_260, "2h1m"), (273_600, "3d4h")] {
            assert_eq!(uptime(seconds * 1000), expected);
        }
    }
}
