//! `wattle link`: what provides the imports of apps that run.

use std::time::Duration;

use wattle_spec::control::{Action, AppLinks, ComponentLinks, Done, HostStatus, LinkStatus, MoveProgress, MoveReport};
use wattle_spec::name::AppId;

use super::table::Table;
use super::{print, print_json, stop, tell};
use crate::cli::{Link, LinkList, LinkMove, LinkOf, LinkRm, LinkSet};
use crate::control::{Answers, Asked, Hosts};
use crate::problem::Problem;

/// How often it is told how far a move is.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// What nearly every component imports, and nobody links.
const CORE: [&str; 8] = [
    "wasi:io",
    "wasi:clocks",
    "wasi:random",
    "wasi:cli",
    "wasi:filesystem",
    "wasi:sockets",
    "wasi:http",
    "wasi_snapshot_preview1",
];

/// Which imports are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    WithoutCore,
}

pub(crate) fn run(arguments: &Link) -> Result<(), Problem> {
    match arguments {
        Link::List(arguments) => list(arguments),
        Link::Set(LinkSet { of, link: (key, provider) }) => {
            let (app, component) = (of.app.clone(), of.component.clone());
            let (interface, provider) = (key.clone(), provider.clone());
            change(of, &Action::SetLink { app, component, interface, provider })
        }
        Link::Move(arguments) => relocate(arguments),
        Link::Rm(LinkRm { of, interface }) => {
            let (app, component) = (of.app.clone(), of.component.clone());
            change(of, &Action::RemoveLink { app, component, interface: interface.clone() })
        }
    }
}

fn list(arguments: &LinkList) -> Result<(), Problem> {
    let links = stop::runtime()?.block_on(ask(arguments))?;
    match arguments.asking.json {
        true => print_json(&links),
        false => {
            let shown = if arguments.all { Shown::All } else { Shown::WithoutCore };
            print(&page(links.apps(), shown))
        }
    }
}

async fn ask(arguments: &LinkList) -> Result<Answers<AppLinks>, Problem> {
    let target = match (&arguments.app, &arguments.component) {
        (None, _) => "/v1/links".to_owned(),
        (Some(app), None) => format!("/v1/links?app={app}"),
        (Some(app), Some(component)) => format!("/v1/links?app={app}&component={component}"),
    };
    Hosts::find(&arguments.asking.reach()).await?.ask(arguments.app.as_ref(), &target).await
}

/// Has a link changed, and shows those of its component as they are then.
fn change(of: &LinkOf, action: &Action) -> Result<(), Problem> {
    let links = stop::runtime()?.block_on(act(of, action))?;
    match of.asking.json {
        true => print_json(&links),
        false => {
            let app = AppLinks { app: of.app.clone(), components: vec![links] };
            print(&page([&app], Shown::WithoutCore))?;
            if matches!(action, Action::SetLink { .. }) {
                tell("it is so until the host ends, or `wattle link rm`; what was kept is left where it was\n");
            }
            Ok(())
        }
    }
}

async fn act(of: &LinkOf, action: &Action) -> Result<ComponentLinks, Problem> {
    let host = Hosts::find(&of.asking.reach()).await?.only_with(&of.app)?;
    let links = |done| match done {
        Done::Linked(links) => Some(links),
        _ => None,
    };
    host.client.act(action, links).await.map_err(|error| host.client.problem(error))
}

/// Has what a link keeps moved, and shows what was done.
fn relocate(arguments: &LinkMove) -> Result<(), Problem> {
    let report = stop::runtime()?.block_on(relocated(arguments))?;
    match arguments.of.asking.json {
        true => print_json(&report),
        false => print(&told(&report)),
    }
}

async fn relocated(LinkMove { of, link: (key, backend), replace }: &LinkMove) -> Result<MoveReport, Problem> {
    let host = Hosts::find(&of.asking.reach()).await?.only_with(&of.app)?;
    let (app, component) = (of.app.clone(), of.component.clone());
    let (interface, provider) = (key.clone(), backend.clone());
    let action = Action::MoveLink { app, component, interface, provider, replace: *replace };
    let moved = |done| match done {
        Done::Moved(report) => Some(report),
        _ => None,
    };
    tokio::select! {
        done = host.client.act(&action, moved) => done.map_err(|error| host.client.problem(error)),
        () = tell_progress(&host, &of.app) => unreachable!("invariant: it goes on for as long as somebody listens"),
    }
}

/// Tells how far a move of `app` is, again and again.
async fn tell_progress(host: &Asked, app: &AppId) {
    loop {
        tokio::time::sleep(TOLD_EVERY).await;
        let Ok(status) = host.client.get::<HostStatus>("/v1/status").await else { continue };
        let moving = status.apps.into_iter().filter(|status| status.app == *app).find_map(|status| status.moving);
        if let Some(MoveProgress { from, to, copied, bytes }) = moving {
            tell(&format!("moving from {from} to {to}: {copied} with {bytes} bytes\n"));
        }
    }
}

fn told(report: &MoveReport) -> String {
    let MoveReport { app, from, to, copied, bytes, held_ms, components } = report;
    let links = AppLinks { app: app.clone(), components: components.clone() };
    format!(
        "{}\ncopied {copied} with {bytes} bytes from {from} to {to}, and compared them; calls waited {held_ms} ms at the end\n\
         what was in {from} is left there, and nobody reads it\n",
        page([&links], Shown::WithoutCore),
    )
}

fn page<'a>(links: impl IntoIterator<Item = &'a AppLinks>, shown: Shown) -> String {
    let mut table = Table::new(["IMPORT", "PROVIDER", "RULE", "REASON"]);
    for app in links {
        for component in &app.components {
            table.line(&format!("{}/{}", app.app, component.component));
            let is_left_out = |link: &&LinkStatus| shown == Shown::WithoutCore && is_core(link);
            let (left_out, links): (Vec<_>, Vec<_>) = component.links.iter().partition(is_left_out);
            for link in links {
                table.row([format!("  {}", link.import), provider(link), link.rule.clone(), link.reason.clone()]);
            }
            if !left_out.is_empty() {
                table.line(&format!("  and {} of the WASI core, which `wattle link list --all` shows", left_out.len()));
            }
        }
    }
    table.to_string()
}

/// Whether it is of the WASI core and the host's, as it nearly always is.
fn is_core(link: &LinkStatus) -> bool {
    let package = link.import.split(['/', '.']).next().unwrap_or_default();
    link.provider == "built-in" && CORE.contains(&package)
}

/// What provides something, as one reads it.
pub(super) fn provider(link: &LinkStatus) -> String {
    let LinkStatus { provider, backend, component, mode, .. } = link;
    match (backend, component, mode) {
        (Some(name), ..) => format!("{provider} {name}"),
        (None, Some(name), Some(mode)) => format!("{provider} {name} ({mode})"),
        (None, Some(name), None) => format!("{provider} {name}"),
        (None, None, _) => provider.clone(),
    }
}
