//! From what somebody names to an app that runs and is written down.

use std::future::ready;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;

use chrono::Utc;
use tokio::sync::Semaphore;
use wattle_spec::app::App;
use wattle_spec::control::{AppState, Applied, Change, Moment, Refusal, RefusalCode};
use wattle_spec::manifest::Pull;
use wattle_spec::name::{AppId, Namespace};

use super::course::{Course, Stage};
use super::desired::{Doors, GENERATIONS, Kept, Record};
use super::turn::{Deployed, Now, Turn};
use super::{Daemon, beside, place, refusal};
use crate::app_file::{AppFile, Parts, Snapshot, is_reference};
use crate::artifacts::{Asking, Errand, Pulls};
use crate::problem::Problem;
use crate::report::sentence;

/// The last generation that there can be: the largest number that every reader of JSON has exactly.
const GENERATION_MAX: u64 = (1 << 53) - 1;

/// What somebody wants to run.
pub(super) struct Wish {
    pub(super) source: String,
    pub(super) namespace: Namespace,
    pub(super) pull: Option<Pull>,
    pub(super) locked: bool,
    pub(super) generation: Option<u64>,
}

/// A version of an app that can run here, and is not written down yet.
struct Candidate {
    file: AppFile,
    app: App,
    /// Nobody removes its bytes as long as this is there.
    snapshot: Arc<Snapshot>,
}

impl Daemon {
    /// Has what somebody wants run.
    pub(super) async fn apply(self: &Arc<Self>, wish: Wish, course: &Course) -> Result<Applied, Refusal> {
        let generation = wish.generation;
        let candidate = {
            // A slow registry keeps nobody from starting what is here.
            let _place = place(&self.reads).await;
            course.is(Stage::Reading);
            self.read_unless_ending(wish, course.pulls.clone()).await?
        };
        let id = candidate.app.id.clone();
        course.is_of(&id);
        self.is_readable(&id)?;
        course.is(Stage::Waiting);
        let turn = self.turn_of_any(&id).await?;
        let applied = self.replace(&turn, candidate, generation, course).await;
        self.end_turn(&id, turn);
        applied
    }

    /// Has an earlier generation of an app run.
    pub(super) async fn roll_back(
        self: &Arc<Self>,
        app: &AppId,
        (wanted, expected): (Option<u64>, Option<u64>),
        course: &Course,
    ) -> Result<Applied, Refusal> {
        let (turn, record) = self.turn_of(app).await?;
        course.is(Stage::Reading);
        record.is_at(expected)?;
        let before = || record.generations.iter().find(|kept| kept.generation < record.current);
        let kept = wanted.map_or_else(before, |generation| record.get(generation));
        let kept = kept.ok_or_else(|| no_generation(&record, wanted))?;
        let candidate = self.restored(app, kept.snapshot.clone()).await?;
        self.replace(&turn, candidate, None, course).await
    }

    /// Has an app run again that was stopped, or could not be started.
    pub(super) async fn start(
        self: &Arc<Self>,
        app: &AppId,
        expected: Option<u64>,
        course: &Course,
    ) -> Result<Applied, Refusal> {
        let (turn, mut record) = self.turn_of(app).await?;
        turn.unless_stopped(app, ready(())).await?;
        record.is_at(expected)?;
        if turn.deployed.now().state == AppState::Running {
            return Ok(Applied { app: app.clone(), generation: record.current, change: Change::Unchanged });
        }
        if record.stopped {
            record.stopped = false;
            self.write(record.clone()).await?;
            turn.deployed.now().record = Some(record.clone());
        }
        self.start_again(&turn, &record, &self.starts, course).await
    }

    /// Starts the generation that is to run, by whoever has the turn, when there is one of `places`.
    pub(super) async fn start_again(
        self: &Arc<Self>,
        turn: &Turn,
        record: &Record,
        places: &Semaphore,
        course: &Course,
    ) -> Result<Applied, Refusal> {
        let (app, deployed) = (&record.app, &*turn.deployed);
        self.is(app, deployed, AppState::Starting, None);
        let started = async {
            let _place = turn.unless_stopped(app, place(places)).await?;
            course.is(Stage::Reading);
            let current = record.get(record.current).ok_or_else(|| no_generation(record, Some(record.current)))?;
            let Candidate { file, app, .. } = self.restored(app, current.snapshot.clone()).await?;
            course.is(Stage::Beginning);
            self.host.update(&app, &file.bytes).await.map_err(|error| refusal(&error.into()))?;
            Ok::<_, Refusal>(file.held())
        };
        match started.await {
            Ok(held) => {
                deployed.now().held = held.into();
                self.is(app, deployed, AppState::Running, None);
                Ok(Applied { app: app.clone(), generation: record.current, change: Change::Started })
            }
            Err(refusal) => {
                self.is(app, deployed, AppState::Failed, Some(refusal.message.clone()));
                Err(refusal)
            }
        }
    }

