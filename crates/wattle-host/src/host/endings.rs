//! Apps that end, earlier versions of those that go on included: each by itself, and all of them waited for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use wattle_spec::name::AppId;

use super::running::Running;

/// What ends. It ends at once when this is dropped.
#[derive(Default)]
pub(super) struct Endings(Mutex<Ending>);

#[derive(Default)]
struct Ending {
    tasks: JoinSet<()>,
    /// Each is gone when its sender is.
    under_way: Vec<(AppId, watch::Receiver<()>)>,
}

impl Endings {
    fn lock(&self) -> MutexGuard<'_, Ending> {
        // Whole at every point where a panic could come.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `running` end, which is a version of `app`, for at most `limit`. On the runtime of whoever calls this.
    pub(super) fn begin(&self, app: &AppId, running: Running, limit: Duration) {
        let gone = running.gone.subscribe();
        let mut ending = self.lock();
        while ending.tasks.try_join_next().is_some() {}
        ending.under_way.retain(|(_, gone)| gone.has_changed().is_ok());
        ending.under_way.push((app.clone(), gone));
        ending.tasks.spawn(running.end_within(limit));
    }

    /// Waits until every version of `app` is gone that ends now.
    pub(super) async fn of(&self, app: &AppId) {
        self.those(|other| other == app).await;
    }

    /// Waits until everything is gone that ends now.
    pub(super) async fn all(&self) {
        self.those(|_| true).await;
    }

    async fn those(&self, is_meant: impl Fn(&AppId) -> bool) {
        let under_way = {
            let ending = self.lock();
            let meant = ending.under_way.iter().filter(|(app, _)| is_meant(app));
            meant.map(|(_, gone)| gone.clone()).collect::<Vec<_>>()
        };
        for mut gone in under_way {
            while gone.changed().await.is_ok() {}
        }
    }
}
