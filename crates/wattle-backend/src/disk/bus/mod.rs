//! Messages that are kept on disk until their groups have settled them.
//!
//! A message is written once for each group that hears of it, all of them in one commit, and is then in the line of
//! each; the line knows only its number, and reads it when it is its turn (from the cache of the rows, if it is new).
//! What everyone hears and what is asked for stays in memory.

mod codec;
mod layout;
mod shelf;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tokio::time::Instant;

use self::layout::{Queued, Slot};
use self::shelf::DiskShelf;
use super::batch::Batch;
use super::data_dir::{DataDir, MESSAGES};
use super::options::DiskOptions;
use super::rows::Rows;
use crate::backend::Backend;
use crate::bucket::Owner;
use crate::bus::{Audience, Bus, Deliveries, GroupId, Message, Subscription};
use crate::error::BackendError;
use crate::exchange::{BusOptions, Exchange, Group, Hearers, Item, Room, size_of};

/// How many messages of a group that was forgotten are removed in one commit.
const SWEEP_MAX: usize = 256;

/// A [`Bus`] in the file `messages.redb` of a data directory.
///
/// What is published to a group is acknowledged when the disk has confirmed it. Its methods are called, and its futures
/// polled, within a Tokio runtime with a clock. Dropping the bus does what [`close`](Self::close) does.
pub struct DiskBus {
    kept: Arc<Kept>,
}

struct Kept {
    exchange: Arc<Exchange>,
    rows: Arc<Rows>,
    /// The number of the last message.
    last: Arc<AtomicU64>,
    /// Groups that were forgotten in an earlier run, which ended before all of their messages were removed.
    left_over: Mutex<BTreeSet<u64>>,
}

impl DiskBus {
    /// Opens the messages of a data directory, which has none at first. Blocks while it reads the file.
    pub fn open(dir: Arc<DataDir>, disk: DiskOptions, options: BusOptions) -> Result<Self, BackendError> {
        let kept = Kept {
            exchange: Arc::new(Exchange::new(options)),
            rows: Arc::new(Rows::open(dir, MESSAGES, disk)?),
            last: Arc::default(),
            left_over: Mutex::default(),
        };
        kept.restore()?;
        Ok(Self { kept: Arc::new(kept) })
    }

    /// Ends the bus: what subscribers hear ends, what waits to be written is written, later operations fail with
    /// [`Closed`](BackendError::Closed). Blocks until the file is closed: not to be called on a thread that serves
    /// requests.
    pub fn close(&self) {
        self.kept.exchange.close();
        self.kept.rows.close();
    }

    /// How many messages were dropped because a subscriber of everything did not keep up.
    pub fn dropped(&self) -> u64 {
        self.kept.exchange.dropped()
    }
}

impl Drop for DiskBus {
    fn drop(&mut self) {
        self.close();
    }
}

impl Kept {
    /// Puts what is on disk in line.
    fn restore(&self) -> Result<(), BackendError> {
        let kept = self.rows.read_here(layout::kept)?;
        let mut groups = HashMap::new();
        for (owner, id, number) in kept.groups {
            groups.insert(number, self.exchange.restore(owner, id, self.shelf(number))?);
        }
        let (now, wall) = (Instant::now(), SystemTime::now());
        let mut left_over = BTreeSet::new();
        for (slot, queued) in kept.messages {
            self.last.fetch_max(slot.number, Ordering::Relaxed);
            let Some(group) = groups.get(&slot.group) else {
                left_over.insert(slot.group);
                continue;
            };
            let due = queued.due_in(wall).and_then(|left| now.checked_add(left));
            // There may be more than there is room for now, if there is less than there was.
            let room = group.try_reserve(queued.bytes());
            group.push(on_disk(slot.number, queued.attempt(), due, room));
        }
        *self.left_over.lock().unwrap_or_else(PoisonError::into_inner) = left_over;
        Ok(())
    }

    fn shelf(&self, group: u64) -> Arc<DiskShelf> {
        Arc::new(DiskShelf { rows: self.rows.clone(), group })
    }

    async fn publish(&self, owner: &Owner, message: Message) -> Result<(), BackendError> {
        let size = size_of(&message)?;
        if self.exchange.answers(owner, &message) {
            return Ok(());
        }
        let Hearers { groups, listeners } = self.exchange.hearers(owner, &message.subject)?;
        let until = Instant::now() + self.exchange.options.publish_patience;
        let rooms = self.exchange.reserve(groups, size, until).await?;
        if rooms.is_empty() {
            self.exchange.tell(&message, &listeners);
            return Ok(());
        }
        self.write(message, rooms, listeners).await
    }

