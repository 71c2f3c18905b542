//! Apps that are being started or updated: whoever stops one has that given up, however far it is.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use wattle_spec::name::AppId;

/// Each with who tells that nobody wants it any more.
#[derive(Default)]
pub(super) struct Beginnings(Mutex<BTreeMap<AppId, watch::Sender<bool>>>);

/// While this is there, an app is being started. Whoever has it has the app's turn.
pub(super) struct Beginning<'h> {
    all: &'h Beginnings,
    app: AppId,
}

impl Beginnings {
    /// `app` is being started.
    pub(super) fn of(&self, app: &AppId) -> Beginning<'_> {
        self.lock().insert(app.clone(), watch::Sender::new(false));
        Beginning { all: self, app: app.clone() }
    }

    /// Nobody wants `app` any more. Whether it is being started.
    pub(super) fn give_up(&self, app: &AppId) -> bool {
        self.lock().get(app).is_some_and(|begins| {
            begins.send_replace(true);
            true
        })
    }

    /// Waits until nobody wants `app` any more, which is being started.
    pub(super) async fn given_up(&self, app: &AppId) {
        let begins = self.lock().get(app).map(watch::Sender::subscribe);
        match begins {
            Some(mut begins) => drop(begins.wait_for(|is_given_up| *is_given_up).await),
            None => pending().await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AppId, watch::Sender<bool>>> {
        // Whole at every point where a panic could come.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.app);
    }
}
