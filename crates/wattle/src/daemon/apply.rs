//! From what somebody names to an app that runs and is written down.

use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use wattle_artifact::folder::HeldFolder;
use wattle_spec::app::App;
use wattle_spec::control::{AppState, Applied, Change, Moment, Refusal, RefusalCode};
use wattle_spec::manifest::Pull;
use wattle_spec::name::{AppId, Namespace};

use super::desired::{Kept, Record};
use super::{Daemon, Deployed, Now, beside, refusal};
use crate::app_file::{AppFile, Snapshot, is_reference};
use crate::artifacts::Asking;
use crate::problem::Problem;

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
    snapshot: Snapshot,
}

impl Daemon {
    /// Has what somebody wants run.
    pub(super) async fn apply(self: &Arc<Self>, wish: Wish) -> Result<Applied, Refusal> {
        let generation = wish.generation;
        let candidate = {
            let (_place, daemon) = (self.place().await, self.clone());
            beside(move || daemon.read(&wish)).await.map_err(|problem| refusal(&problem))?
        };
        let id = candidate.app.id.clone();
        let deployed = self.deployed(&id);
        let applied = {
            // Who has a turn may wait for a place, and never the other way round.
            let _turn = deployed.turn.lock().await;
            let _place = self.place().await;
            self.replace(&deployed, candidate, generation).await
        };
        self.forget(&id, deployed);
        applied
    }

    /// Has an earlier generation of an app run.
    pub(super) async fn roll_back(self: &Arc<Self>, app: &AppId, wanted: Option<u64>) -> Result<Applied, Refusal> {
        let deployed = self.known(app)?;
        let _turn = deployed.turn.lock().await;
        let Some(record) = deployed.now().record.clone() else { return Err(Refusal::not_running(app)) };
        let before = || record.generations.iter().find(|kept| kept.generation < record.current);
        let kept = wanted.map_or_else(before, |generation| record.get(generation));
        let kept = kept.ok_or_else(|| no_generation(&record, wanted))?;
        let _place = self.place().await;
        let candidate = self.kept(kept.snapshot.clone()).await?;
        self.replace(&deployed, candidate, None).await
    }

    /// Has an app run again that was stopped, or could not be started.
    pub(super) async fn start(self: &Arc<Self>, app: &AppId) -> Result<Applied, Refusal> {
        let deployed = self.known(app)?;
        let _turn = deployed.turn.lock().await;
        self.start_in_turn(&deployed, app).await
    }

    pub(super) async fn start_in_turn(self: &Arc<Self>, deployed: &Deployed, app: &AppId) -> Result<Applied, Refusal> {
        let Now { state, record, .. } = deployed.now().clone();
        let Some(mut record) = record else { return Err(Refusal::not_running(app)) };
        let applied = |change| Applied { app: app.clone(), generation: record.current, change };
        if state == AppState::Running {
            return Ok(applied(Change::Unchanged));
        }
        self.is(app, deployed, AppState::Starting, None);
        let _place = self.place().await;
        match self.started(&record).await {
            Ok(held) => deployed.now().held = held.into(),
            Err(refusal) => {
                let state = if record.stopped { AppState::Stopped } else { AppState::Failed };
                self.is(app, deployed, state, Some(refusal.message.clone()));
                return Err(refusal);
            }
        }
        self.is(app, deployed, AppState::Running, None);
        let applied = applied(Change::Started);
        if record.stopped {
            record.stopped = false;
            deployed.now().record = Some(record.clone());
            self.write(record).await?;
        }
        Ok(applied)
    }

    /// Starts the generation that is to run. What it holds for as long as it does.
    async fn started(self: &Arc<Self>, record: &Record) -> Result<Vec<HeldFolder>, Refusal> {
        let current = record.get(record.current).ok_or_else(|| no_generation(record, Some(record.current)))?;
        let Candidate { file, app, .. } = self.kept(current.snapshot.clone()).await?;
        self.host.update(&app, &file.bytes).await.map_err(|error| refusal(&error.into()))?;
        Ok(file.held())
    }

