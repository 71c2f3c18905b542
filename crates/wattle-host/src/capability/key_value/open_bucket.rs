//! What a guest can do with a bucket that it holds open, whichever interface it came through.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use wattle_backend::key_value::{Entry, KeyValue, Put, Swap};

use super::fault::{Answer, Failure, Fault, refuse};
use super::operation::{DELETE, DELETE_MANY, EXISTS, GET, GET_MANY, SET, SET_MANY};
use crate::backing::Lease;
use crate::capability::keep::{Call, Place};
use crate::capability::operation::Caller;

/// The most bytes that a key may have.
const KEY_MAX: usize = 1024;
/// The most bytes that a value may have.
const VALUE_MAX: usize = 8 << 20;
/// The most bytes that the values of one `get-many` may have together.
const BATCH_MAX: usize = 16 << 20;
/// The most keys that one batch may have.
const BATCH_LEN_MAX: usize = 10_000;
/// How many writes of one batch are under way at a time.
const BATCH_AT_ONCE: usize = 64;

/// A bucket that a guest holds open.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct OpenBucket {
    lease: Arc<Lease>,
    place: Arc<Place>,
    pub(super) caller: Caller,
}

pub(super) fn checked_key(key: &str) -> Answer<&str> {
    match key.len() {
        0 => refuse("a key must not be empty"),
        len if len > KEY_MAX => refuse(format!("a key has at most {KEY_MAX} bytes, this one has {len}")),
        _ => Ok(key),
    }
}

pub(super) fn checked_value(value: Vec<u8>) -> Answer<Bytes> {
    match value.len() {
        len if len > VALUE_MAX => refuse(format!("a value has at most {VALUE_MAX} bytes, this one has {len}")),
        _ => Ok(value.into()),
    }
}

fn checked_batch(len: usize) -> Answer<()> {
    match len > BATCH_LEN_MAX {
        true => refuse(format!("a batch has at most {BATCH_LEN_MAX} keys, this one has {len}")),
        false => Ok(()),
    }
}

impl OpenBucket {
    pub(super) fn new(lease: Arc<Lease>, name: &str, caller: Caller) -> Answer<Self> {
        let place = Arc::new(lease.key_value()?.place(name.to_owned()));
        Ok(Self { lease, place, caller })
    }

    /// A call of what is kept in it.
    pub(super) async fn call(&self) -> Answer<Call<'_, dyn KeyValue>> {
        Ok(self.lease.key_value()?.call(&self.place).await)
    }

    /// What is at `key`.
    pub(super) async fn entry(&self, key: &str) -> Answer<Option<Entry>> {
        let (key, call) = (checked_key(key)?, self.call().await?);
        Ok(call.store().get(&call.bucket, key).await?)
    }

    pub(super) async fn get(&self, key: &str) -> Answer<Option<Bytes>> {
        let entry = self.caller.watch(GET, self.entry(key)).await?;
        Ok(entry.map(|entry| entry.value))
    }

    pub(super) async fn exists(&self, key: &str) -> Answer<bool> {
        Ok(self.caller.watch(EXISTS, self.entry(key)).await?.is_some())
    }

    /// Writes `value`, to be there for `lifetime`.
    pub(super) async fn set(&self, key: &str, value: Vec<u8>, lifetime: Option<Duration>) -> Answer<()> {
        self.caller.watch(SET, self.put(key, value, lifetime)).await
    }

    async fn put(&self, key: &str, value: Vec<u8>, lifetime: Option<Duration>) -> Answer<()> {
        let put = Put { value: checked_value(value)?, lifetime };
        let (key, call) = (checked_key(key)?, self.call().await?);
        let _note = call.writes(Some(key));
        call.store().set(&call.bucket, key, put).await?;
        Ok(())
    }

    /// Writes `value` if nothing is there.
    pub(super) async fn create(&self, key: &str, value: Vec<u8>, lifetime: Option<Duration>) -> Answer<()> {
        let created = async {
            let put = Put { value: checked_value(value)?, lifetime };
            let (key, call) = (checked_key(key)?, self.call().await?);
            let _note = call.writes(Some(key));
            match call.store().swap(&call.bucket, key, None, put).await? {
                Swap::Done(_) => Ok(()),
                Swap::Conflict(_) => Err(Failure::Guest(Fault::Exists)),
            }
        };
        self.caller.watch(SET, created).await
    }

    pub(super) async fn delete(&self, key: &str) -> Answer<()> {
        self.caller.watch(DELETE, self.remove(key)).await
    }

    async fn remove(&self, key: &str) -> Answer<()> {
        let (key, call) = (checked_key(key)?, self.call().await?);
        let _note = call.writes(Some(key));
        Ok(call.store().delete(&call.bucket, key).await?)
    }

    /// The values at `keys`, each with its key, in their order.
    pub(super) async fn get_many(&self, keys: Vec<String>) -> Answer<Vec<Option<(String, Vec<u8>)>>> {
        let found = async {
            checked_batch(keys.len())?;
            let mut bytes = 0;
            let mut entries = Vec::with_capacity(keys.len());
            for key in keys {
                let value = self.entry(&key).await?.map(|entry| entry.value);
                bytes += value.as_ref().map_or(0, Bytes::len);
                if bytes > BATCH_MAX {
                    return refuse(format!("the values of one batch have at most {BATCH_MAX} bytes together"));
                }
                entries.push(value.map(|value| (key, value.into())));
            }
            Ok(entries)
        };
        self.caller.watch(GET_MANY, found).await
    }

    /// Writes each value at its key. What was written before one of them fails stays.
    pub(super) async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Answer<()> {
        let written = async {
            checked_batch(entries.len())?;
            let writes = stream::iter(entries).map(|(key, value)| async move { self.put(&key, value, None).await });
            writes.buffer_unordered(BATCH_AT_ONCE).try_collect().await
        };
        self.caller.watch(SET_MANY, written).await
    }

    /// Removes each key.
    pub(super) async fn delete_many(&self, keys: Vec<String>) -> Answer<()> {
        let removed = async {
            checked_batch(keys.len())?;
            let writes = stream::iter(keys).map(|key| async move { self.remove(&key).await });
            writes.buffer_unordered(BATCH_AT_ONCE).try_collect().await
        };
        self.caller.watch(DELETE_MANY, removed).await
    }
}