    /// Writes a message for each group, all of them at once, and then hands it on: on the thread that writes, so that
    /// lines have the order of the disk, also if the publisher waits no more.
    async fn write(
        &self,
        message: Message,
        rooms: Vec<(Arc<Group>, Room)>,
        listeners: Vec<Arc<Group>>,
    ) -> Result<(), BackendError> {
        let (record, queued) = (codec::message_bytes(&message), Queued::new(message.size()));
        let groups: Vec<Arc<Group>> = rooms.iter().map(|(group, _)| group.clone()).collect();
        let (last, bytes, exchange) = (self.last.clone(), record.len(), self.exchange.clone());
        let work = move |batch: &mut Batch<'_>| {
            let number = last.fetch_add(1, Ordering::Relaxed) + 1;
            for group in groups.iter().filter(|group| !group.is_forgotten()) {
                if let Some(shelf) = &group.shelf {
                    layout::put(batch, Slot { group: shelf.group(), number }, queued, &record)?;
                }
            }
            Ok(number)
        };
        let settled = move |number: &Result<u64, BackendError>| {
            if let Ok(number) = number {
                rooms.into_iter().for_each(|(group, room)| group.push(on_disk(*number, 0, None, Some(room))));
                exchange.tell(&message, &listeners);
            }
        };
        self.rows.write_then(bytes, work, settled).await.map(drop)
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Deliveries, BackendError> {
        let Audience::Group(name) = &subscription.audience else { return self.exchange.join(subscription) };
        let id = GroupId { name: name.clone(), pattern: subscription.pattern.clone() };
        loop {
            if let Some(deliveries) = self.exchange.join_known(&subscription)? {
                return Ok(deliveries);
            }
            let owner = &subscription.owner;
            let (row, value) = (layout::group_row(owner, &id)?, codec::group_bytes(owner, &id));
            let number = self.rows.write(0, move |batch| layout::make_group(batch, &row, &value)).await?;
            self.exchange.restore(owner.clone(), id.clone(), self.shelf(number))?;
        }
    }

    async fn forget(&self, owner: &Owner, id: &GroupId) -> Result<(), BackendError> {
        self.exchange.forget(owner, id);
        let row = layout::group_row(owner, id)?;
        let number = self.rows.write(0, move |batch| layout::remove_group(batch, &row)).await?;
        let left_over = std::mem::take(&mut *self.left_over.lock().unwrap_or_else(PoisonError::into_inner));
        for group in left_over.into_iter().chain(number) {
            self.sweep(group).await?;
        }
        Ok(())
    }

    /// Removes the messages of a group that was forgotten.
    async fn sweep(&self, group: u64) -> Result<(), BackendError> {
        loop {
            let slots = self.rows.read(move |view| layout::first(view, group, SWEEP_MAX)).await?;
            if slots.is_empty() {
                return Ok(());
            }
            let remove = move |batch: &mut Batch<'_>| slots.iter().try_for_each(|slot| layout::remove(batch, *slot));
            self.rows.write(0, remove).await?;
        }
    }
}

fn on_disk(number: u64, attempt: u32, due: Option<Instant>, room: Option<Room>) -> Item {
    Item { message: None, kept: Some(number), attempt, due, _room: room }
}

impl Backend for DiskBus {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        let kept = self.kept.clone();
        async move { kept.rows.write(0, |batch| batch.touch()).await }.boxed()
    }
}

impl Bus for DiskBus {
    fn publish(&self, owner: &Owner, message: Message) -> BoxFuture<'static, Result<(), BackendError>> {
        let (kept, owner) = (self.kept.clone(), owner.clone());
        async move { kept.publish(&owner, message).await }.boxed()
    }

    fn request(
        &self,
        owner: &Owner,
        message: Message,
        patience: Duration,
    ) -> BoxFuture<'static, Result<Message, BackendError>> {
        let (kept, owner) = (self.kept.clone(), owner.clone());
        async move { kept.exchange.request(&owner, message, patience).await }.boxed()
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'static, Result<Deliveries, BackendError>> {
        let kept = self.kept.clone();
        async move { kept.subscribe(subscription).await }.boxed()
    }

    fn keeps(&self) -> bool {
        true
    }

    fn groups(&self, owner: &Owner) -> BoxFuture<'static, Result<Vec<GroupId>, BackendError>> {
        ready(self.kept.exchange.groups(owner)).boxed()
    }

    fn forget(&self, owner: &Owner, group: &GroupId) -> BoxFuture<'static, Result<(), BackendError>> {
        let (kept, owner, group) = (self.kept.clone(), owner.clone(), group.clone());
        async move { kept.forget(&owner, &group).await }.boxed()
    }
}
