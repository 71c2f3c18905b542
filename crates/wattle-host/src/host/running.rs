//! An app that runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;
use wattle_spec::app::App;
use wattle_spec::name::BackendName;
use wattle_spec::route::{HttpRoute, RouteKey};

use super::asleep::Weight;
use super::background::{Background, Overview};
use super::moving::Progress;
use super::retiring::Retiring;
use super::room::Room;
use crate::outgoing::OpenInside;
use crate::readiness::Standing;
use crate::sibling::Sibling;
use crate::trigger::http::{Admission, Comers, Target};

/// How long what is cut may take to end at most: a file that is written to a slow client goes on by itself.
const CUT: Duration = Duration::from_secs(1);
/// Why an app that ends is not ready.
const STOPPING: &str = "draining";

/// An app that runs.
pub(super) struct Running {
    pub(super) ways: Ways,
    pub(super) components: Components,
    pub(super) background: Background,
    pub(super) overview: Overview,
    pub(super) since: Instant,
    /// What it is now, and was when it started.
    pub(super) app: Arc<App>,
    pub(super) first: Arc<App>,
    /// What the host itself says of it, as long as it serves.
    pub(super) ready: Option<Standing>,
    /// What the backends say that it is linked to.
    pub(super) backends: BTreeMap<BackendName, Standing>,
    /// What it takes as long as it is here.
    pub(super) weight: Weight,
    /// What ends leases of links that were led elsewhere.
    pub(super) retiring: Retiring,
    /// How far what is being moved of it is.
    pub(super) moving: Weak<Progress>,
    /// What is kept for it.
    pub(super) _room: Room,
    /// Whether it ends.
    pub(super) ends: watch::Sender<bool>,
    /// Goes last: then nothing of it is there any more.
    pub(super) gone: watch::Sender<()>,
}

/// What leads requests to an app.
pub(super) struct Ways {
    pub(super) routes: Vec<(HttpRoute, Arc<Target>)>,
    /// The same for its own components.
    pub(super) _inside: OpenInside,
    /// Those who have found a route and have no place yet.
    pub(super) comers: Comers,
    pub(super) requests: Admission,
}

/// The components of an app. What of them rests ends when this is dropped.
pub(super) struct Components(pub(super) Vec<Arc<Sibling>>);

impl Components {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Arc<Sibling>> {
        self.0.iter()
    }
}

impl Drop for Components {
    fn drop(&mut self) {
        self.0.iter().for_each(|component| component.clear());
    }
}

impl Ways {
    /// Waits until every request has ended that came by them. New ones find them no more.
    async fn empty(&mut self) {
        self.routes.clear();
        self.comers.none().await;
        self.requests.empty().await;
    }
}

impl Running {
    /// Which requests it answers.
    pub(super) fn routes(&self) -> impl Iterator<Item = RouteKey> {
        self.ways.routes.iter().map(|(route, _)| route.key())
    }

    /// Tells everybody that it ends.
    pub(super) fn end(&self) {
        self.ready.iter().for_each(|ready| ready.not_ready(STOPPING));
        self.ends.send_replace(true);
    }

    /// Says nothing more of whether the app is ready: another version does.
    pub(super) fn step_back(&mut self) {
        self.ready = None;
        self.backends.clear();
    }

    /// Ends in good order: first the requests, then what triggers have called, then the services, for at most `limit`.
    /// New requests find it no more, and its triggers are told to stop.
    pub(super) async fn end_within(mut self, limit: Duration) {
        let background = std::mem::take(&mut self.background);
        let ways = &mut self.ways;
        let ended = async move {
            ways.empty().await;
            background.end().await;
        };
        if timeout(limit, ended).await.is_err() {
            tracing::warn!(app = %self.app.id, ?limit, "what had not ended in time is cut");
            self.components.iter().for_each(|component| component.component().cut.now());
            // A guest that computes lets go at the next tick.
            let _ = timeout(CUT, self.ways.requests.empty()).await;
        }
    }
}
