//! Entries that were read or written lately, so that a thread that serves requests answers most reads by itself.
//!
//! A read from it is never older than one from the database that came before. While a write is being committed its
//! rows are not in here and nothing is put into their shards: whoever reads them asks the database. What a reader
//! found there goes in only if no write to the shard came between. That a key is missing is kept too.
//!
//! Each shard has two generations: what is read moves to the young one; when that has half of the shard's bytes it
//! becomes the old one, and what was old is dropped.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::key_value::Entry;
use crate::lifetime::Kept;

/// A row of the table, see `table_key`.
pub(super) type Row = Arc<[u8]>;
/// What a commit leaves at each row that it wrote.
pub(super) type Written = HashMap<Row, Option<Kept>>;

const SHARDS: usize = 16;
/// What an entry takes beside its row and value, in bytes: its share of the map and its allocations, about.
const ENTRY_OVERHEAD_BYTES: usize = 160;
/// An entry larger than this part of a shard would drive out too many others.
const LARGEST_PART: usize = 8;

/// A bounded set of entries.
pub(super) struct Cache {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    shard_bytes: usize,
}

/// What is known at each row; `None`: nothing is there.
type Generation = HashMap<Row, Option<Kept>>;

#[derive(Default)]
struct Shard {
    young: Generation,
    old: Generation,
    young_bytes: usize,
    /// How many commits wrote to this shard.
    writes: u64,
    /// Whether one is doing so now.
    held: bool,
}

/// That nothing was being written to a shard when a read began.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    writes: u64,
}

impl Cache {
    /// An empty cache of about `capacity_bytes`.
    pub(super) fn new(capacity_bytes: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            shard_bytes: capacity_bytes / SHARDS,
        }
    }

    /// What is at `row`, if that is known here; `Some(None)`: nothing is.
    pub(super) fn get(&self, row: &[u8]) -> Option<Option<Kept>> {
        let mut shard = self.shard(row);
        if let Some(found) = shard.young.get(row) {
            return Some(found.clone());
        }
        // This makes the young one larger and the shard not: the next that puts something in will see to it.
        let (row, found) = shard.old.remove_entry(row)?;
        shard.young_bytes += cost(&row, found.as_ref());
        shard.young.insert(row, found.clone());
        Some(found)
    }

    /// To be taken before `row` is read from the database. `None`: it is being written.
    pub(super) fn ticket(&self, row: &[u8]) -> Option<Ticket> {
        let shard = self.shard(row);
        (!shard.held).then_some(Ticket { writes: shard.writes })
    }

    /// Puts in what was found at `row`, unless its shard was written to since the ticket was taken.
    pub(super) fn fill(&self, ticket: Ticket, row: Row, found: Option<Kept>) {
        let dropped = {
            let mut shard = self.shard(&row);
            if shard.held || shard.writes != ticket.writes {
                return;
            }
            self.put(&mut shard, row, found)
        };
        drop(dropped);
    }

    /// To be called before a commit becomes visible: forgets what it writes.
    pub(super) fn hold(&self, written: &Written) {
        for row in written.keys() {
            let mut shard = self.shard(row);
            shard.held = true;
            shard.writes += 1;
            shard.forget(row);
        }
    }

    /// To be called after the commit: puts in what it wrote.
    pub(super) fn release(&self, written: Written) {
        let mut dropped = Vec::new();
        let mut touched = [false; SHARDS];
        for (row, kept) in written {
            touched[self.shard_number(&row)] = true;
            let kept = match kept {
                // Of its own: a value may be a small part of a large buffer.
                Some(kept) if self.fits(cost(&row, Some(&kept))) => {
                    let value = Bytes::copy_from_slice(&kept.entry.value);
                    Some(Kept { entry: Entry { value, ..kept.entry }, ..kept })
                }
                other => other,
            };
            let mut shard = self.shard(&row);
            debug_assert!(shard.held, "invariant: what a commit writes was held before it");
            dropped.push(self.put(&mut shard, row, kept));
        }
        for (shard, _) in self.shards.iter().zip(touched).filter(|(_, touched)| *touched) {
            lock(shard).held = false;
        }
    }

    /// Forgets everything, and that a commit was under way.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let writes = shard.writes + 1;
            *shard = Shard { writes, ..Shard::default() };
        }
    }

    /// Puts in an entry and gives back what has to go for it, to be dropped when the lock is released.
    fn put(&self, shard: &mut Shard, row: Row, kept: Option<Kept>) -> Generation {
        let bytes = cost(&row, kept.as_ref());
        shard.forget(&row);
        if !self.fits(bytes) {
            return Generation::new();
        }
        shard.young_bytes += bytes;
        shard.young.insert(row, kept);
        if shard.young_bytes <= self.shard_bytes / 2 {
            return Generation::new();
        }
        shard.young_bytes = 0;
        let young = std::mem::take(&mut shard.young);
        std::mem::replace(&mut shard.old, young)
    }

    fn fits(&self, bytes: usize) -> bool {
        bytes <= self.shard_bytes / LARGEST_PART
    }

    fn shard_number(&self, row: &[u8]) -> usize {
        self.hasher.hash_one(row) as usize % SHARDS
    }

    fn shard(&self, row: &[u8]) -> MutexGuard<'_, Shard> {
        lock(&self.shards[self.shard_number(row)])
    }
}

