//! Apps of which nobody can read what was written down: they do not run, and whoever asks for one is told why.

use std::path::PathBuf;

use wattle_spec::control::{AppState, AppStatus, Refusal, RefusalCode};
use wattle_spec::name::AppId;
use wattle_spec::report::Report;

use super::desired::{DesiredError, of_file};
use super::{Daemon, cut};
use crate::report::sentence;

/// Why nobody can read what was written down of an app.
#[derive(Debug, Clone)]
pub(super) struct Damaged {
    /// The file. Whoever moves it away has mended this.
    path: PathBuf,
    reason: String,
    hint: Option<String>,
}

impl Damaged {
    fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// That the app cannot be used.
    pub(super) fn refusal(self, app: &AppId) -> Refusal {
        let message = format!("what is written down of the app `{app}` cannot be read: {}", self.reason);
        let refusal = Refusal::new(RefusalCode::AppBlocked, message);
        refusal.hint(self.hint.unwrap_or_else(|| format!("mend {}, and start the host again", self.path.display())))
    }

    /// The same with what to do about it, as the reason why the app does not run.
    fn told(self, app: &AppId) -> String {
        let Refusal { message, hint, .. } = self.refusal(app);
        hint.into_iter().fold(message, |message, hint| format!("{message}\nhint: {hint}"))
    }
}

impl Daemon {
    /// Tells that the file at `path` cannot be read, and knows from now on which app that was.
    pub(super) fn is_damaged(&self, path: PathBuf, error: &DesiredError) {
        let hint = error.hint();
        let Some(app) = of_file(&path) else {
            let error = error as &dyn std::error::Error;
            return tracing::error!(error, hint, "an app is left out, and nobody knows which");
        };
        let damaged = Damaged { path, reason: cut(sentence(error)), hint };
        let reason = Some(damaged.clone().told(&app));
        self.damaged().insert(app.clone(), damaged);
        // The log has it, too.
        (self.tell)(Report::State { app, state: AppState::Failed, generation: None, reason });
    }

    /// Why nobody can read what was written down of `app`, if that is so.
    pub(super) fn damage(&self, app: &AppId) -> Option<Damaged> {
        let damaged = self.damaged().get(app).cloned();
        damaged.filter(Damaged::is_there)
    }

    /// Whether what is written down of `app` can be read, if something is.
    pub(super) fn is_readable(&self, app: &AppId) -> Result<(), Refusal> {
        let is_known = self.apps().contains_key(app);
        match self.damage(app).filter(|_| !is_known) {
            Some(damaged) => Err(damaged.refusal(app)),
            None => Ok(()),
        }
    }

    /// How those apps are.
    pub(super) fn damaged_apps(&self) -> Vec<AppStatus> {
        // What follows looks at the disk, and holds nothing up.
        let damaged = self.damaged().clone();
        let there = damaged.into_iter().filter(|(_, damaged)| damaged.is_there());
        let status = |(app, damaged): (AppId, Damaged)| {
            let reason = Some(damaged.told(&app));
            AppStatus { state: Some(AppState::Failed), reason, ..AppStatus::unknown(&app) }
        };
        there.map(status).collect()
    }
}
