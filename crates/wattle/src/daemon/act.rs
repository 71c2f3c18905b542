//! What is asked of a host of many apps.

use std::sync::Arc;

use wattle_spec::app::App;
use wattle_spec::control::{Action, AppState, Done, Refusal, RefusalCode};
use wattle_spec::name::AppId;

use super::apply::Wish;
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
        match action {
            Action::Apply { source, namespace, pull, locked, generation } => {
                self.apply(Wish { source, namespace, pull, locked, generation }).await.map(Done::Applied)
            }
            Action::Rollback { app, generation } => self.roll_back(&app, generation).await.map(Done::Applied),
            Action::Start { app } => self.start(&app).await.map(Done::Applied),
            Action::Stop { app } => self.stop(&app).await,
            Action::Remove { app } => self.remove(&app).await,
            // What changes an app while it runs is between it and the host.
            other => {
                if let Some(app) = other.app() {
                    self.is_not_stopped(app)?;
                }
                self.host.act(other).await
            }
        }
    }

    /// Whether nobody stopped an app of which somebody wants something that only runs.
    fn is_not_stopped(&self, app: &AppId) -> Result<(), Refusal> {
        match self.known(app)?.now().state {
            AppState::Stopped => Err(Refusal::new(RefusalCode::AppStopped, format!("the app `{app}` was stopped"))
                .hint(format!("start it with `wattle start {app}`"))),
            _ => Ok(()),
        }
    }

    async fn stop(&self, app: &AppId) -> Result<Done, Refusal> {
        self.known(app)?;
        // An update that is under way is given up: nobody waits for that.
        self.host.stop(app).await;
        let (turn, mut record) = self.turn_of(app).await?;
        record.stopped = true;
        self.is(app, &turn.deployed, AppState::Stopping, None);
        self.host.stop(app).await;
        self.unless_unwritten(app, &turn, self.write(record.clone()).await)?;
        turn.deployed.now().record = Some(record);
        turn.deployed.now().held = Arc::default();
        self.is(app, &turn.deployed, AppState::Stopped, None);
        Ok(Done::Stopped { app: app.clone() })
    }

    /// An app that has ended, and of which that cannot be written down, would run again with the host.
    fn unless_unwritten(&self, app: &AppId, turn: &Turn, written: Result<(), Refusal>) -> Result<(), Refusal> {
        written.inspect_err(|refusal| {
            let reason = format!("it has ended, and that is not written down: {}", refusal.message);
            self.is(app, &turn.deployed, AppState::Failed, Some(reason));
        })
    }

    async fn remove(&self, app: &AppId) -> Result<Done, Refusal> {
        self.known(app)?;
        self.host.stop(app).await;
        let (turn, _) = self.turn_of(app).await?;
        self.is(app, &turn.deployed, AppState::Stopping, None);
        self.host.stop(app).await;
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
        let records: Vec<_> = self.apps().values().filter_map(|deployed| deployed.now().record.clone()).collect();
        let desired = self.desired.clone();
        let pruned = beside(move || Ok(desired.prune(&records)?)).await;
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
