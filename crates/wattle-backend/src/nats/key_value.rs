//! Keys and values on JetStream: for each owner a bucket of its key-value store, in which our bucket is the first token.
//!
//! `nats kv get wattle_default_shop BUCKET.KEY` shows a value. Versions are the sequence numbers of the stream, which
//! never come back. A key that is deleted leaves nothing behind, so that a stream is as large as what is in it.
//!
//! A page of a list costs a look at all keys of the bucket: the server sends their names, in no order, and they are
//! sorted here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use serde_json::json;
use wattle_spec::quota::Quota;

use super::api::ApiError;
use super::connection::NatsConnection;
use super::ending::Ending;
use super::events::Reason;
use super::keyspace::{Content, Keyspace, Keyspaces, Row};
use super::layout::NatsLayout;
use super::session::Session;
use super::{names, opening};
use crate::backend::Backend;
use crate::bucket::{Bucket, Owner};
use crate::error::{BackendError, Part};
use crate::key_value::{Change, Entry, KeyValue, Page, Put, Swap, Version, changed};
use crate::limits;

/// How often an update is tried while others write the same key.
const UPDATE_TRIES: u32 = 500;
/// The longest pause between two tries.
const UPDATE_PAUSE_MAX: Duration = Duration::from_millis(20);

/// A [`KeyValue`] on JetStream.
pub struct NatsKeyValue {
    connection: Arc<NatsConnection>,
    keyspaces: Arc<Keyspaces>,
}

/// One call: where in NATS it is about.
struct Place {
    session: Session,
    keyspaces: Arc<Keyspaces>,
    owner: Owner,
    /// The tokens of the bucket, and of the key if there is one.
    tokens: String,
}

impl NatsKeyValue {
    /// The keys and values that are in a NATS, laid out like this.
    pub fn new(connection: Arc<NatsConnection>, layout: NatsLayout) -> Self {
        Self { connection, keyspaces: Arc::new(Keyspaces::new(layout)) }
    }

    /// Does `work` where `key` of `bucket` is.
    fn call<T, F>(
        &self,
        what: &'static str,
        tokens: Result<(Owner, String), BackendError>,
        work: impl FnOnce(Place) -> F + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BackendError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BackendError>> + Send + 'static,
    {
        let keyspaces = self.keyspaces.clone();
        match tokens {
            Ok((owner, tokens)) => {
                self.connection.call(what, move |session| work(Place { session, keyspaces, owner, tokens }))
            }
            Err(error) => ready(Err(error)).boxed(),
        }
    }
}

/// The tokens of a key in its bucket.
fn key_tokens(bucket: &Bucket, key: &str) -> Result<(Owner, String), BackendError> {
    Ok((bucket.owner.clone(), format!("{}.{}", names::bucket(bucket)?, names::key(key)?)))
}

/// The same for a write, if its value is small enough.
fn write_tokens(bucket: &Bucket, key: &str, value: &Bytes) -> Result<(Owner, String), BackendError> {
    limits::checked(Part::Value, value.len())?;
    key_tokens(bucket, key)
}

impl From<Put> for Content {
    fn from(put: Put) -> Self {
        Self { value: put.value, ending: put.lifetime.and_then(Ending::after) }
    }
}

impl Place {
    async fn keyspace(&self) -> Result<(Arc<Keyspace>, String), BackendError> {
        let keyspace = self.keyspaces.of(&self.session, &self.owner).await?;
        let subject = format!("{}{}", keyspace.prefix, self.tokens);
        Ok((keyspace, subject))
    }

    fn told<T>(&self, result: Result<T, ApiError>) -> Result<T, BackendError> {
        result.map_err(|error| self.keyspaces.failed(&self.session, &self.owner, error))
    }

    async fn read(&self) -> Result<Row, BackendError> {
        let (keyspace, subject) = self.keyspace().await?;
        self.told(keyspace.read(&self.session, &subject).await)
    }

    async fn write(&self, expected: Option<u64>, content: Content) -> Result<Option<Version>, BackendError> {
        let (keyspace, subject) = self.keyspace().await?;
        self.told(keyspace.write(&self.session, &subject, expected, content).await)
    }

    async fn set(self, put: Put) -> Result<Version, BackendError> {
        let written = self.write(None, Content::from(put)).await?;
        written.ok_or_else(|| self.session.unavailable(Reason("a write that expects nothing met a conflict".into())))
    }

    async fn delete(self) -> Result<(), BackendError> {
        let (keyspace, subject) = self.keyspace().await?;
        self.told(keyspace.remove(&self.session, &subject).await)
    }

