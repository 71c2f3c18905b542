//! How many requests are under way at a time: a place per request, in its app and on its host. An app has at most three
//! quarters of the host's.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wattle_spec::name::AppId;

use crate::answer::Failure;
use crate::places::{Place, Places};

/// The limit of an app and of the host.
const LIMIT: &str = "concurrent-requests";

/// What an app has of the host's, if its own limit is above that.
const SHARE: &str = "three quarters of the host's concurrent-requests";

/// What times of use are counted from.
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A number of places.
pub(crate) struct Admission {
    places: Arc<Places>,
    /// When a place was last taken, in milliseconds.
    used: Arc<AtomicU64>,
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
        Self::with(Places::new(LIMIT, of, count))
    }

    /// As many on `host` as the limit of `app` says, and as one app may have there, with those who come in by it.
    pub(crate) fn of_app(app: &AppId, count: u32, host: &Self) -> (Self, Comers) {
        let most = host.of_one();
        let places = match count <= most {
            true => Places::new(LIMIT, app, count),
            false => Places::new(SHARE, app, most),
        };
        let (way, comers) = oneshot::channel();
        (Self { _way: Some(way), ..Self::with(places) }, Comers(comers))
    }

    fn with(places: Arc<Places>) -> Self {
        let admission = Self { places, used: Arc::default(), _way: None };
        admission.is_used();
        admission
    }

    /// Another way to the same places, for who is inside already.
    pub(crate) fn inside(&self) -> Self {
        Self { places: self.places.clone(), used: self.used.clone(), _way: None }
    }

    fn is_used(&self) {
        let now = BEGIN.elapsed().as_millis() as u64;
        // What others read is not written for nothing.
        if self.used.load(Ordering::Relaxed) != now {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    /// When a place was last taken; of two, that which was used longer ago has the smaller one. `None`: one is taken now.
    pub(crate) fn idle_since(&self) -> Option<u64> {
        self.places.are_free().then(|| self.used.load(Ordering::Relaxed))
    }

    /// How many of these places of a host one app may have: whatever becomes of those, there are some for the next one.
    fn of_one(&self) -> u32 {
        let count = self.places.count();
        count.saturating_sub(count.div_ceil(4)).max(1)
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
        self.is_used();
        let places = self.places.try_enter().zip(host.places.try_enter());
        places.map(|(app, host)| Permit { _app: app, _host: host }).ok_or(Failure::NoCapacity)
    }

    /// How many places are taken.
    pub(crate) fn under_way(&self) -> usize {
        self.places.taken()
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
