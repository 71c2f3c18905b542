//! Apps that are being started or updated: how far each is, and whoever stops one has that given up, wherever it is.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use wattle_spec::control::Progress;
use wattle_spec::name::AppId;

/// Those there are.
#[derive(Default)]
pub(super) struct Beginnings(Mutex<BTreeMap<AppId, Begins>>);

/// One of them.
struct Begins {
    /// Tells that nobody wants it any more.
    given_up: watch::Sender<bool>,
    progress: Progress,
}

/// While this is there, an app is being started. Whoever has it has the app's turn.
pub(super) struct Beginning<'h> {
    all: &'h Beginnings,
    app: AppId,
}

impl Beginnings {
    /// `app` is being started.
    pub(super) fn of(&self, app: &AppId) -> Beginning<'_> {
        let begins = Begins { given_up: watch::Sender::new(false), progress: Progress::Starting };
        self.lock().insert(app.clone(), begins);
        Beginning { all: self, app: app.clone() }
    }

    /// The start of `app` is this far.
    pub(super) fn is(&self, app: &AppId, progress: Progress) {
        if let Some(begins) = self.lock().get_mut(app) {
            begins.progress = progress;
        }
    }

    /// How far the start of `app` is, if it is being started.
    pub(super) fn progress(&self, app: &AppId) -> Option<Progress> {
        self.lock().get(app).map(|begins| begins.progress.clone())
    }

    /// Nobody wants `app` any more. Whether it is being started.
    pub(super) fn give_up(&self, app: &AppId) -> bool {
        self.lock().get(app).is_some_and(|begins| {
            begins.given_up.send_replace(true);
            true
        })
    }

    /// Waits until nobody wants `app` any more, which is being started.
    pub(super) async fn given_up(&self, app: &AppId) {
        let given_up = self.lock().get(app).map(|begins| begins.given_up.subscribe());
        match given_up {
            Some(mut given_up) => drop(given_up.wait_for(|is_given_up| *is_given_up).await),
            None => pending().await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AppId, Begins>> {
        // Whole at every point where a panic could come.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.app);
    }
}