    /// Reads what somebody wants, and judges it.
    fn read(&self, wish: &Wish) -> Result<Candidate, Problem> {
        let path = Path::new(&wish.source);
        if path.is_relative() && !is_reference(path) {
            let hint = "name it by its whole path, or by a reference as in ghcr.io/me/shop:1.0";
            return Err(Problem::NotThere { what: format!("app at {}", path.display()), hint: hint.into() });
        }
        let asking = match wish.locked {
            true => Asking::Locked { pull: wish.pull },
            false => Asking::Registries { pull: wish.pull },
        };
        let file = AppFile::read_on(path, self.own.clone(), asking)?.in_namespace(wish.namespace.clone());
        let (file, app) = self.judged(file)?;
        let (snapshot, parts) = file.snapshot()?;
        self.desired.keep(&parts)?;
        Ok(Candidate { file, app, snapshot })
    }

    /// Reads what is kept, and judges it.
    async fn kept(self: &Arc<Self>, snapshot: Snapshot) -> Result<Candidate, Refusal> {
        let daemon = self.clone();
        let read = move || {
            let part = |digest: &_| Ok(daemon.desired.part(digest)?);
            let file = AppFile::of_snapshot(&snapshot, daemon.own.clone(), part)?;
            let (file, app) = daemon.judged(file)?;
            Ok(Candidate { file, app, snapshot })
        };
        beside(read).await.map_err(|problem| refusal(&problem))
    }

    /// Puts a candidate in the place of what runs, and writes that down.
    async fn replace(
        self: &Arc<Self>,
        deployed: &Deployed,
        candidate: Candidate,
        wanted: Option<u64>,
    ) -> Result<Applied, Refusal> {
        let Candidate { file, app, snapshot } = candidate;
        let before = deployed.now().clone();
        let runs = before.state == AppState::Running;
        let applied = |generation, change| Applied { app: app.id.clone(), generation, change };
        if let Some(record) = &before.record {
            let is_same = record.get(record.current).is_some_and(|kept| kept.snapshot == snapshot);
            if runs && is_same && wanted.is_none_or(|wanted| wanted == record.current) {
                return Ok(applied(record.current, Change::Unchanged));
            }
            if let Some(wanted) = wanted.filter(|wanted| *wanted <= record.newest()) {
                return Err(stale(record, wanted));
            }
        }
        let state = if runs { AppState::Updating } else { AppState::Starting };
        self.is(&app.id, deployed, state, None);
        if let Err(error) = self.host.update(&app, &file.bytes).await {
            let refusal = refusal(&error.into());
            let state = before.record.as_ref().map_or(AppState::Failed, |_| before.state);
            self.is(&app.id, deployed, state, Some(refusal.message.clone()));
            return Err(refusal);
        }
        let generation = wanted.unwrap_or_else(|| before.record.as_ref().map_or(0, Record::newest) + 1);
        let version = file.version();
        let kept = Kept { generation, applied: Moment(Utc::now()), version, snapshot };
        let record = match before.record.clone() {
            Some(record) => record.with(kept),
            None => Record::new(app.id.clone(), kept),
        };
        let is_recorded = file.runs(&app);
        file.keep_lock();
        let held = file.held().into();
        *deployed.now() = Now { record: Some(record.clone()), held, ..before };
        self.is(&app.id, deployed, AppState::Running, None);
        is_recorded.map_err(|problem| refusal(&problem))?;
        self.write(record).await?;
        Ok(applied(generation, if runs { Change::Updated } else { Change::Started }))
    }

    /// Writes down what is to run.
    pub(super) async fn write(&self, record: Record) -> Result<(), Refusal> {
        let desired = self.desired.clone();
        beside(move || Ok(desired.write(&record)?)).await.map_err(|problem| refusal(&problem))
    }
}

fn stale(record: &Record, wanted: u64) -> Refusal {
    let newest = record.newest();
    let message = format!("the app `{}` is at generation {newest}, and {wanted} is not newer", record.app);
    Refusal::new(RefusalCode::StaleGeneration, message).hint("leave out the generation, or name a newer one")
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
