//! The entries of some buckets, in the order of their keys, and in the order in which they end.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use crate::bucket::Bucket;
use crate::key_value::Version;
use crate::lifetime::{Kept, Moment};

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

    /// The bytes that are counted for `key`, of an entry that has ended too.
    pub(super) fn cost(&self, bucket: &Bucket, key: &str) -> usize {
        let kept = self.buckets.get(bucket).and_then(|entries| entries.get(key));
        kept.map_or(0, |kept| cost(bucket, key, kept))
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

    /// Removes what is at `key`, and says how many bytes were counted for it.
    pub(super) fn remove(&mut self, bucket: &Bucket, key: &str) -> usize {
        let Some(entries) = self.buckets.get_mut(bucket) else { return 0 };
        let Some(old) = entries.remove(key) else { return 0 };
        if entries.is_empty() {
            self.buckets.remove(bucket);
        }
        if let Some(at) = ending_at(&old) {
            self.ending.remove(&at);
        }
        cost(bucket, key, &old)
    }

    /// The keys after `after` in the order of their bytes, without those of entries that have ended.
    pub(super) fn keys<'a>(&'a self, bucket: &Bucket, after: Option<&'a str>) -> impl Iterator<Item = &'a String> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = self.buckets.get(bucket);
        let rest = entries.map(|entries| entries.range::<str, _>((start, Bound::Unbounded)));
        rest.into_iter().flatten().filter(|(_, kept)| kept.is_living()).map(|(key, _)| key)
    }

    /// Removes at most `limit` entries that have ended, and says how many there were and their bytes.
    pub(super) fn sweep(&mut self, limit: usize) -> Swept {
        let mut swept = Swept::default();
        while swept.entries < limit {
            let Some(first) = self.ending.first_entry() else { break };
            if Moment::now() < first.key().0 {
                break;
            }
            let (bucket, key) = first.remove();
            swept.entries += 1;
            swept.bytes += self.remove(&bucket, &key);
        }
        swept
    }
}

/// What a sweep removed.
#[derive(Debug, Default)]
pub(super) struct Swept {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

/// The bytes that are counted for an entry.
pub(super) fn cost(bucket: &Bucket, key: &str, kept: &Kept) -> usize {
    let ending = kept.ends.map_or(0, |_| bucket.name.len() + key.len() + ENTRY_OVERHEAD_BYTES);
    key.len() + kept.entry.value.len() + ENTRY_OVERHEAD_BYTES + ending
}

fn ending_at(kept: &Kept) -> Option<(Moment, Version)> {
    kept.ends.map(|ends| (ends, kept.entry.version))
}
