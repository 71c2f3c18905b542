//! What is asked of a host of many apps.

use std::sync::Arc;

use wattle_spec::app::App;
use wattle_spec::control::{Action, AppState, Done, Refusal, RefusalCode};
use wattle_spec::name::AppId;

use super::apply::Wish;
use super::course::Course;
use super::desired::Record;
use super::turn::Turn;
use super::{Daemon, beside, refusal};
use crate::app_file::AppFile;
use crate::problem::Problem;

impl Daemon {
    /// Does what somebody asks for, and waits until it is done.
    ///
    /// # Errors
    ///
    /// If it cannot be done. What ran before still runs then.
    pub(crate) async fn act(self: &Arc<Self>, action: Action) -> Result<Done, Refusal> {
        match self.course(&action) {
            Some(course) => self.act_on(action, &course).await,
            None => self.act_at_once(action).await,
        }
    }

    /// The same for an action that has a `course`.
    ///
    /// # Errors
    ///
    /// As [`Daemon::act`].
    pub(crate) async fn act_on(self: &Arc<Self>, action: Action, course: &Arc<Course>) -> Result<Done, Refusal> {
        let done = async {
            match action {
                Action::Apply { source, namespace, pull, locked, generation } => {
                    let wish = Wish { source, namespace, pull, locked, generation };
                    self.apply(wish, course).await.map(Done::Applied)
                }
                Action::Rollback { app, generation, expected } => {
                    self.roll_back(&app, (generation, expected), course).await.map(Done::Applied)
                }
                Action::Start { app, expected } => self.start(&app, expected, course).await.map(Done::Applied),
                other => self.act_at_once(other).await,
            }
        };
        self.on_course(course, done).await
    }

    async fn act_at_once(self: &Arc<Self>, action: Action) -> Result<Done, Refusal> {
        match action {
            Action::Stop { app, expected } => self.stop(&app, expected).await,
            Action::Remove { app, expected } => self.remove(&app, expected).await,
            // What changes an app while it runs is between it and the host.
            other => {
                if let Some(app) = other.app() {
                    self.has_to_run(app).await?;
                }
                self.host.act(other).await
            }
        }
    }

    /// Whether nobody stopped an app of which somebody wants something that only runs.
    pub(super) fn is_not_stopped(&self, app: &AppId) -> Result<(), Refusal> {
        match self.known(app)?.now().state {
            AppState::Stopped => Err(Refusal::new(RefusalCode::AppStopped, format!("the app `{app}` was stopped"))
                .hint(format!("start it with `wattle start {app}`"))),
            _ => Ok(()),
        }
    }

    /// Ends an app that is at the `expected` generation, and what is under way to change it. `None`: that was its first start,
    /// and nothing of it is left.
    async fn end(&self, app: &AppId, expected: Option<u64>) -> Result<Option<(Turn, Record)>, Refusal> {
        let deployed = self.known(app)?;
        let now = deployed.now().record.clone();
        now.map_or(Ok(()), |record| record.is_at(expected))?;
        // What was asked for before, to start or update it, is given up: nobody waits for that.
        deployed.give_up();
        self.host.stop(app).await;
        // That was its first start, or somebody else was faster.
        let Ok((turn, record)) = self.turn_of(app).await else { return Ok(None) };
        record.is_at(expected)?;
        self.is(app, &turn.deployed, AppState::Stopping, None);
        self.host.stop(app).await;
        Ok(Some((turn, record)))
    }

    async fn stop(&self, app: &AppId, expected: Option<u64>) -> Result<Done, Refusal> {
        let Some((turn, mut record)) = self.end(app, expected).await? else {
            return Ok(Done::Stopped { app: app.clone() });
        };
        record.stopped = true;
        self.unless_unwritten(app, &turn, self.write(record.clone()).await)?;
        {
            let mut now = turn.deployed.now();
            (now.record, now.held, now.is_unwritten) = (Some(record), Arc::default(), false);
        }
        self.is(app, &turn.deployed, AppState::Stopped, None);
        Ok(Done::Stopped { app: app.clone() })
    }

    /// An app that has ended, and of which that cannot be written down, would run again with the host.
    fn unless_unwritten(&self, app: &AppId, turn: &Turn, written: Result<(), Refusal>) -> Result<(), Refusal> {
        written.map_err(|mut refusal| {
            refusal.message = format!("the app `{app}` has ended, and that is not written down: {}", refusal.message);
            self.is(app, &turn.deployed, AppState::Failed, Some(refusal.message.clone()));
            refusal.hint("ask for it again when that can be written: a host that begins anew runs the app again")
        })
    }

    async fn remove(&self, app: &AppId, expected: Option<u64>) -> Result<Done, Refusal> {
        let Some((turn, _)) = self.end(app, expected).await? else {
            return Ok(Done::Removed { app: app.clone() });
        };
        let (of, desired) = (app.clone(), self.desired.clone());
        let removed = beside(move || Ok(desired.remove(&of)?)).await.map_err(|problem| refusal(&problem));
        self.unless_unwritten(app, &turn, removed)?;
        turn.deployed.now().record = None;
        self.end_turn(app, turn);
        self.prune().await;
        Ok(Done::Removed { app: app.clone() })
    }

    /// Removes bytes that no app needs any more. What is left is removed the next time.
    pub(super) async fn prune(&self) {
        // Those first: one of them may become a record meanwhile.
        let candidates = self.candidates.all();
        let records: Vec<_> = self.apps().values().filter_map(|deployed| deployed.now().record.clone()).collect();
        let desired = self.desired.clone();
        let pruned = beside(move || Ok(desired.prune(&records, &candidates)?)).await;
        if let Err(error) = pruned {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what no app needs any more cannot be removed");
        }
    }

    /// What `file` is with what is recorded of it, if it can run here.
    pub(super) fn judged(&self, mut file: AppFile) -> Result<(AppFile, App), Problem> {
        crate::kept::recall(&mut file, Some(self.desired.directory()))?;
        let app = file.resolve()?;
        Ok((file, app))
    }
}
