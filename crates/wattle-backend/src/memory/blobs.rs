//! Blobs in the memory of the host: gone when it stops.
//!
//! A content is kept in blocks of 64 KiB and never changed: a write makes a new one, and who reads the old one keeps it.
//! Its bytes count until the last reader is done with it, so that the bound is a bound on memory. The lock is never held
//! across an `.await`, and nothing large is dropped under it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{Bound, Range};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use futures::{FutureExt, StreamExt, stream};
use wattle_spec::quota::Quota;

use super::DEFAULT_CAPACITY_BYTES;
use crate::backend::Backend;
use crate::blobs::{Blobs, ContainerEntry, Content, Object, ObjectEntry, ObjectPage, checked, clamped};
use crate::bucket::{Bucket, Owner};
use crate::error::BackendError;
use crate::key_value::Page;
use crate::quota::{Tallies, Tally};

const BLOCK_BYTES: usize = 64 << 10;
/// What an object or a container takes beside its name and content, in bytes: its share of the maps and its
/// allocations, about.
const OVERHEAD_BYTES: usize = 256;

/// [`Blobs`] in memory.
pub struct MemoryBlobs {
    shared: Arc<Shared>,
}

struct Shared {
    containers: RwLock<HashMap<Bucket, Container>>,
    ledger: Arc<Ledger>,
    tallies: Tallies,
}

struct Container {
    entry: ContainerEntry,
    objects: BTreeMap<String, Stored>,
    /// What its owner keeps with it and its objects.
    kept: Tally,
    _room: Room,
}

/// One version of an object.
#[derive(Clone)]
struct Stored {
    size: u64,
    created: SystemTime,
    content: Arc<Blocks>,
}

/// A content: all blocks but the last are full.
struct Blocks {
    blocks: Vec<Bytes>,
    _room: Room,
}

/// How much memory there is, and how much of it is used.
struct Ledger {
    used_bytes: AtomicUsize,
    capacity_bytes: usize,
}

/// Some of that memory; given back when dropped.
struct Room {
    ledger: Arc<Ledger>,
    bytes: usize,
}

impl Room {
    fn new(ledger: &Arc<Ledger>) -> Self {
        Self { ledger: ledger.clone(), bytes: 0 }
    }

    /// Takes `bytes` more, if there are so many.
    fn grow(&mut self, bytes: usize) -> Result<(), BackendError> {
        let Ledger { used_bytes, capacity_bytes } = &*self.ledger;
        let grown = used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|used| used <= capacity_bytes)
        });
        if grown.is_err() {
            let place = format!("the memory of this store, which holds {capacity_bytes} bytes");
            return Err(BackendError::Full { place, source: None });
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.ledger.used_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Blocks {
    /// Takes in a content, until `refused` does. The pieces are copied: one may be a small part of a large buffer.
    async fn gather(
        mut content: Content,
        mut room: Room,
        refused: impl Fn(u64) -> Result<(), BackendError>,
    ) -> Result<(Self, u64), BackendError> {
        let (mut blocks, mut block, mut size) = (Vec::new(), Vec::new(), 0);
        while let Some(piece) = content.next().await {
            let mut piece = piece?;
            room.grow(piece.len())?;
            size += piece.len() as u64;
            refused(size)?;
            while !piece.is_empty() {
                let part = piece.split_to(piece.len().min(BLOCK_BYTES - block.len()));
                if block.is_empty() {
                    // Not by doubling, which leaves up to half of a block unused.
                    block.reserve_exact(BLOCK_BYTES);
                }
                block.extend_from_slice(&part);
                if block.len() == BLOCK_BYTES {
                    blocks.push(std::mem::take(&mut block).into());
                }
            }
        }
        if !block.is_empty() {
            block.shrink_to_fit();
            blocks.push(block.into());
        }
        Ok((Self { blocks, _room: room }, size))
    }

    /// The part of a range of bytes that is in its first block, and where the rest begins.
    fn first(&self, range: Range<u64>) -> (Bytes, u64) {
        let block = range.start / BLOCK_BYTES as u64;
        let start = block * BLOCK_BYTES as u64;
        let end = range.end.min(start + BLOCK_BYTES as u64);
        let inside = (range.start - start) as usize..(end - start) as usize;
        (self.blocks[block as usize].slice(inside), end)
    }
}

impl Default for MemoryBlobs {
    fn default() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY_BYTES)
    }
}

