//! `wattle ps`: the hosts of this user, their apps, and how they are.

mod cells;

use serde::Serialize;
use wattle_spec::control::{
    ActionProgress, AppState, AppStatus, ComponentStatus, HostStatus, MoveProgress, ServiceState,
};

use super::table::Table;
use super::{harmless, print, print_json, stop};
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
    /// Where it is asked.
    control: String,
    #[serde(flatten)]
    status: &'a HostStatus,
}

/// What a table can say of an app.
const HEAD: [&str; 17] = [
    "APP",
    "STATE",
    "GENERATION",
    "UP",
    "REQ/S",
    "FAILED/S",
    "P99",
    "CPU",
    "MEMORY",
    "OF LIMIT",
    "INSTANCES",
    "CODE",
    "REQUESTS",
    "FAILED",
    "IN FLIGHT",
    "PID",
    "LISTENS",
];

/// How many of these columns are shown to whoever does not ask for more.
const NARROW: usize = 10;

pub(crate) fn run(arguments: &Ps) -> Result<(), Problem> {
    let hosts = stop::runtime()?.block_on(Hosts::find(&arguments.asking.reach()))?;
    let all = || hosts.all().iter().map(|host| &host.status);
    match (arguments.asking.json, arguments.wide) {
        (true, _) => {}
        (false, true) => return print(&page::<{ HEAD.len() }>(all())),
        (false, false) => return print(&page::<NARROW>(all())),
    }
    let host = |host: &'_ crate::control::Asked| host.client.address.to_string();
    let hosts = hosts.all().iter().map(|asked| Host { control: host(asked), status: &asked.status }).collect();
    print_json(&Page { hosts })
}

/// A table with the first `N` columns.
fn page<'a, const N: usize>(hosts: impl Iterator<Item = &'a HostStatus>) -> String {
    let mut table = Table::<N>::new(std::array::from_fn(|column| HEAD[column]));
    for host in hosts {
        for app in &host.apps {
            table.row(of_app(host, app));
            app.components.iter().for_each(|component| table.row(of_component(component)));
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
        let nameless =
            host.under_way.iter().filter(|action| !host.apps.iter().any(|app| Some(&app.app) == action.app.as_ref()));
        nameless.for_each(|action| table.row(of_action(action)));
        if host.apps.is_empty() && host.under_way.is_empty() {
            table.line(&format!("the host of process {} runs no app", host.pid));
        }
    }
    table.to_string()
}

/// The first `N` of what a row of an app has.
fn of_app<const N: usize>(host: &HostStatus, app: &AppStatus) -> [String; N] {
    let generation = app.generation.map_or_else(cells::none, |generation| generation.to_string());
    let up = app.uptime_ms.map_or_else(cells::none, cells::uptime);
    // Each component has a limit of its own: what is told is how near the nearest is.
    let of_limit = app.components.iter().filter_map(of_limit).max_by(f64::total_cmp);
    let cells = [app.app.to_string(), state(app), generation, up]
        .into_iter()
        .chain(cells::rates(app.rates.as_ref()))
        .chain(cells::held(app.instances.as_ref(), of_limit, app.code_bytes))
        .chain(cells::requests(app.requests.as_ref()))
        .chain([host.pid.to_string(), host.listens.join(" ")]);
    first(cells)
}

/// The same of what is started, and is no app yet that the host knows.
fn of_action<const N: usize>(action: &ActionProgress) -> [String; N] {
    let ActionProgress { app, source, progress, .. } = action;
    let name = app.as_ref().map(ToString::to_string).or_else(|| source.clone());
    first([name.map_or_else(cells::none, |name| harmless(&name)), progress.short()].into_iter())
}

/// The same of one of its components.
fn of_component<const N: usize>(component: &ComponentStatus) -> [String; N] {
    let cells = [format!("  {}", component.component), role(component), String::new(), String::new()]
        .into_iter()
        .chain(cells::rates(component.rates.as_ref()))
        .chain(cells::held(component.instances.as_ref(), of_limit(component), component.code_bytes))
        .chain(cells::requests(component.requests.as_ref()));
    first(cells)
}

fn first<const N: usize>(mut cells: impl Iterator<Item = String>) -> [String; N] {
    std::array::from_fn(|_| cells.next().unwrap_or_default())
}

/// How much of what an instance may hold the largest has held, in percent.
fn of_limit(component: &ComponentStatus) -> Option<f64> {
    let limit = component.memory_limit_bytes.filter(|limit| *limit > 0)?;
    Some(component.instances?.largest_bytes as f64 / limit as f64 * 100.0)
}

fn state(app: &AppStatus) -> String {
    let state = match (app.state, app.ready, app.uptime_ms) {
        (Some(state), ..) if state != AppState::Running => state.to_string(),
        (_, true, _) => "ready".into(),
        (_, false, None) => "starting".into(),
        (_, false, Some(_)) => "not ready".into(),
    };
    match app.progress.as_ref().map(|progress| harmless(&progress.short())) {
        None => state,
        // What starts does nothing else.
        Some(progress) if state == "starting" => progress,
        Some(progress) => format!("{state}, {progress}"),
    }
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
