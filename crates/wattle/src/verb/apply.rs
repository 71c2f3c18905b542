//! `wattle apply`: has a host run apps, or newer versions of them.

use std::collections::BTreeMap;
use std::path::Path;

use futures::{StreamExt as _, stream};
use wattle_spec::control::{Action, Applied, Change, Done};

use super::awaited::Awaited;
use super::lifecycle::told;
use super::{print, print_json, stop};
use crate::app_file::is_reference;
use crate::cli::Apply;
use crate::control::{Asked, HostAddress, Hosts};
use crate::problem::Problem;
use crate::report;

/// How many apps the host is asked for at a time; it has its own bounds.
const AT_ONCE: usize = 8;

/// What one command asks a host for.
struct Applying<'a> {
    host: &'a Asked,
    arguments: &'a Apply,
    awaited: Awaited,
}

/// What came of it so far.
#[derive(Default)]
struct Outcome {
    /// By their places on the command line.
    done: BTreeMap<usize, Done>,
    /// The last that was not done. Those before it are told.
    failed: Option<Problem>,
}

/// What came of those that were asked for beside each other.
#[derive(Default)]
struct Round {
    /// Whether an app was started or updated.
    has_changed: bool,
    /// Those that want a route of another app.
    taken: Vec<(usize, Problem)>,
}

pub(crate) fn run(arguments: &Apply) -> Result<(), Problem> {
    stop::runtime()?.block_on(async {
        let host = Hosts::find(&arguments.asking.reach()).await?.that_takes_apps()?;
        let outcome = Applying { host: &host, arguments, awaited: Awaited::default() }.all().await?;
        if arguments.asking.json {
            print_json(&outcome.done.values().collect::<Vec<_>>())?;
        }
        outcome.failed.map_or(Ok(()), Err)
    })
}

impl Applying<'_> {
    /// Asks for all. Whoever wants a route of another app is asked for again when the others have ended: one of them may have
    /// given it up.
    async fn all(&self) -> Result<Outcome, Problem> {
        let mut outcome = Outcome::default();
        let mut wanted: Vec<usize> = (0..self.arguments.what.len()).collect();
        loop {
            let Round { has_changed, taken } = self.round(&wanted, &mut outcome).await?;
            if !has_changed || taken.is_empty() {
                taken.into_iter().for_each(|(_, problem)| self.fail(&mut outcome, problem));
                return Ok(outcome);
            }
            wanted = taken.into_iter().map(|(place, _)| place).collect();
        }
    }

    /// Asks for those at these places, and tells of them in this order. What fails of one does not keep it from the others.
    async fn round(&self, wanted: &[usize], outcome: &mut Outcome) -> Result<Round, Problem> {
        let mut round = Round::default();
        let mut answers = stream::iter(wanted).map(|place| self.one(*place)).buffered(AT_ONCE);
        while let Some((place, answer)) = answers.next().await {
            match answer {
                Ok(done) => {
                    if !self.arguments.asking.json {
                        self.awaited.aside(|| print(&told(&done)))?;
                    }
                    round.has_changed |= !matches!(done, Done::Applied(Applied { change: Change::Unchanged, .. }));
                    outcome.done.insert(place, done);
                }
                Err(problem) if problem.is_taken_route() => round.taken.push((place, problem)),
                Err(problem) => self.fail(outcome, problem),
            }
        }
        Ok(round)
    }

    async fn one(&self, place: usize) -> (usize, Result<Done, Problem>) {
        let what = &self.arguments.what[place];
        let named = what.display().to_string();
        let done = async {
            let action = self.action(what)?;
            self.awaited.act(self.host, &named, &action).await.map_err(|problem| problem.of(named.clone()))
        };
        (place, done.await)
    }

    fn action(&self, what: &Path) -> Result<Action, Problem> {
        let Apply { namespace, pull, locked, generation, .. } = self.arguments;
        let (source, namespace) = (source(what, &self.host.client.address)?, namespace.clone());
        Ok(Action::Apply { source, namespace, pull: *pull, locked: *locked, generation: *generation })
    }

    /// Keeps why one was not done, which is told at the end, and tells of the one before.
    fn fail(&self, outcome: &mut Outcome, problem: Problem) {
        if let Some(before) = outcome.failed.replace(problem) {
            self.awaited.aside(|| report::problem(&before));
        }
    }
}

/// What is named, for a `host` that stands somewhere else.
fn source(what: &Path, host: &HostAddress) -> Result<String, Problem> {
    if is_reference(what) {
        return Ok(what.display().to_string());
    }
    if let HostAddress::Elsewhere(_) = host {
        return Err(Problem::Elsewhere { path: what.into(), host: host.clone() });
    }
    let path = std::path::absolute(what).map_err(|source| Problem::NoPlace { path: what.into(), source })?;
    path.into_os_string().into_string().map_err(|path| Problem::NotText { what: path.display().to_string() })
}