impl MemoryBlobs {
    /// An empty store whose objects and containers take at most `capacity_bytes`, together with their names and 256
    /// bytes for each.
    pub fn with_capacity(capacity_bytes: usize) -> Self {
        let ledger = Arc::new(Ledger { used_bytes: AtomicUsize::new(0), capacity_bytes });
        Self { shared: Arc::new(Shared { containers: RwLock::default(), ledger, tallies: Tallies::default() }) }
    }

    fn page(&self, container: &Bucket, after: Option<&str>, limit: usize) -> Result<ObjectPage, BackendError> {
        let containers = self.shared.reading();
        let objects = &found(&containers, container)?.objects;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = objects.range::<str, _>((start, Bound::Unbounded));
        ObjectPage::take(limit, || Ok(rest.next().map(|(name, stored)| stored.entry(name))))
    }

    fn object(&self, container: &Bucket, name: &str, range: Range<u64>) -> Result<Option<Object>, BackendError> {
        checked(container, name)?;
        let containers = self.shared.reading();
        let Some(stored) = found(&containers, container)?.objects.get(name) else { return Ok(None) };
        let Range { start, end } = clamped(range, stored.size);
        let content = stream::unfold((stored.content.clone(), start), move |(content, at)| {
            let next = (at < end).then(|| {
                let (bytes, next) = content.first(at..end);
                (Ok(bytes), (content, next))
            });
            ready(next)
        });
        Ok(Some(Object { entry: stored.entry(name), content: content.boxed() }))
    }
}

impl Shared {
    /// Puts an object in its place. What was there is dropped when the lock is released.
    fn place(&self, container: &Bucket, name: String, stored: Stored) -> Result<ObjectEntry, BackendError> {
        let entry = stored.entry(&name);
        let old = {
            let mut containers = self.writing();
            let found = containers.get_mut(container).ok_or_else(|| BackendError::no_container(container))?;
            let (old, new) = (found.tally(&name), stored.tally(&name));
            self.tallies.replace(&container.owner, (old, new), || Ok(()))?;
            found.kept = found.kept - old + new;
            found.objects.insert(name, stored)
        };
        drop(old);
        Ok(entry)
    }

    /// Refuses an object of that size if it could not be put in its place now.
    fn check(&self, container: &Bucket, name: &str, size: u64) -> Result<(), BackendError> {
        let old = found(&self.reading(), container)?.tally(name);
        self.tallies.check(&container.owner, old, Tally::one(name.len(), size))
    }

    fn remove(&self, container: &Bucket, name: &str) -> Result<(), BackendError> {
        let old = {
            let mut containers = self.writing();
            let found = containers.get_mut(container).ok_or_else(|| BackendError::no_container(container))?;
            let tally = found.tally(name);
            found.kept -= tally;
            self.tallies.remove(&container.owner, tally);
            found.objects.remove(name)
        };
        drop(old);
        Ok(())
    }

    fn remove_container(&self, container: &Bucket) {
        let old = {
            let mut containers = self.writing();
            let old = containers.remove(container);
            if let Some(old) = &old {
                self.tallies.remove(&container.owner, old.kept);
            }
            old
        };
        drop(old);
    }

    /// The names of the containers of `owner`, after `after`.
    fn names(&self, owner: &Owner, after: Option<&str>) -> BTreeSet<String> {
        let containers = self.reading();
        let own = containers.keys().filter(|container| container.owner == *owner).map(|container| &container.name);
        own.filter(|name| after.is_none_or(|after| name.as_str() > after)).cloned().collect()
    }

