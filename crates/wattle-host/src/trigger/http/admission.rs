//! How many requests are under way at a time: a place per request, in its app and on its host.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::answer::Failure;
use crate::places::{Place, Places};

/// The limit of an app and of the host.
const LIMIT: &str = "concurrent-requests";

/// A number of places.
pub(crate) struct Admission {
    places: Arc<Places>,
    /// Gone when nobody comes in this way any more. `None`: nobody wants to know.
    _way: Option<oneshot::Sender<Infallible>>,
}

/// Those who may still come in by one way: whoever was shown it before it was closed.
pub(crate) struct Comers(oneshot::Receiver<Infallible>);

/// A request's places: given back when it is dropped.
pub(crate) struct Permit {
    _app: Place,
    _host: Place,
}

impl Admission {
    /// As many as the limit says of what is called `of`.
    pub(crate) fn new(of: impl ToString, count: u32) -> Self {
        Self { places: Places::new(LIMIT, of, count), _way: None }
    }

    /// The same, with those who come in by it.
    pub(crate) fn watched(of: impl ToString, count: u32) -> (Self, Comers) {
        let (way, comers) = oneshot::channel();
        (Self { _way: Some(way), ..Self::new(of, count) }, Comers(comers))
    }

    /// Another way to the same places, for who is inside already.
    pub(crate) fn inside(&self) -> Self {
        Self { places: self.places.clone(), _way: None }
    }

    /// A place in the app `self` and on the `host`; waits for at most `queue_time` if there is none.
    pub(super) async fn enter(&self, host: &Admission, queue_time: Duration) -> Result<Permit, Failure> {
        if let Ok(permit) = self.try_enter(host) {
            return Ok(permit);
        }
        let wait = async {
            let app = self.places.enter().await;
            let host = host.places.enter().await;
            Permit { _app: app, _host: host }
        };
        tokio::time::timeout(queue_time, wait).await.map_err(|_| Failure::NoCapacity)
    }

    /// The same, without waiting.
    pub(super) fn try_enter(&self, host: &Admission) -> Result<Permit, Failure> {
        let places = self.places.try_enter().zip(host.places.try_enter());
        places.map(|(app, host)| Permit { _app: app, _host: host }).ok_or(Failure::NoCapacity)
    }

    /// Waits until every place is free.
    pub(crate) async fn empty(&self) {
        self.places.all_free().await;
    }
}

impl Comers {
    /// Waits until there are none: each has its place by then, or was refused.
    pub(crate) async fn none(&mut self) {
        let _ = (&mut self.0).await;
    }
}
