//! Who listens to what: finds who hears of a message, and hands it to them.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::time::{Duration, Instant, timeout_at};
use wattle_spec::subject::Subject;

use super::group::{Group, Room, Shelf};
use super::line::{Item, MemberId};
use super::listener::Listener;
use super::options::BusOptions;
use super::patterns::Patterns;
use super::replies::Replies;
use crate::bucket::Owner;
use crate::bus::{Audience, Deliveries, GroupId, Message, Subscription};
use crate::error::{BackendError, Part};
use crate::limits;

/// Everything that listens to one bus.
pub(crate) struct Exchange {
    pub(crate) options: BusOptions,
    tables: RwLock<Tables>,
    replies: Replies,
    dropped: AtomicU64,
}

#[derive(Default)]
struct Tables {
    patterns: HashMap<Owner, Patterns<Arc<Group>>>,
    groups: HashMap<(Owner, GroupId), Arc<Group>>,
    closed: bool,
}

/// Who hears of a message.
pub(crate) struct Hearers {
    /// Of each of them one member.
    pub(crate) groups: Vec<Arc<Group>>,
    /// Those who hear everything.
    pub(crate) listeners: Vec<Arc<Group>>,
}

/// The bytes that count against limits, unless they are too many.
pub(crate) fn size_of(message: &Message) -> Result<usize, BackendError> {
    let size = message.size();
    limits::checked(Part::Message, size)?;
    Ok(size)
}

impl Exchange {
    /// Nobody listens yet.
    pub(crate) fn new(options: BusOptions) -> Self {
        Self { options, tables: RwLock::default(), replies: Replies::default(), dropped: AtomicU64::new(0) }
    }

    /// How many messages were dropped because a subscriber did not keep up.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Begins to listen, in a group that is made if there is none.
    pub(crate) fn join(self: &Arc<Self>, subscription: Subscription) -> Result<Deliveries, BackendError> {
        let mut tables = self.writing();
        let group = tables.open()?.found(&subscription);
        let Subscription { owner, pattern, audience, unsettled } = subscription;
        let group = group.unwrap_or_else(|| tables.insert(Group::new(owner, pattern, audience, None, &self.options)));
        Ok(self.join_group(group, unsettled))
    }

    /// Begins to listen in a group that there is.
    pub(crate) fn join_known(
        self: &Arc<Self>,
        subscription: &Subscription,
    ) -> Result<Option<Deliveries>, BackendError> {
        // Held until it has joined, so that the group is not taken for one that everybody left.
        let mut tables = self.writing();
        let group = tables.open()?.found(subscription);
        Ok(group.map(|group| self.join_group(group, subscription.unsettled)))
    }

    fn join_group(self: &Arc<Self>, group: Arc<Group>, unsettled: NonZeroUsize) -> Deliveries {
        let (member, bell) = group.change(|line, now| line.join(unsettled.get(), now));
        Listener { exchange: self.clone(), group, member, bell }.deliveries()
    }

    /// Adds a group whose messages are kept on `shelf`, unless it is there already.
    pub(crate) fn restore(&self, owner: Owner, id: GroupId, shelf: Arc<dyn Shelf>) -> Result<Arc<Group>, BackendError> {
        let mut tables = self.writing();
        let key = (owner, id);
        if let Some(group) = tables.open()?.groups.get(&key) {
            return Ok(group.clone());
        }
        let (owner, GroupId { name, pattern }) = key;
        Ok(tables.insert(Group::new(owner, pattern, Audience::Group(name), Some(shelf), &self.options)))
    }

    /// Removes a member; and its group, if messages are not kept for it and this was the last.
    pub(super) fn leave(&self, group: &Arc<Group>, member: MemberId) {
        // Nobody can join in between.
        let mut tables = self.writing();
        let is_left = group.change(|line, now| {
            line.leave(member, now);
            !line.has_members()
        });
        if is_left && group.shelf.is_none() {
            tables.remove(group);
            drop(tables);
            group.end();
        }
    }

    /// Ends a group, whatever it has.
    pub(crate) fn forget(&self, owner: &Owner, id: &GroupId) {
        let mut tables = self.writing();
        let Some(group) = tables.groups.get(&(owner.clone(), id.clone())).cloned() else { return };
        tables.remove(&group);
        drop(tables);
        group.forget();
    }