    /// Reads what somebody wants, unless the host ends: it would not begin any more.
    async fn read_unless_ending(self: &Arc<Self>, wish: Wish, pulls: Pulls) -> Result<Candidate, Refusal> {
        let (daemon, of_wish) = (self.clone(), pulls.clone());
        let mut read = pin!(beside(move || daemon.read(&wish, of_wish)));
        let read = tokio::select! {
            read = &mut read => read,
            () = self.host.ends() => {
                pulls.give_up();
                read.await
            }
        };
        read.map_err(|problem| refusal(&problem))
    }

    /// Reads what somebody wants, judges it, and keeps it: what is kept is what runs, now and later.
    fn read(&self, wish: &Wish, pulls: Pulls) -> Result<Candidate, Problem> {
        let path = Path::new(&wish.source);
        if path.is_relative() && !is_reference(path) {
            let hint = "name it by its whole path, or by a reference as in ghcr.io/me/shop:1.0";
            return Err(Problem::NotThere { what: format!("app at {}", path.display()), hint: hint.into() });
        }
        let asking = match wish.locked {
            true => Asking::Locked { pull: wish.pull },
            false => Asking::Registries { pull: wish.pull },
        };
        let file =
            AppFile::read_on(path, self.own.clone(), Errand { asking, pulls })?.in_namespace(wish.namespace.clone());
        let (file, app) = self.judged(file)?;
        let (snapshot, parts) = file.snapshot()?;
        self.desired.keep(&parts)?;
        file.keep_lock();
        match snapshot.has_folders() {
            true => self.candidate(snapshot, |digest| Ok(part(&parts, digest)?)),
            // Its bytes are in memory: nothing of it is read again from where somebody may change it.
            false => Ok(Candidate { file, app, snapshot: self.candidates.add(snapshot) }),
        }
    }

    /// A version out of what is kept.
    async fn restored(self: &Arc<Self>, app: &AppId, snapshot: Snapshot) -> Result<Candidate, Refusal> {
        let daemon = self.clone();
        let read = move || daemon.candidate(snapshot, |digest| Ok(daemon.desired.part(digest)?));
        let candidate = beside(read).await.map_err(|problem| refusal(&problem))?;
        match candidate.app.id == *app {
            true => Ok(candidate),
            false => {
                let message = format!("what is kept of the app `{app}` is the app `{}`", candidate.app.id);
                Err(Refusal::new(RefusalCode::AppRefused, message).hint("apply it again"))
            }
        }
    }

    fn candidate(
        &self,
        snapshot: Snapshot,
        part: impl Fn(&wattle_spec::digest::Digest) -> Result<bytes::Bytes, Problem>,
    ) -> Result<Candidate, Problem> {
        let (file, app) = self.judged(AppFile::of_snapshot(&snapshot, self.own.clone(), part)?)?;
        Ok(Candidate { file, app, snapshot: self.candidates.add(snapshot) })
    }

    /// Puts a candidate in the place of what runs, and writes that down. What needs room on the disk is written before.
    async fn replace(
        self: &Arc<Self>,
        turn: &Turn,
        candidate: Candidate,
        wanted: Option<u64>,
        course: &Course,
    ) -> Result<Applied, Refusal> {
        let Candidate { file, app, snapshot } = candidate;
        let deployed = &*turn.deployed;
        let before = deployed.now().clone();
        let runs = before.state == AppState::Running;
        if let Some(unchanged) = unchanged(&before, &snapshot, wanted) {
            return Ok(Applied { app: app.id, generation: unchanged, change: Change::Unchanged });
        }
        let generation = next(&app.id, before.record.as_ref(), wanted)?;
        let (applied, version) = (Moment(Utc::now()), file.version());
        let kept = Kept { generation, applied, version, snapshot: (*snapshot).clone(), doors: Doors::of(&app) };
        let record = match before.record.clone() {
            Some(record) => record.with(kept),
            None => Record::new(app.id.clone(), kept),
        };
        let (draft, record) = {
            let (desired, is_new) = (self.desired.clone(), before.record.is_none());
            beside(move || Ok(desired.draft(record, is_new)?)).await.map_err(|problem| refusal(&problem))?
        };
        let state = if runs { AppState::Updating } else { AppState::Starting };
        self.is(&app.id, deployed, state, None);
        course.is(Stage::Waiting);
        let updated = async {
            let place = turn.unless_stopped(&app.id, place(&self.starts)).await;
            let _place = place.map_err(|refusal| (refusal.message.clone(), refusal))?;
            course.is(Stage::Beginning);
            let updated = self.host.update(&app, &file.bytes).await;
            updated.map_err(|error| (sentence(&error), refusal(&error.into())))
        };
        if let Err((reason, refusal)) = updated.await {
            let (state, reason) = match &before.record {
                None => (AppState::Failed, reason),
                Some(_) if runs && refusal.code == RefusalCode::AppStopped => (AppState::Stopping, reason),
                Some(record) => (before.state, goes_on(self.state(&app.id, before.state), record, &reason)),
            };
            self.is(&app.id, deployed, state, Some(reason));
            return Err(refusal);
        }
        let id = app.id.clone();
        let written = beside(move || {
            file.runs(&app)?;
            draft.publish()?;
            Ok(file.held())
        });
        let is_full = record.generations.len() == GENERATIONS;
        match written.await {
            Ok(held) => {
                let mut now = deployed.now();
                (now.record, now.held, now.is_unwritten) = (Some(record), held.into(), false);
            }
            Err(problem) => return Err(self.unwritten(&id, deployed, refusal(&problem)).await),
        }
        self.is(&id, deployed, AppState::Running, None);
        if is_full {
            self.prune().await;
        }
        Ok(Applied { app: id, generation, change: if runs { Change::Updated } else { Change::Started } })
    }

