//! The trait of backends that keep keys and values.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::backend::Backend;
use crate::bucket::Bucket;
use crate::error::{BackendError, Part};
use crate::{limits, page};

/// A version of one key: it changes with every write of the key and never comes back, also not after a delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// A value with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes.
    pub value: Bytes,
    /// The version they have.
    pub version: Version,
}

/// What is written at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The bytes.
    pub value: Bytes,
    /// When this time has passed the entry is not there any more, whoever asks; `None`: it stays. A backend may round
    /// it up to a whole second, never down.
    pub lifetime: Option<Duration>,
}

impl<T: Into<Bytes>> From<T> for Put {
    /// The bytes, to stay.
    fn from(value: T) -> Self {
        Self { value: value.into(), lifetime: None }
    }
}

/// What a compare-and-swap found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// The expected version was there; the new value is now, with this version.
    Done(Version),
    /// Something else was there: this, or nothing. Nothing was written.
    Conflict(Option<Entry>),
}

/// A page of keys in byte order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The keys.
    pub keys: Vec<String>,
    /// Where the next page starts: after this key, the last of this page. `None`: there were no more keys.
    pub next: Option<String>,
}

impl Page {
    /// The first `limit` keys (one, if it is 0) of those that `next_key` gives until it gives `None`.
    pub(crate) fn take(
        limit: usize,
        next_key: impl FnMut() -> Result<Option<String>, BackendError>,
    ) -> Result<Self, BackendError> {
        let (keys, more) = page::take(limit, next_key)?;
        Ok(Self { next: keys.last().filter(|_| more).cloned(), keys })
    }
}

/// Makes a new value from the old one (`None`: there is none), or refuses with a reason.
///
/// It may be called more than once, on any thread, while other writes wait: it must be quick, and must not wait itself.
pub type Change = Arc<dyn Fn(Option<&[u8]>) -> Result<Bytes, String> + Send + Sync>;

/// What `change` makes of `old`; a panic in it becomes an error, so that it never takes a writer down.
pub(crate) fn changed(change: &Change, old: Option<&[u8]>) -> Result<Bytes, BackendError> {
    let outcome = catch_unwind(AssertUnwindSafe(|| change(old))).map_err(|_| BackendError::ChangePanicked)?;
    let value = outcome.map_err(|reason| BackendError::Refused { reason })?;
    limits::checked(Part::Value, value.len())?;
    Ok(value)
}

/// A store of keys and values.
///
/// - Any text is a key and a bucket's name, within [`limits`]: the empty one and those with NUL or `/`
///   too. Two texts that differ in a byte are two keys.
/// - An acknowledged write is as durable as the backend can make it, and every read that starts later sees it.
/// - The writes of one key come one after another; each leaves a version that was never there before.
/// - An entry whose lifetime has passed is like one that was deleted, for every operation; what it took of the store
///   comes back with later writes, or by itself.
/// - Futures borrow nothing. A write whose future is dropped before it is ready may still happen.
/// - Methods do not block: they may be called on a thread that also serves requests.
pub trait KeyValue: Backend {
    /// The entry at `key`, or `None`.
    fn get(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<Option<Entry>, BackendError>>;

    /// What is at `key`, as it has to be put elsewhere to be the same there: with what is left of its lifetime.
    fn as_put(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<Option<Put>, BackendError>>;

    /// Writes `put` at `key`, whatever was there and however long it would have stayed.
    fn set(&self, bucket: &Bucket, key: &str, put: Put) -> BoxFuture<'static, Result<Version, BackendError>>;

    /// Removes `key`. That it was not there is no error.
    fn delete(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<(), BackendError>>;

    /// At most `limit` keys (0 counts as 1) that come after `after` in byte order. `after` need not exist.
    fn list(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>>;

    /// Writes `put` at `key` if the version there is `expected` (`None`: if there is nothing).
    fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        expected: Option<Version>,
        put: Put,
    ) -> BoxFuture<'static, Result<Swap, BackendError>>;

    /// Replaces the value at `key` by what `change` makes of it, as one step that no other write comes between.
    /// The new value ends when the old one would have.
    fn update(&self, bucket: &Bucket, key: &str, change: Change) -> BoxFuture<'static, Result<Bytes, BackendError>>;
}