impl Shard {
    fn forget(&mut self, row: &[u8]) {
        if let Some((row, kept)) = self.young.remove_entry(row) {
            self.young_bytes -= cost(&row, kept.as_ref());
        }
        self.old.remove(row);
    }
}

fn cost(row: &[u8], kept: Option<&Kept>) -> usize {
    row.len() + kept.map_or(0, |kept| kept.entry.value.len()) + ENTRY_OVERHEAD_BYTES
}

// Nothing panics while the lock is held.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_value::Version;

    fn kept(version: u64) -> Option<Kept> {
        Some(Kept { entry: Entry { value: Bytes::from(vec![7; 100]), version: Version(version) }, ends: None })
    }

    fn row(number: u32) -> Row {
        number.to_be_bytes().as_slice().into()
    }

    fn written(version: u64) -> Written {
        Written::from([(row(1), kept(version))])
    }

    fn write(cache: &Cache, written: Written) {
        cache.hold(&written);
        cache.release(written);
    }

    fn bytes_of(shard: &Shard) -> usize {
        shard.young.iter().chain(&shard.old).map(|(row, kept)| cost(row, kept.as_ref())).sum()
    }

    #[test]
    fn what_was_read_before_a_write_does_not_go_in_after_it() {
        let cache = Cache::new(1 << 20);
        let before = cache.ticket(&row(1)).expect("nothing is written");
        cache.hold(&written(2));
        assert!(cache.ticket(&row(1)).is_none(), "a write is under way");
        cache.fill(before, row(1), kept(1));
        assert_eq!(cache.get(&row(1)), None, "a write is under way");
        cache.release(written(2));
        cache.fill(before, row(1), kept(1));
        assert_eq!(cache.get(&row(1)), Some(kept(2)));
    }

    #[test]
    fn a_write_that_failed_leaves_nothing_behind() {
        let cache = Cache::new(1 << 20);
        write(&cache, written(1));
        cache.hold(&written(2));
        cache.clear();
        assert_eq!(cache.get(&row(1)), None);
        let ticket = cache.ticket(&row(1)).expect("no write is under way any more");
        cache.fill(ticket, row(1), None);
        assert_eq!(cache.get(&row(1)), Some(None), "that it is missing is known");
    }

    #[test]
    fn it_stays_within_its_bytes_and_keeps_what_is_read() {
        let cache = Cache::new(1 << 20);
        for number in 0..100_000 {
            let ticket = cache.ticket(&row(number)).expect("nothing is written");
            cache.fill(ticket, row(number), kept(1));
            assert_eq!(cache.get(&row(0)), Some(kept(1)), "it is read all the time");
        }
        let bytes: usize = cache.shards.iter().map(|shard| bytes_of(&lock(shard))).sum();
        assert!((1 << 18..=(1 << 20) + 16 * 1000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn a_large_entry_is_left_out() {
        let cache = Cache::new(1 << 20);
        let large = Entry { value: Bytes::from(vec![0; 1 << 17]), version: Version(2) };
        let large = Kept { entry: large, ends: None };
        write(&cache, written(1));
        write(&cache, Written::from([(row(1), Some(large))]));
        assert_eq!(cache.get(&row(1)), None);
    }
}
