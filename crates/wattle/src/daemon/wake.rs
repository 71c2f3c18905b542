//! Apps that sleep: whoever needs one has it started from what is written down, with what is compiled already.

use std::sync::{Arc, OnceLock, Weak};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tokio::runtime::Handle;
use wattle_host::Waker;
use wattle_spec::control::{AppState, Refusal, RefusalCode};
use wattle_spec::name::AppId;
use wattle_spec::report::Report;

use super::Daemon;
use super::course::Course;

/// Wakes apps of a daemon, which is there later than its host.
#[derive(Default)]
pub(crate) struct Rouser(OnceLock<(Weak<Daemon>, Handle)>);

impl Rouser {
    /// From now on it wakes apps of `daemon`, on the runtime that this is called on.
    pub(crate) fn serve(&self, daemon: &Arc<Daemon>) {
        // The first one counts.
        let _ = self.0.set((Arc::downgrade(daemon), Handle::current()));
    }

    fn daemon(&self) -> Option<(Arc<Daemon>, &Handle)> {
        let (daemon, runtime) = self.0.get()?;
        Some((daemon.upgrade()?, runtime))
    }
}

impl Waker for Rouser {
    fn wake(&self, app: &AppId) -> BoxFuture<'static, bool> {
        let Some((daemon, runtime)) = self.daemon() else { return ready(false).boxed() };
        let app = app.clone();
        // Why it does not run is told as its state.
        let woken = runtime.spawn(async move { daemon.awake(&app).await.is_ok() });
        async { woken.await.unwrap_or(false) }.boxed()
    }

    fn sleeps(&self, app: &AppId) {
        let Some((daemon, _)) = self.daemon() else { return };
        let generation = daemon.known(app).ok().and_then(|deployed| Some(deployed.now().record.as_ref()?.current));
        (daemon.tell)(Report::State { app: app.clone(), state: AppState::Asleep, generation, reason: None });
    }
}

impl Daemon {
    /// Starts `app` if it sleeps, and waits until it runs.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub(crate) async fn awake(self: &Arc<Self>, app: &AppId) -> Result<(), Refusal> {
        if !self.host.is_asleep(app) {
            return Ok(());
        }
        let (turn, record) = self.turn_of(app).await?;
        match self.host.is_asleep(app) {
            true => self.start_again(&turn, &record, &self.wakes, &Course::default()).await.map(drop),
            // Somebody else woke it meanwhile, or stopped it.
            false => Ok(()),
        }
    }

    /// Starts `app` if it sleeps, for somebody who wants something that only an app has which runs.
    ///
    /// # Errors
    ///
    /// If it does not run, with what to do about that.
    pub(crate) async fn has_to_run(self: &Arc<Self>, app: &AppId) -> Result<(), Refusal> {
        self.is_not_stopped(app)?;
        self.awake(app).await?;
        let now = self.known(app)?.now().clone();
        match now.state {
            AppState::Failed => {
                let reason = now.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                let refusal = Refusal::new(RefusalCode::NotRunning, format!("the app `{app}` does not run{reason}"));
                Err(refusal.hint(format!("when that is mended, start it with `wattle start {app}`")))
            }
            _ => Ok(()),
        }
    }

    /// How an app is that is to be in this state: one that sleeps is to run, as one does that is awake.
    pub(super) fn state(&self, app: &AppId, state: AppState) -> AppState {
        match state {
            AppState::Running if self.host.is_asleep(app) => AppState::Asleep,
            state => state,
        }
    }
}
