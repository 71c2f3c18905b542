//! Apps end: one, or all with their host.

use std::sync::Arc;

use futures::future::{join, join_all};
use tokio::time::timeout;
use wattle_spec::control::Cut;
use wattle_spec::name::AppId;

use super::Host;
use super::background::Background;
use crate::trigger::http::{Listener, REST_GRACE};

impl Host {
    /// Stops the app: new requests find it no more, those under way end first, for at most `drain`. Nothing of it is there
    /// any more when this returns, of earlier versions that had not ended neither; a start or an update of it that is under
    /// way is given up. It ends also if this is dropped.
    ///
    /// Whether there was such an app.
    pub async fn stop(&self, app: &AppId) -> bool {
        // The first start of an app, or one that sleeps, has no earlier version that says that it ends.
        let was_starting = self.beginnings.give_up(app);
        let was_there = self.begin_to_stop(app) || was_starting;
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
        let table = self.table_without(&apps, app);
        let (running, slept) = (apps.remove(app), self.asleep().remove(app));
        if running.is_none() && slept.is_none() {
            return false;
        }
        self.server.routes.store(Arc::new(table));
        let Some(running) = running else { return true };
        running.end();
        running.background.stop_triggers();
        self.endings.begin(app, running, self.server.limits.drain);
        true
    }

    /// Ends in good order: accepts nothing more, answers what was accepted, and closes.
    ///
    /// # Errors
    ///
    /// If not everything ended within the limit `drain`. What did not is cut when the host is dropped.
    pub async fn drain(&self) -> Result<(), Cut> {
        // No app begins any more, and nothing is listened on.
        self.server.end();
        self.readiness.end();
        let mut listeners = std::mem::take(&mut *self.all_listeners());
        listeners.iter().for_each(Listener::drain);
        let backgrounds = self.end_all();
        let ended = timeout(self.server.limits.drain, async {
            for listener in &mut listeners {
                listener.closed().await;
            }
            let _ = timeout(REST_GRACE, self.connections.none()).await;
            listeners.iter().for_each(Listener::close);
            self.connections.none().await;
            self.server.requests.empty().await;
            join_all(backgrounds.into_iter().map(Background::end)).await;
            self.endings.all().await;
        })
        .await;
        let cut = ended.map_err(|_| Cut {
            requests: self.server.requests.under_way() as u64,
            connections: self.connections.open() as u64,
        });
        for running in self.apps().values() {
            running.components.iter().for_each(|component| component.clear());
        }
        if let Some(exporter) = &self.exporter {
            exporter.flush().await;
        }
        cut
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
