//! `wattle start`, `stop`, `rm` and `rollback`: what becomes of apps that a host remembers.

use wattle_spec::control::{Action, Applied, Done};
use wattle_spec::name::AppId;

use super::{print, print_json, stop as signals};
use crate::cli::{OfApps, Rollback};
use crate::control::Hosts;
use crate::problem::Problem;

pub(crate) fn start(arguments: &OfApps) -> Result<(), Problem> {
    each(arguments, |app| Action::Start { app })
}

pub(crate) fn stop(arguments: &OfApps) -> Result<(), Problem> {
    each(arguments, |app| Action::Stop { app })
}

pub(crate) fn remove(arguments: &OfApps) -> Result<(), Problem> {
    each(arguments, |app| Action::Remove { app })
}

pub(crate) fn roll_back(arguments: &Rollback) -> Result<(), Problem> {
    let (app, generation) = (arguments.app.clone(), arguments.generation);
    let apps = OfApps { apps: vec![app], asking: arguments.asking.clone() };
    each(&apps, |app| Action::Rollback { app, generation })
}

/// Has something done to each app, one after the other, and says of each what was done.
fn each(arguments: &OfApps, action: impl Fn(AppId) -> Action) -> Result<(), Problem> {
    signals::runtime()?.block_on(async {
        let mut all = Vec::new();
        for app in &arguments.apps {
            let host = Hosts::find(arguments.asking.control.as_deref()).await?.only_with(app)?;
            let done = host.client.act(&action(app.clone()), Some).await.map_err(|error| host.client.problem(error))?;
            if !arguments.asking.json {
                print(&told(&done))?;
            }
            all.push(done);
        }
        if arguments.asking.json { print_json(&all) } else { Ok(()) }
    })
}

/// What was done, for people.
pub(super) fn told(done: &Done) -> String {
    match done {
        Done::Applied(Applied { app, generation, change }) => format!("{app} {change} (generation {generation})\n"),
        Done::Stopped { app } => format!("{app} stopped\n"),
        Done::Removed { app } => format!("{app} removed; what it keeps in backends is left there\n"),
        Done::ScheduleRan(_) | Done::Linked(_) | Done::Moved(_) => String::new(),
    }
}