    /// The groups of `owner`, in their order.
    pub(crate) fn groups(&self, owner: &Owner) -> Result<Vec<GroupId>, BackendError> {
        let tables = self.reading();
        let tables = tables.open_to_read()?;
        let mut ids: Vec<GroupId> =
            tables.groups.keys().filter(|(of, _)| of == owner).map(|(_, id)| id.clone()).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Who hears of `subject`.
    pub(crate) fn hearers(&self, owner: &Owner, subject: &Subject) -> Result<Hearers, BackendError> {
        let tables = self.reading();
        let found = tables.open_to_read()?.patterns.get(owner).map(|patterns| patterns.hearers(subject));
        let found = found.unwrap_or_default().into_iter().cloned();
        let (groups, listeners) = found.partition(|group| group.name.is_some());
        Ok(Hearers { groups, listeners })
    }

    /// Room for a message of `bytes` in each of `groups`, or in none. Groups that have ended are left out.
    pub(crate) async fn reserve(
        &self,
        groups: Vec<Arc<Group>>,
        bytes: usize,
        until: Instant,
    ) -> Result<Vec<(Arc<Group>, Room)>, BackendError> {
        let mut rooms = Vec::with_capacity(groups.len());
        for group in groups {
            if let Some(room) = group.reserve(bytes, until).await? {
                rooms.push((group, room));
            }
        }
        Ok(rooms)
    }

    /// Hands a message that is not kept to those who have room for it.
    pub(crate) fn deliver(&self, message: &Message, rooms: Vec<(Arc<Group>, Room)>, listeners: &[Arc<Group>]) {
        for (group, room) in rooms {
            group.push(in_memory(message, room));
        }
        self.tell(message, listeners);
    }

    /// Hands a message to those who hear everything. Who has no room for it misses it.
    pub(crate) fn tell(&self, message: &Message, listeners: &[Arc<Group>]) {
        for listener in listeners {
            match listener.try_reserve(message.size()) {
                Some(room) => listener.push(in_memory(message, room)),
                None => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                    listener.change(|line, _| line.drop_one());
                }
            }
        }
    }

    /// Whether `message` answers a request, and goes to nobody else.
    pub(crate) fn answers(&self, owner: &Owner, message: &Message) -> bool {
        self.replies.answer(owner, message)
    }

    /// Asks those who listen now, in memory, and waits for the first answer.
    pub(crate) async fn request(
        &self,
        owner: &Owner,
        mut message: Message,
        patience: Duration,
    ) -> Result<Message, BackendError> {
        let size = size_of(&message)?;
        let Hearers { mut groups, listeners } = self.hearers(owner, &message.subject)?;
        groups.retain(|group| group.change(|line, _| line.has_members()));
        let subject = message.subject.to_string();
        if groups.is_empty() && listeners.is_empty() {
            return Err(BackendError::NoResponder { subject });
        }
        let late = || BackendError::TimedOut { what: format!("an answer to {subject}"), patience };
        let until = Instant::now().checked_add(patience).ok_or_else(late)?;
        let mut waiting = self.replies.open(owner);
        message.reply_to = Some(waiting.reply_to.clone());
        let rooms = self.reserve(groups, size, until).await?;
        self.deliver(&message, rooms, &listeners);
        match timeout_at(until, &mut waiting.answer).await {
            Ok(answer) => answer.map_err(|_| BackendError::Closed),
            Err(_) => Err(late()),
        }
    }

    /// Ends everything.
    pub(crate) fn close(&self) {
        let mut tables = self.writing();
        let old = std::mem::replace(&mut *tables, Tables { closed: true, ..Tables::default() });
        drop(tables);
        for patterns in old.patterns.values() {
            patterns.each(&mut |group: &Arc<Group>| group.end());
        }
        self.replies.close();
    }

    // The tables are whole at every point where a panic could come.
    fn reading(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_memory(message: &Message, room: Room) -> Item {
    Item { message: Some(message.clone()), kept: None, attempt: 0, due: None, _room: Some(room) }
}

impl Tables {
    fn open(&mut self) -> Result<&mut Self, BackendError> {
        if self.closed { Err(BackendError::Closed) } else { Ok(self) }
    }

    fn open_to_read(&self) -> Result<&Self, BackendError> {
        if self.closed { Err(BackendError::Closed) } else { Ok(self) }
    }

    /// The group that is meant. Who hears everything is always a new one.
    fn found(&self, subscription: &Subscription) -> Option<Arc<Group>> {
        let Audience::Group(name) = &subscription.audience else { return None };
        let id = GroupId { name: name.clone(), pattern: subscription.pattern.clone() };
        self.groups.get(&(subscription.owner.clone(), id)).cloned()
    }

    fn insert(&mut self, group: Group) -> Arc<Group> {
        let group = Arc::new(group);
        self.patterns.entry(group.owner.clone()).or_default().insert(&group.pattern, group.clone());
        if let Some(id) = group.id() {
            self.groups.insert((group.owner.clone(), id), group.clone());
        }
        group
    }

    fn remove(&mut self, group: &Arc<Group>) {
        if let Some(patterns) = self.patterns.get_mut(&group.owner) {
            patterns.remove(&group.pattern, |other| Arc::ptr_eq(other, group));
            if patterns.is_empty() {
                self.patterns.remove(&group.owner);
            }
        }
        if let Some(id) = group.id() {
            self.groups.remove(&(group.owner.clone(), id));
        }
    }
}