    async fn swap(&self, expected: Option<Version>, content: Content) -> Result<Swap, BackendError> {
        // The server takes numbers that are too large for it as if none had been given.
        let is_possible = expected.is_none_or(|version| i64::try_from(version.0).is_ok() && version.0 > 0);
        if is_possible {
            let expected = expected.map_or(0, |version| version.0);
            if let Some(version) = self.write(Some(expected), content.clone()).await? {
                return Ok(Swap::Done(version));
            }
        }
        let row = self.read().await?;
        match (expected, row) {
            // There is only the mark of another program that deleted it.
            (None, Row { entry: None, version, .. }) if version > 0 => {
                let written = self.write(Some(version), content).await?;
                Ok(written.map_or(Swap::Conflict(None), Swap::Done))
            }
            (_, row) => Ok(Swap::Conflict(row.entry)),
        }
    }

    async fn update(self, change: Change) -> Result<Bytes, BackendError> {
        for tries in 1..=UPDATE_TRIES {
            let Row { entry, ending, .. } = self.read().await?;
            let value = changed(&change, entry.as_ref().map(|entry| &*entry.value))?;
            let ending = entry.as_ref().and(ending);
            let content = Content { value: value.clone(), ending };
            if let Swap::Done(_) = self.swap(entry.map(|entry| entry.version), content).await? {
                return Ok(value);
            }
            // Whoever lost goes aside, the longer the more often.
            tokio::time::sleep((opening::pause(tries) / 100).min(UPDATE_PAUSE_MAX)).await;
        }
        Err(self.session.unavailable(Reason(format!("others wrote the key each of {UPDATE_TRIES} times"))))
    }

    async fn buckets(self, after: Option<String>, limit: usize) -> Result<Page, BackendError> {
        let (keyspace, prefix) = self.keyspace().await?;
        let subjects = self.told(self.session.subjects(&keyspace.stream, &format!("{prefix}>")).await)?;
        let bucket = |subject: &String| names::bucket_of(subject.strip_prefix(&prefix)?.split('.').next()?);
        let mut names: BTreeSet<String> = subjects.iter().filter_map(bucket).collect();
        names.retain(|name| after.as_ref().is_none_or(|after| name > after));
        let mut names = names.into_iter();
        Page::take(limit, || Ok(names.next()))
    }

    async fn list(self, after: Option<String>, limit: usize) -> Result<Page, BackendError> {
        let (keyspace, bucket) = self.keyspace().await?;
        let prefix = format!("{bucket}.");
        let subjects = self.told(self.session.subjects(&keyspace.stream, &format!("{prefix}>")).await)?;
        let keys = subjects.iter().filter_map(|subject| names::key_of(subject.strip_prefix(&prefix)?));
        let mut keys: Vec<String> = keys.filter(|key| after.as_ref().is_none_or(|after| key > after)).collect();
        keys.sort_unstable();
        let mut keys = keys.into_iter();
        Page::take(limit, || Ok(keys.next()))
    }
}

impl Backend for NatsKeyValue {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        self.connection.call("a look at JetStream", |session| async move {
            let told = session.api::<serde_json::Value>("INFO", &json!({})).await;
            told.map(drop).map_err(|error| session.translated("any", error))
        })
    }

    fn limit(&self, owner: &Owner, quota: Quota) {
        self.keyspaces.limit(owner, quota);
    }

    fn buckets(
        &self,
        owner: &Owner,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>> {
        let after = after.map(str::to_owned);
        self.call("a list of buckets", Ok((owner.clone(), String::new())), move |place| place.buckets(after, limit))
    }
}

impl KeyValue for NatsKeyValue {
    fn get(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<Option<Entry>, BackendError>> {
        self.call("a read", key_tokens(bucket, key), |place| async move { Ok(place.read().await?.entry) })
    }

    fn as_put(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<Option<Put>, BackendError>> {
        self.call("a read", key_tokens(bucket, key), |place| async move {
            let Row { entry, ending, .. } = place.read().await?;
            Ok(entry.map(|entry| Put { value: entry.value, lifetime: ending.map(Ending::left) }))
        })
    }

    fn set(&self, bucket: &Bucket, key: &str, put: Put) -> BoxFuture<'static, Result<Version, BackendError>> {
        self.call("a write", write_tokens(bucket, key, &put.value), |place| place.set(put))
    }

    fn delete(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<(), BackendError>> {
        self.call("a delete", key_tokens(bucket, key), Place::delete)
    }

    fn list(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>> {
        let tokens = names::bucket(bucket).map(|tokens| (bucket.owner.clone(), tokens));
        let after = after.map(str::to_owned);
        self.call("a list", tokens, move |place| place.list(after, limit))
    }

    fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        expected: Option<Version>,
        put: Put,
    ) -> BoxFuture<'static, Result<Swap, BackendError>> {
        let tokens = write_tokens(bucket, key, &put.value);
        self.call("a swap", tokens, move |place| async move { place.swap(expected, Content::from(put)).await })
    }

    fn update(&self, bucket: &Bucket, key: &str, change: Change) -> BoxFuture<'static, Result<Bytes, BackendError>> {
        self.call("an update", key_tokens(bucket, key), |place| place.update(change))
    }
}
