//! `wattle start`, `stop`, `rm` and `rollback`: what becomes of apps that a host remembers.

use wattle_spec::control::{Action, Applied, Done};
use wattle_spec::name::AppId;

use super::awaited::Awaited;
use super::{print, print_json, stop as signals};
use crate::cli::{OfApps, Rollback};
use crate::control::Hosts;
use crate::problem::Problem;
use crate::report;

pub(crate) fn start(arguments: &OfApps) -> Result<(), Problem> {
    each(arguments, |app| Action::Start { app, expected: None })
}

pub(crate) fn stop(arguments: &OfApps) -> Result<(), Problem> {
    each(arguments, |app| Action::Stop { app, expected: None })
}

pub(crate) fn remove(arguments: &OfApps) -> Result<(), Problem> {
    each(arguments, |app| Action::Remove { app, expected: None })
}

pub(crate) fn roll_back(arguments: &Rollback) -> Result<(), Problem> {
    let (app, generation) = (arguments.app.clone(), arguments.generation);
    let apps = OfApps { apps: vec![app], asking: arguments.asking.clone() };
    each(&apps, |app| Action::Rollback { app, generation, expected: None })
}

/// Has something done to each app, one after the other, and says of each what was done. What fails of one does not keep it
/// from the others.
fn each(arguments: &OfApps, action: impl Fn(AppId) -> Action) -> Result<(), Problem> {
    signals::runtime()?.block_on(async {
        let (mut all, mut failed) = (Vec::new(), None);
        for app in &arguments.apps {
            match one(arguments, app, &action(app.clone())).await {
                Ok(done) => all.push(done),
                Err(problem) => {
                    let problem = if arguments.apps.len() > 1 { problem.of(app.to_string()) } else { problem };
                    if let Some(before) = failed.replace(problem) {
                        report::problem(&before);
                    }
                }
            }
        }
        if arguments.asking.json {
            print_json(&all)?;
        }
        failed.map_or(Ok(()), Err)
    })
}

async fn one(arguments: &OfApps, app: &AppId, action: &Action) -> Result<Done, Problem> {
    let host = Hosts::find(&arguments.asking.reach()).await?.that_take_apps()?.only_with(app)?;
    let done = Awaited::default().act(&host, &app.to_string(), action).await?;
    if !arguments.asking.json {
        print(&told(&done))?;
    }
    Ok(done)
}

/// What was done, for people.
pub(super) fn told(done: &Done) -> String {
    match done {
        Done::Applied(Applied { app, generation, change }) => format!("{app} {change} (generation {generation})\n"),
        Done::Stopped { app } => format!("{app} stopped\n"),
        Done::Removed { app } => format!("{app} removed; what it keeps in backends is left there\n"),
        _ => String::new(),
    }
}
