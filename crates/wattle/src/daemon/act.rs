//! What is asked of a host of many apps.

use std::sync::Arc;

use wattle_spec::control::{Action, AppState, Done, Refusal, RefusalCode};
use wattle_spec::name::AppId;
use wattle_spec::report::Report;

use super::apply::Wish;
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
                    self.runs(app)?;
                }
                self.host.act(other).await
            }
        }
    }

    /// Whether an app that is remembered runs, as far as somebody wants something of what runs.
    fn runs(&self, app: &AppId) -> Result<(), Refusal> {
        match self.known(app)?.now().state {
            AppState::Stopped => Err(Refusal::new(RefusalCode::AppStopped, format!("the app `{app}` was stopped"))
                .hint(format!("start it with `wattle start {app}`"))),
            _ => Ok(()),
        }
    }

    async fn stop(&self, app: &AppId) -> Result<Done, Refusal> {
        let deployed = self.known(app)?;
        let _turn = deployed.turn.lock().await;
        let Some(mut record) = deployed.now().record.clone() else { return Err(Refusal::not_running(app)) };
        if !record.stopped {
            record.stopped = true;
            self.write(record.clone()).await?;
            deployed.now().record = Some(record);
        }
        self.is(app, &deployed, AppState::Stopping, None);
        self.host.stop(app).await;
        deployed.now().held = Arc::default();
        self.is(app, &deployed, AppState::Stopped, None);
        Ok(Done::Stopped { app: app.clone() })
    }

    async fn remove(&self, app: &AppId) -> Result<Done, Refusal> {
        let deployed = self.known(app)?;
        {
            let _turn = deployed.turn.lock().await;
            let (of, desired) = (app.clone(), self.desired.clone());
            beside(move || Ok(desired.remove(&of)?)).await.map_err(|problem| refusal(&problem))?;
            self.is(app, &deployed, AppState::Stopping, None);
            self.host.stop(app).await;
            deployed.now().record = None;
        }
        self.forget(app, deployed);
        (self.tell)(Report::Removed { app: app.clone() });
        self.prune().await;
        Ok(Done::Removed { app: app.clone() })
    }

    /// Removes bytes that no app needs any more. What is left is removed the next time.
    pub(super) async fn prune(&self) {
        let deployed: Vec<_> = self.apps().values().cloned().collect();
        let records: Vec<_> = deployed.iter().filter_map(|deployed| deployed.now().record.clone()).collect();
        let desired = self.desired.clone();
        let pruned = beside(move || Ok(desired.prune(records.iter())?)).await;
        if let Err(error) = pruned {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what no app needs any more cannot be removed");
        }
    }

    /// What `file` is with what is recorded of it, if it can run here.
    pub(super) fn judged(&self, mut file: AppFile) -> Result<(AppFile, wattle_spec::app::App), Problem> {
        crate::kept::recall(&mut file, Some(self.desired.directory()))?;
        let app = file.resolve()?;
        Ok((file, app))
    }
}
