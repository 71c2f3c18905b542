//! How many requests are under way at a time: a place per request, in its app and on its host.

use std::sync::Arc;
use std::time::Duration;

use crate::answer::Failure;
use crate::places::{Place, Places};

/// The limit of an app and of the host.
const LIMIT: &str = "concurrent-requests";

/// A number of places.
pub(crate) struct Admission(Arc<Places>);

/// A request's places: given back when it is dropped.
pub(crate) struct Permit {
    _app: Place,
    _host: Place,
}

impl Admission {
    /// As many as the limit says of what is called `of`.
    pub(crate) fn new(of: impl ToString, count: u32) -> Self {
        Self(Places::new(LIMIT, of, count))
    }

    /// A place in the app `self` and on the `host`; waits for at most `queue_time` if there is none.
    pub(super) async fn enter(&self, host: &Admission, queue_time: Duration) -> Result<Permit, Failure> {
        if let Ok(permit) = self.try_enter(host) {
            return Ok(permit);
        }
        let wait = async {
            let app = self.0.enter().await;
            let host = host.0.enter().await;
            Permit { _app: app, _host: host }
        };
        tokio::time::timeout(queue_time, wait).await.map_err(|_| Failure::NoCapacity)
    }

    /// The same, without waiting.
    pub(super) fn try_enter(&self, host: &Admission) -> Result<Permit, Failure> {
        let places = self.0.try_enter().zip(host.0.try_enter());
        places.map(|(app, host)| Permit { _app: app, _host: host }).ok_or(Failure::NoCapacity)
    }

    /// Waits until every place is free.
    pub(crate) async fn empty(&self) {
        self.0.all_free().await;
    }
}
