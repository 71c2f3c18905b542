//! How many requests are under way at a time: a place per request, in its app and on its host.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::Failure;

/// A number of places.
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    count: u32,
}

/// A request's places: given back when it is dropped.
pub(crate) struct Permit {
    _app: OwnedSemaphorePermit,
    _host: OwnedSemaphorePermit,
}

impl Admission {
    pub(crate) fn new(count: u32) -> Self {
        Self { places: Arc::new(Semaphore::new(count as usize)), count }
    }

    /// A place in the app `self` and on the `host`; waits for at most `queue_time` if there is none.
    pub(super) async fn enter(&self, host: &Admission, queue_time: Duration) -> Result<Permit, Failure> {
        if let (Ok(app), Ok(host)) = (self.places.clone().try_acquire_owned(), host.places.clone().try_acquire_owned())
        {
            return Ok(Permit { _app: app, _host: host });
        }
        let wait = async {
            let app = self.places.clone().acquire_owned().await.ok()?;
            let host = host.places.clone().acquire_owned().await.ok()?;
            Some(Permit { _app: app, _host: host })
        };
        match tokio::time::timeout(queue_time, wait).await {
            Ok(Some(permit)) => Ok(permit),
            Ok(None) | Err(_) => Err(Failure::NoCapacity),
        }
    }

    /// Waits until every place is free.
    pub(crate) async fn empty(&self) {
        let _ = self.places.acquire_many(self.count).await;
    }
}
