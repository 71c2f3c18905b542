//! One group, or one subscriber that hears everything: a line of messages behind a lock, and the room that they take.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, Instant, timeout_at};
use wattle_spec::subject::SubjectPattern;

use super::line::{Item, Line};
use super::options::BusOptions;
use crate::bucket::Owner;
use crate::bus::{Audience, GroupId, Message};
use crate::error::BackendError;

/// Room is counted in units of this many bytes.
const UNIT_BYTES: usize = 1 << 10;
/// What a message takes beside its bytes, so that their number is bounded too.
const MESSAGE_OVERHEAD_BYTES: usize = 512;

/// Where the messages of one group are kept, so that they outlive the process.
pub(crate) trait Shelf: Send + Sync {
    /// What it calls the group.
    fn group(&self) -> u64;

    /// The message of this number. None: it is no longer there.
    fn read(&self, number: u64) -> BoxFuture<'static, Result<Option<Message>, BackendError>>;

    /// Removes it.
    fn remove(&self, number: u64) -> BoxFuture<'static, Result<(), BackendError>>;

    /// Takes note that it was delivered so often and is to come again after `span`.
    fn delay(&self, number: u64, attempt: u32, span: Duration) -> BoxFuture<'static, Result<(), BackendError>>;
}

/// The room of one message.
pub(crate) type Room = OwnedSemaphorePermit;

/// Those who share the messages of one pattern.
pub(crate) struct Group {
    pub(super) owner: Owner,
    pub(super) pattern: SubjectPattern,
    /// None: one subscriber that hears everything.
    pub(super) name: Option<String>,
    /// None: messages are in memory only, and the group ends with its last member.
    pub(crate) shelf: Option<Arc<dyn Shelf>>,
    room: Arc<Semaphore>,
    capacity_units: usize,
    pub(super) settle_within: Duration,
    line: Mutex<Line>,
    forgotten: AtomicBool,
}

impl Group {
    /// A group without members and messages.
    pub(super) fn new(
        owner: Owner,
        pattern: SubjectPattern,
        audience: Audience,
        shelf: Option<Arc<dyn Shelf>>,
        options: &BusOptions,
    ) -> Self {
        let (name, capacity_bytes) = match audience {
            Audience::Group(name) => (Some(name), options.group_bytes),
            Audience::Everyone => (None, options.listener_bytes),
        };
        let capacity_units = capacity_bytes.div_ceil(UNIT_BYTES).clamp(1, u32::MAX as usize);
        Self {
            owner,
            pattern,
            name,
            shelf,
            room: Arc::new(Semaphore::new(capacity_units)),
            capacity_units,
            settle_within: options.settle_within,
            line: Mutex::new(Line::new(options.settle_within)),
            forgotten: AtomicBool::new(false),
        }
    }

    /// What tells it from other groups, if it is one.
    pub(super) fn id(&self) -> Option<GroupId> {
        Some(GroupId { name: self.name.clone()?, pattern: self.pattern.clone() })
    }

    /// Changes the line and wakes whom that concerns.
    pub(super) fn change<T>(&self, work: impl FnOnce(&mut Line, Instant) -> T) -> T {
        let now = Instant::now();
        // A line is whole at every point where a panic could come.
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut line, now);
        let bells = line.take_bells();
        drop(line);
        bells.iter().for_each(|bell| bell.notify_one());
        result
    }

    /// Room for a message of `bytes`: at once, or as soon as there is some, if somebody listens. None: the group ended.
    pub(super) async fn reserve(&self, bytes: usize, until: Instant) -> Result<Option<Room>, BackendError> {
        if let Some(room) = self.try_reserve(bytes) {
            return Ok(Some(room));
        }
        if !self.change(|line, _| line.has_members()) {
            return if self.room.is_closed() { Ok(None) } else { Err(self.full()) };
        }
        match timeout_at(until, self.room.clone().acquire_many_owned(self.units(bytes))).await {
            Ok(room) => Ok(room.ok()),
            Err(_) => Err(self.full()),
        }
    }

    /// Room for a message of `bytes`, if there is some now.
    pub(crate) fn try_reserve(&self, bytes: usize) -> Option<Room> {
        self.room.clone().try_acquire_many_owned(self.units(bytes)).ok()
    }

    /// Adds a message.
    pub(crate) fn push(&self, item: Item) {
        self.change(|line, now| line.push(item, now));
    }

    /// Ends it: who listens hears the end, who waits for room is told.
    pub(super) fn end(&self) {
        self.room.close();
        self.change(|line, _| line.end());
    }

    /// Whether nothing is to be kept for it any more.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.forgotten.load(Ordering::Acquire)
    }

    /// Ends it for good.
    pub(super) fn forget(&self) {
        self.forgotten.store(true, Ordering::Release);
        self.end();
    }

    /// A message larger than everything takes everything.
    fn units(&self, bytes: usize) -> u32 {
        let units = (bytes + MESSAGE_OVERHEAD_BYTES).div_ceil(UNIT_BYTES).min(self.capacity_units);
        u32::try_from(units).expect("invariant: the capacity fits in 32 bits")
    }

    fn full(&self) -> BackendError {
        let name = self.name.as_deref().unwrap_or_default();
        let bytes = self.capacity_units * UNIT_BYTES;
        let place = format!("the queue of group {name:?} for {}, which holds {bytes} bytes", self.pattern);
        BackendError::Full { place, source: None }
    }
}
