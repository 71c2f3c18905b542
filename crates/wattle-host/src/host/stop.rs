//! Apps end: one, or all with their host.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all};
use tokio::time::timeout;
use wattle_spec::name::AppId;

use super::Host;
use super::background::Background;

/// When a host stops, connections that rest may use this long to end by themselves: a request may be on its way.
const REST_GRACE: Duration = Duration::from_millis(500);

impl Host {
    /// Stops the app: new requests find it no more, those under way end first, for at most `drain`. Nothing of it is there
    /// any more when this returns, of earlier versions that had not ended neither; an update of it that is under way is
    /// given up. It ends also if this is dropped.
    ///
    /// Whether there was such an app.
    pub async fn stop(&self, app: &AppId) -> bool {
        let was_there = self.begin_to_stop(app);
        let limit = self.server.limits.drain;
        // Whoever changes it finds that it ends, and leaves nothing.
        let unchanged = async {
            if was_there {
                let _ = timeout(limit, self.turns.of(app)).await;
            }
        };
        join(self.endings.of(app), unchanged).await;
        was_there
    }

    fn begin_to_stop(&self, app: &AppId) -> bool {
        let mut apps = self.apps();
        let Some(running) = apps.remove(app) else { return false };
        // Without one of them the rest has no conflict that it did not have before.
        if let Ok(table) = self.table(&apps, None) {
            self.server.routes.store(Arc::new(table));
        }
        running.end();
        running.background.stop_triggers();
        self.endings.begin(app, running, self.server.limits.drain);
        true
    }

    /// Ends in good order: accepts nothing more, answers what was accepted, and closes. Whether everything ended
    /// within the limit `drain`; what did not is cut when the host is dropped.
    pub async fn drain(&self) -> bool {
        // No app begins any more.
        self.server.drain();
        let listeners =
            std::mem::take(&mut *self.listeners.lock().expect("invariant: nothing panics while it holds this lock"));
        let backgrounds = self.end_all();
        let ended = timeout(self.server.limits.drain, async {
            for listener in listeners {
                listener.closed().await;
            }
            let _ = timeout(REST_GRACE, self.connections.none()).await;
            self.server.close();
            self.connections.none().await;
            self.server.requests.empty().await;
            join_all(backgrounds.into_iter().map(Background::end)).await;
            self.endings.all().await;
        })
        .await;
        for running in self.apps().values() {
            running.components.iter().for_each(|component| component.clear());
        }
        if let Some(exporter) = &self.exporter {
            exporter.flush().await;
        }
        ended.is_ok()
    }

    /// Tells every app that it ends. What runs of them by itself is to be ended.
    fn end_all(&self) -> Vec<Background> {
        let mut apps = self.apps();
        let ending = apps.values_mut().map(|running| {
            running.end();
            running.background.stop_triggers();
            std::mem::take(&mut running.background)
        });
        ending.collect()
    }
}
