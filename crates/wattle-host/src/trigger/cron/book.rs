//! Which ticks have run: each is claimed before it runs, by one host of all that share the book.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::{Entry, KeyValue, Swap};
use wattle_spec::cron::STEP_MAX;
use wattle_spec::name::AppId;

/// Where the ticks that have run are written down.
pub trait TickBook: Send + Sync {
    /// Claims the tick of `trigger` of `app` at `tick`: `true` for one of all who ever ask for it, and for a tick that is
    /// later than all claimed before.
    fn claim(&self, app: &AppId, trigger: &str, tick: DateTime<Utc>) -> BoxFuture<'static, Result<bool, BackendError>>;

    /// The latest tick that was claimed.
    fn last(&self, app: &AppId, trigger: &str) -> BoxFuture<'static, Result<Option<DateTime<Utc>>, BackendError>>;
}

/// A book in a store of keys and values: as many hosts share it as share the store.
///
/// A latest tick that is more than a day ahead was claimed by a clock that was wrong, and counts for nothing.
pub struct KeptTicks(Arc<dyn KeyValue>);

impl KeptTicks {
    /// The book in `store`.
    pub fn new(store: Arc<dyn KeyValue>) -> Self {
        Self(store)
    }
}

fn bucket() -> Bucket {
    Bucket { owner: Owner::Host, name: "cron".into() }
}

fn key(app: &AppId, trigger: &str) -> String {
    format!("{app} {trigger}")
}

/// What is written for a tick: seconds since 1970 in decimal digits.
fn written(entry: &Entry) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(std::str::from_utf8(&entry.value).ok()?.parse().ok()?, 0)
}

impl TickBook for KeptTicks {
    fn claim(&self, app: &AppId, trigger: &str, tick: DateTime<Utc>) -> BoxFuture<'static, Result<bool, BackendError>> {
        let (store, bucket, key) = (self.0.clone(), bucket(), key(app, trigger));
        Box::pin(async move {
            let mut found = store.get(&bucket, &key).await?;
            loop {
                let latest = found.as_ref().and_then(written);
                if latest.is_some_and(|latest| latest >= tick && latest - tick <= STEP_MAX) {
                    return Ok(false);
                }
                let expected = found.map(|entry| entry.version);
                let value = Bytes::from(tick.timestamp().to_string());
                match store.swap(&bucket, &key, expected, value.into()).await? {
                    Swap::Done(_) => return Ok(true),
                    // Somebody else claimed one meanwhile: this one, or an earlier or a later one.
                    Swap::Conflict(now) => found = now,
                }
            }
        })
    }

    fn last(&self, app: &AppId, trigger: &str) -> BoxFuture<'static, Result<Option<DateTime<Utc>>, BackendError>> {
        let read = self.0.get(&bucket(), &key(app, trigger));
        Box::pin(async move { Ok(read.await?.as_ref().and_then(written)) })
    }
}
