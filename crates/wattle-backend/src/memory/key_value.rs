//! Keys and values in the memory of the host: gone when it stops.
//!
//! Every operation is done when its method returns, under the lock of one shard that is never held across an `.await`;
//! the returned future is ready. All entries of a bucket are in one shard, so that a list sees one moment.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use super::DEFAULT_CAPACITY_BYTES;
use crate::backend::Backend;
use crate::bucket::Bucket;
use crate::error::{BackendError, Part};
use crate::key_value::{Change, Entry, KeyValue, Page, Swap, Version, changed};
use crate::limits;

/// What an entry costs beside its key and value, in bytes: its share of the tree and its allocations, about.
const ENTRY_OVERHEAD_BYTES: usize = 128;
const SHARDS: usize = 16;

type Shard = HashMap<Bucket, BTreeMap<String, Entry>>;

/// A [`KeyValue`] in memory.
///
/// It keeps the buffer that a written value is part of: hand it a value of its own, not a slice of a larger one.
pub struct MemoryKeyValue {
    shards: [RwLock<Shard>; SHARDS],
    hasher: RandomState,
    last_version: AtomicU64,
    used_bytes: AtomicUsize,
    capacity_bytes: usize,
}

impl Default for MemoryKeyValue {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY_BYTES)
    }
}

impl MemoryKeyValue {
    /// An empty store whose entries take at most `capacity_bytes`, together with 128 bytes for each.
    pub fn with_capacity(capacity_bytes: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
            last_version: AtomicU64::new(0),
            used_bytes: AtomicUsize::new(0),
            capacity_bytes,
        }
    }

    fn shard(&self, bucket: &Bucket) -> &RwLock<Shard> {
        &self.shards[self.hasher.hash_one(bucket) as usize % SHARDS]
    }

    // A shard is whole at every point where a panic could come: a poisoned lock says nothing about it.
    fn reading(&self, bucket: &Bucket) -> RwLockReadGuard<'_, Shard> {
        self.shard(bucket).read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self, bucket: &Bucket) -> RwLockWriteGuard<'_, Shard> {
        self.shard(bucket).write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts `added` bytes in and `removed` bytes out, unless that would be too many.
    fn account(&self, removed: usize, added: usize) -> Result<(), BackendError> {
        let counted = self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            let used = used - removed + added;
            (added <= removed || used <= self.capacity_bytes).then_some(used)
        });
        match counted {
            Ok(_) => Ok(()),
            Err(_) => Err(BackendError::Full {
                place: format!("the memory of this store, which holds {} bytes", self.capacity_bytes),
                source: None,
            }),
        }
    }

    fn read(&self, bucket: &Bucket, key: &str) -> Result<Option<Entry>, BackendError> {
        checked(bucket, key)?;
        Ok(found(&self.reading(bucket), bucket, key).cloned())
    }

    fn write(&self, shard: &mut Shard, bucket: &Bucket, key: &str, value: Bytes) -> Result<Version, BackendError> {
        checked(bucket, key)?;
        limits::checked(Part::Value, value.len())?;
        let added = cost(key, &value);
        if !shard.contains_key(bucket) {
            self.account(0, added)?;
            let version = self.next_version();
            shard.insert(bucket.clone(), BTreeMap::from([(key.to_owned(), Entry { value, version })]));
            return Ok(version);
        }
        let entries = shard.get_mut(bucket).expect("invariant: it was there a line above");
        let old = entries.get_mut(key);
        self.account(old.as_ref().map_or(0, |old| cost(key, &old.value)), added)?;
        let version = self.next_version();
        match old {
            Some(old) => *old = Entry { value, version },
            None => drop(entries.insert(key.to_owned(), Entry { value, version })),
        }
        Ok(version)
    }

    fn next_version(&self) -> Version {
        Version(self.last_version.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn remove(&self, bucket: &Bucket, key: &str) -> Result<(), BackendError> {
        checked(bucket, key)?;
        let mut shard = self.writing(bucket);
        let Some(entries) = shard.get_mut(bucket) else { return Ok(()) };
        if let Some(old) = entries.remove(key) {
            self.used_bytes.fetch_sub(cost(key, &old.value), Ordering::Relaxed);
        }
        if entries.is_empty() {
            shard.remove(bucket);
        }
        Ok(())
    }

    fn page(&self, bucket: &Bucket, after: Option<&str>, limit: usize) -> Result<Page, BackendError> {
        checked(bucket, "")?;
        let shard = self.reading(bucket);
        let Some(entries) = shard.get(bucket) else { return Ok(Page::default()) };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut keys = entries.range::<str, _>((start, Bound::Unbounded)).map(|(key, _)| key);
        Page::take(limit, || Ok(keys.next().cloned()))
    }

    fn swapped(
        &self,
        bucket: &Bucket,
        key: &str,
        expected: Option<Version>,
        value: Bytes,
    ) -> Result<Swap, BackendError> {
        let mut shard = self.writing(bucket);
        let found = found(&shard, bucket, key);
        match found.map(|entry| entry.version) == expected {
            true => self.write(&mut shard, bucket, key, value).map(Swap::Done),
            false => Ok(Swap::Conflict(found.cloned())),
        }
    }

    fn updated(&self, bucket: &Bucket, key: &str, change: &Change) -> Result<Bytes, BackendError> {
        let mut shard = self.writing(bucket);
        let value = changed(change, found(&shard, bucket, key).map(|entry| &*entry.value))?;
        self.write(&mut shard, bucket, key, value.clone())?;
        Ok(value)
    }
}

fn checked(bucket: &Bucket, key: &str) -> Result<(), BackendError> {
    limits::checked(Part::Bucket, bucket.name.len())?;
    limits::checked(Part::Key, key.len())
}

fn found<'a>(shard: &'a Shard, bucket: &Bucket, key: &str) -> Option<&'a Entry> {
    shard.get(bucket)?.get(key)
}

fn cost(key: &str, value: &Bytes) -> usize {
    key.len() + value.len() + ENTRY_OVERHEAD_BYTES
}

impl Backend for MemoryKeyValue {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        ready(Ok(())).boxed()
    }
}

impl KeyValue for MemoryKeyValue {
    fn get(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<Option<Entry>, BackendError>> {
        ready(self.read(bucket, key)).boxed()
    }

    fn set(&self, bucket: &Bucket, key: &str, value: Bytes) -> BoxFuture<'static, Result<Version, BackendError>> {
        ready(self.write(&mut self.writing(bucket), bucket, key, value)).boxed()
    }

    fn delete(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<(), BackendError>> {
        ready(self.remove(bucket, key)).boxed()
    }

    fn list(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>> {
        ready(self.page(bucket, after, limit)).boxed()
    }

    fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        expected: Option<Version>,
        value: Bytes,
    ) -> BoxFuture<'static, Result<Swap, BackendError>> {
        ready(self.swapped(bucket, key, expected, value)).boxed()
    }

    fn update(&self, bucket: &Bucket, key: &str, change: Change) -> BoxFuture<'static, Result<Bytes, BackendError>> {
        ready(self.updated(bucket, key, &change)).boxed()
    }
}