    fn create(&self, container: &Bucket) -> Result<bool, BackendError> {
        checked(container, "")?;
        let mut containers = self.writing();
        if containers.contains_key(container) {
            return Ok(false);
        }
        let mut room = Room::new(&self.ledger);
        let kept = Tally::one(container.name.len(), 0);
        let grow = || room.grow(container.name.len() + OVERHEAD_BYTES);
        self.tallies.replace(&container.owner, (Tally::default(), kept), grow)?;
        let entry = ContainerEntry { created: SystemTime::now() };
        containers.insert(container.clone(), Container { entry, objects: BTreeMap::new(), kept, _room: room });
        Ok(true)
    }

    // The map is whole at every point where a panic could come: a poisoned lock says nothing about it.
    fn reading(&self) -> RwLockReadGuard<'_, HashMap<Bucket, Container>> {
        self.containers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, HashMap<Bucket, Container>> {
        self.containers.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Container {
    /// What its owner keeps with the object `name`, if there is one.
    fn tally(&self, name: &str) -> Tally {
        self.objects.get(name).map(|stored| stored.tally(name)).unwrap_or_default()
    }
}

impl Stored {
    fn tally(&self, name: &str) -> Tally {
        Tally::one(name.len(), self.size)
    }

    fn entry(&self, name: &str) -> ObjectEntry {
        ObjectEntry { name: name.to_owned(), size: self.size, created: self.created }
    }
}

fn found<'a>(containers: &'a HashMap<Bucket, Container>, container: &Bucket) -> Result<&'a Container, BackendError> {
    checked(container, "")?;
    containers.get(container).ok_or_else(|| BackendError::no_container(container))
}

impl Backend for MemoryBlobs {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        ready(Ok(())).boxed()
    }

    fn limit(&self, owner: &Owner, quota: Quota) {
        self.shared.tallies.limit(owner, quota);
    }

    fn buckets(
        &self,
        owner: &Owner,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>> {
        let names = self.shared.names(owner, after);
        let mut names = names.into_iter();
        ready(Page::take(limit, || Ok(names.next()))).boxed()
    }
}

impl Blobs for MemoryBlobs {
    fn create_container(&self, container: &Bucket) -> BoxFuture<'static, Result<bool, BackendError>> {
        ready(self.shared.create(container)).boxed()
    }

    fn container(&self, container: &Bucket) -> BoxFuture<'static, Result<Option<ContainerEntry>, BackendError>> {
        let entry = || self.shared.reading().get(container).map(|found| found.entry);
        ready(checked(container, "").map(|()| entry())).boxed()
    }

    fn remove_container(&self, container: &Bucket) -> BoxFuture<'static, Result<(), BackendError>> {
        let removed = checked(container, "").map(|()| self.shared.remove_container(container));
        ready(removed).boxed()
    }

    fn write(
        &self,
        container: &Bucket,
        name: &str,
        content: Content,
    ) -> BoxFuture<'static, Result<ObjectEntry, BackendError>> {
        let (shared, container, name) = (self.shared.clone(), container.clone(), name.to_owned());
        async move {
            checked(&container, &name)?;
            found(&shared.reading(), &container)?;
            let mut room = Room::new(&shared.ledger);
            room.grow(name.len() + OVERHEAD_BYTES)?;
            let refused = |size| shared.check(&container, &name, size);
            let (content, size) = Blocks::gather(content, room, refused).await?;
            shared.place(&container, name, Stored { size, created: SystemTime::now(), content: Arc::new(content) })
        }
        .boxed()
    }

    fn read(
        &self,
        container: &Bucket,
        name: &str,
        range: Range<u64>,
    ) -> BoxFuture<'static, Result<Option<Object>, BackendError>> {
        ready(self.object(container, name, range)).boxed()
    }

    fn remove(&self, container: &Bucket, name: &str) -> BoxFuture<'static, Result<(), BackendError>> {
        ready(checked(container, name).and_then(|()| self.shared.remove(container, name))).boxed()
    }

    fn list(
        &self,
        container: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<ObjectPage, BackendError>> {
        ready(self.page(container, after, limit)).boxed()
    }
}
