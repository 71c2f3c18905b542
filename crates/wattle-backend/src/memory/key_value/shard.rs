//! The entries of some buckets, in the order of their keys, and in the order in which they end.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use crate::bucket::{Bucket, Owner};
use crate::key_value::Version;
use crate::lifetime::{Kept, Moment};
use crate::quota::Tally;

/// What an entry costs beside its key and value, in bytes: its share of the tree and its allocations, about. One that
/// ends has a second place, which costs as much again and its names.
const ENTRY_OVERHEAD_BYTES: usize = 128;

/// Some of the buckets of a store.
#[derive(Default)]
pub(super) struct Shard {
    buckets: HashMap<Bucket, BTreeMap<String, Kept>>,
    /// Each entry that ends, at the moment when it does.
    ending: BTreeMap<(Moment, Version), (Bucket, String)>,
}

impl Shard {
    /// The entry at `key`, unless it has ended.
    pub(super) fn living(&self, bucket: &Bucket, key: &str) -> Option<&Kept> {
        self.buckets.get(bucket)?.get(key).filter(|kept| kept.is_living())
    }

    /// What is counted for `key`, of an entry that has ended too.
    pub(super) fn cost(&self, bucket: &Bucket, key: &str) -> Cost {
        let kept = self.buckets.get(bucket).and_then(|entries| entries.get(key));
        kept.map(|kept| cost(bucket, key, kept)).unwrap_or_default()
    }

    /// Puts `kept` in the place of what was there.
    pub(super) fn insert(&mut self, bucket: &Bucket, key: &str, kept: Kept) {
        if let Some(at) = ending_at(&kept) {
            self.ending.insert(at, (bucket.clone(), key.to_owned()));
        }
        let Some(entries) = self.buckets.get_mut(bucket) else {
            self.buckets.insert(bucket.clone(), BTreeMap::from([(key.to_owned(), kept)]));
            return;
        };
        let old = match entries.get_mut(key) {
            Some(old) => Some(std::mem::replace(old, kept)),
            None => entries.insert(key.to_owned(), kept),
        };
        if let Some(at) = old.as_ref().and_then(ending_at) {
            self.ending.remove(&at);
        }
    }

    /// Removes what is at `key`, and says what was counted for it.
    pub(super) fn remove(&mut self, bucket: &Bucket, key: &str) -> Option<Cost> {
        let entries = self.buckets.get_mut(bucket)?;
        let old = entries.remove(key)?;
        if entries.is_empty() {
            self.buckets.remove(bucket);
        }
        if let Some(at) = ending_at(&old) {
            self.ending.remove(&at);
        }
        Some(cost(bucket, key, &old))
    }

    /// The keys after `after` in the order of their bytes, without those of entries that have ended.
    pub(super) fn keys<'a>(&'a self, bucket: &Bucket, after: Option<&'a str>) -> impl Iterator<Item = &'a String> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = self.buckets.get(bucket);
        let rest = entries.map(|entries| entries.range::<str, _>((start, Bound::Unbounded)));
        rest.into_iter().flatten().filter(|(_, kept)| kept.is_living()).map(|(key, _)| key)
    }

    /// The names of the buckets in which `owner` keeps something, after `after`.
    pub(super) fn names(&self, owner: &Owner, after: Option<&str>) -> Vec<String> {
        let own = self.buckets.iter().filter(|(bucket, _)| bucket.owner == *owner);
        let next = own.filter(|(bucket, _)| after.is_none_or(|after| bucket.name.as_str() > after));
        let living = next.filter(|(_, entries)| entries.values().any(Kept::is_living));
        living.map(|(bucket, _)| bucket.name.clone()).collect()
    }

    /// Removes at most `limit` entries that have ended, tells each, and says how many there were.
    pub(super) fn sweep(&mut self, limit: usize, removed: impl Fn(&Bucket, Cost)) -> usize {
        let mut swept = 0;
        while swept < limit {
            let Some(first) = self.ending.first_entry() else { break };
            if Moment::now() < first.key().0 {
                break;
            }
            let (bucket, key) = first.remove();
            swept += 1;
            if let Some(cost) = self.remove(&bucket, &key) {
                removed(&bucket, cost);
            }
        }
        swept
    }
}

/// What is counted for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cost {
    /// The bytes of memory that it takes.
    pub(super) memory: usize,
    /// What its owner keeps with it.
    pub(super) kept: Tally,
}

/// That of an entry.
pub(super) fn cost(bucket: &Bucket, key: &str, kept: &Kept) -> Cost {
    let value = kept.entry.value.len();
    let ending = kept.ends.map_or(0, |_| bucket.name.len() + key.len() + ENTRY_OVERHEAD_BYTES);
    let memory = key.len() + value + ENTRY_OVERHEAD_BYTES + ending;
    Cost { memory, kept: Tally::one(key.len(), value as u64) }
}

fn ending_at(kept: &Kept) -> Option<(Moment, Version)> {
    kept.ends.map(|ends| (ends, kept.entry.version))
}