    /// What is told of a version that runs and cannot be written down. One that nobody would remember does not go on; another
    /// one does, and whoever applies it again has it written down.
    async fn unwritten(&self, app: &AppId, deployed: &Deployed, mut refusal: Refusal) -> Refusal {
        if deployed.now().record.is_none() {
            self.host.stop(app).await;
            return refusal;
        }
        deployed.now().is_unwritten = true;
        refusal.message = format!("it runs, and is not written down: {}", refusal.message);
        self.is(app, deployed, AppState::Running, Some(refusal.message.clone()));
        refusal.hint("apply it again when that can be written: a host that begins anew has the version before")
    }

    /// Writes down what is to run.
    pub(super) async fn write(&self, record: Record) -> Result<(), Refusal> {
        let desired = self.desired.clone();
        let written = beside(move || Ok(desired.draft(record, false)?.0.publish()?)).await;
        written.map_err(|problem| refusal(&problem))
    }
}

/// Why an app is as it was before it was to be updated.
fn goes_on(state: AppState, record: &Record, reason: &str) -> String {
    let at = Moment(Utc::now());
    match state {
        AppState::Running => {
            format!("the update of {at} failed, and generation {} goes on: {reason}", record.current)
        }
        state => format!("the update of {at} failed, and the app is {state} as before: {reason}"),
    }
}

/// The generation that runs, if it is what somebody wants.
fn unchanged(before: &Now, snapshot: &Snapshot, wanted: Option<u64>) -> Option<u64> {
    let is_written = before.state == AppState::Running && !before.is_unwritten;
    let record = before.record.as_ref().filter(|_| is_written)?;
    let is_same = record.get(record.current).is_some_and(|kept| kept.snapshot == *snapshot);
    (is_same && wanted.is_none_or(|wanted| wanted == record.current)).then_some(record.current)
}

/// The number of the next generation.
fn next(app: &AppId, record: Option<&Record>, wanted: Option<u64>) -> Result<u64, Refusal> {
    let newest = record.map_or(0, Record::newest);
    let next = wanted.unwrap_or_else(|| newest.saturating_add(1));
    if next > newest && next <= GENERATION_MAX {
        return Ok(next);
    }
    let message = format!("the app `{app}` is at generation {newest}, and {next} cannot be the next one");
    let hint = match newest < GENERATION_MAX {
        true => "leave out the generation, or name a newer one of at most 2^53 - 1",
        false => "remove the app and apply it again: its generations begin anew then",
    };
    Err(Refusal::new(RefusalCode::StaleGeneration, message).hint(hint))
}

fn part(parts: &Parts, digest: &wattle_spec::digest::Digest) -> Result<bytes::Bytes, super::DesiredError> {
    parts.get(digest).cloned().ok_or(super::DesiredError::Missing(*digest))
}

fn no_generation(record: &Record, wanted: Option<u64>) -> Refusal {
    let app = &record.app;
    let message = match wanted {
        Some(wanted) => format!("the app `{app}` has no generation {wanted}"),
        None => format!("the app `{app}` has no generation before the one that runs"),
    };
    let kept: Vec<_> = record.generations.iter().map(|kept| kept.generation.to_string()).collect();
    Refusal::new(RefusalCode::NoSuchGeneration, message).hint(format!("kept are: {}", kept.join(", ")))
}
