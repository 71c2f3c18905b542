//! Keys and values in the memory of the host: gone when it stops.
//!
//! Every operation is done when its method returns, under the lock of one shard that is never held across an `.await`;
//! the returned future is ready. All entries of a bucket are in one shard, so that a list sees one moment. Entries that
//! have ended are removed by the writes that follow, all of them when the store is full or an
//! owner keeps all that it may.

mod shard;

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use wattle_spec::quota::Quota;

use super::DEFAULT_CAPACITY_BYTES;
use crate::backend::Backend;
use crate::bucket::{Bucket, Owner};
use crate::error::{BackendError, Part};
use crate::key_value::{Change, Entry, KeyValue, Page, Put, Swap, Version, changed};
use crate::lifetime::{Kept, Moment};
use crate::limits;
use crate::quota::Tallies;
use shard::{Cost, Shard, cost};

const SHARDS: usize = 16;
/// How many entries that have ended a write removes: more than it adds.
const SWEPT_BY_A_WRITE: usize = 16;
/// How many are removed under one lock when room is needed.
const SWEPT_AT_ONCE: usize = 1024;

/// A [`KeyValue`] in memory.
///
/// It keeps the buffer that a written value is part of: hand it a value of its own, not a slice of a larger one.
pub struct MemoryKeyValue {
    shards: [RwLock<Shard>; SHARDS],
    hasher: RandomState,
    last_version: AtomicU64,
    used_bytes: AtomicUsize,
    capacity_bytes: usize,
    tallies: Tallies,
}

impl Default for MemoryKeyValue {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY_BYTES)
    }
}

impl MemoryKeyValue {
    /// An empty store whose entries take at most `capacity_bytes`, together with 128 bytes for each, and
    /// about as much again for each that ends.
    pub fn with_capacity(capacity_bytes: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
            last_version: AtomicU64::new(0),
            used_bytes: AtomicUsize::new(0),
            capacity_bytes,
            tallies: Tallies::default(),
        }
    }

    fn shard(&self, bucket: &Bucket) -> &RwLock<Shard> {
        &self.shards[self.hasher.hash_one(bucket) as usize % SHARDS]
    }

    // A shard is whole at every point where a panic could come: a poisoned lock says nothing about it.
    fn reading(&self, bucket: &Bucket) -> RwLockReadGuard<'_, Shard> {
        self.shard(bucket).read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` in the shard of `bucket`. If there was no room for it, what has ended goes, and it is done again.
    fn write<T>(
        &self,
        bucket: &Bucket,
        work: impl Fn(&mut Shard) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        let in_shard = || {
            let mut shard = self.shard(bucket).write().unwrap_or_else(PoisonError::into_inner);
            self.sweep(&mut shard, SWEPT_BY_A_WRITE);
            work(&mut shard)
        };
        match in_shard() {
            Err(BackendError::Full { .. } | BackendError::Quota { .. }) if self.sweep_all() => in_shard(),
            other => other,
        }
    }

    /// Removes at most `limit` entries of `shard` that have ended, and says how many.
    fn sweep(&self, shard: &mut Shard, limit: usize) -> usize {
        shard.sweep(limit, |bucket, removed| self.forget(bucket, removed))
    }

    /// Removes everything that has ended, and says whether there was anything.
    fn sweep_all(&self) -> bool {
        let mut any = false;
        for shard in &self.shards {
            // In steps, so that others who wait for the lock come in between.
            while self.sweep(&mut shard.write().unwrap_or_else(PoisonError::into_inner), SWEPT_AT_ONCE) > 0 {
                any = true;
            }
        }
        any
    }

    /// Counts an entry of `bucket` no more.
    fn forget(&self, bucket: &Bucket, removed: Cost) {
        self.used_bytes.fetch_sub(removed.memory, Ordering::Relaxed);
        self.tallies.remove(&bucket.owner, removed.kept);
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

    /// Puts a value at `key` of `shard`, to be there until `ends`.
    fn put(
        &self,
        shard: &mut Shard,
        (bucket, key): (&Bucket, &str),
        value: Bytes,
        ends: Option<Moment>,
    ) -> Result<Version, BackendError> {
        checked(bucket, key)?;
        limits::checked(Part::Value, value.len())?;
        let version = Version(self.last_version.fetch_add(1, Ordering::Relaxed) + 1);
        let kept = Kept { entry: Entry { value, version }, ends };
        let (old, new) = (shard.cost(bucket, key), cost(bucket, key, &kept));
        let also = || self.account(old.memory, new.memory);
        self.tallies.replace(&bucket.owner, (old.kept, new.kept), also)?;
        shard.insert(bucket, key, kept);
        Ok(version)
    }

    fn read(&self, bucket: &Bucket, key: &str) -> Result<Option<Entry>, BackendError> {
        checked(bucket, key)?;
        Ok(self.reading(bucket).living(bucket, key).map(|kept| kept.entry.clone()))
    }

    fn whole(&self, bucket: &Bucket, key: &str) -> Result<Option<Put>, BackendError> {
        checked(bucket, key)?;
        Ok(self.reading(bucket).living(bucket, key).map(Kept::to_put))
    }

    fn names(&self, owner: &Owner, after: Option<&str>, limit: usize) -> Result<Page, BackendError> {
        let mut names = BTreeSet::new();
        for shard in &self.shards {
            names.extend(shard.read().unwrap_or_else(PoisonError::into_inner).names(owner, after));
        }
        let mut names = names.into_iter();
        Page::take(limit, || Ok(names.next()))
    }

    fn remove(&self, bucket: &Bucket, key: &str) -> Result<(), BackendError> {
        checked(bucket, key)?;
        self.write(bucket, |shard| {
            if let Some(removed) = shard.remove(bucket, key) {
                self.forget(bucket, removed);
            }
            Ok(())
        })
    }

    fn page(&self, bucket: &Bucket, after: Option<&str>, limit: usize) -> Result<Page, BackendError> {
        checked(bucket, "")?;
        let shard = self.reading(bucket);
        let mut keys = shard.keys(bucket, after);
        Page::take(limit, || Ok(keys.next().cloned()))
    }

    fn swapped(&self, bucket: &Bucket, key: &str, expected: Option<Version>, put: Put) -> Result<Swap, BackendError> {
        let ends = put.lifetime.map(Moment::after);
        self.write(bucket, |shard| {
            let found = shard.living(bucket, key).map(|kept| &kept.entry);
            match found.map(|entry| entry.version) == expected {
                true => self.put(shard, (bucket, key), put.value.clone(), ends).map(Swap::Done),
                false => Ok(Swap::Conflict(found.cloned())),
            }
        })
    }

    fn updated(&self, bucket: &Bucket, key: &str, change: &Change) -> Result<Bytes, BackendError> {
        self.write(bucket, |shard| {
            let found = shard.living(bucket, key);
            let ends = found.and_then(|kept| kept.ends);
            let value = changed(change, found.map(|kept| &*kept.entry.value))?;
            self.put(shard, (bucket, key), value.clone(), ends)?;
            Ok(value)
        })
    }
}

fn checked(bucket: &Bucket, key: &str) -> Result<(), BackendError> {
    limits::checked(Part::Bucket, bucket.name.len())?;
    limits::checked(Part::Key, key.len())
}

impl Backend for MemoryKeyValue {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        ready(Ok(())).boxed()
    }

    fn limit(&self, owner: &Owner, quota: Quota) {
        self.tallies.limit(owner, quota);
    }

    fn buckets(
        &self,
        owner: &Owner,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>> {
        ready(self.names(owner, after, limit)).boxed()
    }
}

impl KeyValue for MemoryKeyValue {
    fn get(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<Option<Entry>, BackendError>> {
        ready(self.read(bucket, key)).boxed()
    }

    fn as_put(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<Option<Put>, BackendError>> {
        ready(self.whole(bucket, key)).boxed()
    }

    fn set(&self, bucket: &Bucket, key: &str, put: Put) -> BoxFuture<'static, Result<Version, BackendError>> {
        let ends = put.lifetime.map(Moment::after);
        ready(self.write(bucket, |shard| self.put(shard, (bucket, key), put.value.clone(), ends))).boxed()
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
        put: Put,
    ) -> BoxFuture<'static, Result<Swap, BackendError>> {
        ready(self.swapped(bucket, key, expected, put)).boxed()
    }

    fn update(&self, bucket: &Bucket, key: &str, change: Change) -> BoxFuture<'static, Result<Bytes, BackendError>> {
        ready(self.updated(bucket, key, &change)).boxed()
    }
}
