//! The trait of backends that carry messages.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use futures::stream::BoxStream;
use wattle_spec::subject::{Subject, SubjectPattern};

use crate::backend::Backend;
use crate::bucket::Owner;
use crate::error::BackendError;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is about.
    pub subject: Subject,
    /// The bytes.
    pub body: Bytes,
    /// Where an answer is expected, if one is.
    pub reply_to: Option<Subject>,
    /// Fields beside the body, in their order: the trace context, metadata.
    pub headers: Vec<(String, String)>,
}

pub use wattle_spec::subject::REPLY_PREFIX;

/// What tells the groups of one owner apart: those who give the same name with another pattern are another group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId {
    /// The name.
    pub name: String,
    /// What the group hears of.
    pub pattern: SubjectPattern,
}

/// Who of several subscribers gets a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Audience {
    /// One of those who subscribed with this name to this pattern, in turn as far as they have room. A backend that
    /// keeps messages keeps them for a group until one of it has settled them, also while nobody subscribes, from the
    /// group's first subscription on and until it is [forgotten](Bus::forget).
    Group(String),
    /// Every subscriber, of what is published while it is there.
    Everyone,
}

/// What somebody wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Whose messages.
    pub owner: Owner,
    /// Of which subjects.
    pub pattern: SubjectPattern,
    /// Who else gets them.
    pub audience: Audience,
    /// How many messages may be delivered and not yet settled. The others wait in a bounded queue. When that of a group
    /// is full, who publishes waits, and is refused at last; what comes too fast for one of everyone is dropped,
    /// counted and told ([`BackendError::MessagesDropped`]), and so may be what comes too fast for a group of a backend
    /// that keeps nothing.
    pub unsettled: NonZeroUsize,
}

/// A message on its way to one subscriber. Dropped without being settled, or held for too long, it comes again where
/// the backend can.
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// The how manieth delivery to this group it is, as far as the backend knows.
    pub attempt: NonZeroU32,
    /// To be told what became of it.
    pub receipt: Box<dyn Receipt>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It was handled, or given up: it does not come again.
    Done,
    /// It is to come again, not before this span has passed.
    Retry(Duration),
}

/// Takes what became of a message.
pub trait Receipt: Send + Sync {
    /// Settles the message. If it fails, the message may come again. A backend may be told of `Done` later, with that of
    /// others: [`Bus::settled`] waits until it has it, and a refusal is told to the subscriber. What comes after the
    /// message was delivered once more is no error: `Done` holds, `Retry` does nothing.
    fn settle(self: Box<Self>, settlement: Settlement) -> BoxFuture<'static, Result<(), BackendError>>;

    /// Says that the message is still being worked on, so that it does not come again meanwhile.
    fn keep(&self) -> BoxFuture<'static, Result<(), BackendError>>;
}

/// What a subscriber gets. It ends when the bus is closed or the group forgotten; an error is told and does not end it.
/// Who drops it listens no more, and can still settle what it was given.
pub type Deliveries = BoxStream<'static, Result<Delivery, BackendError>>;

/// Carries messages from those who publish to those who subscribe, within one owner.
///
/// - A message that was acknowledged to its publisher reaches each group at least once, if the backend
///   [keeps](Self::keeps) messages; else it reaches those who listen now, and comes again after `Retry` for as long as
///   somebody of the group listens.
/// - A message, with its headers, has at most [`MESSAGE_MAX_BYTES`](crate::limits::MESSAGE_MAX_BYTES), or fewer where
///   the backend takes no more.
/// - Messages of one subject and one publisher are delivered in their order, as long as none is retried.
/// - Methods do not block. Futures borrow nothing.
pub trait Bus: Backend {
    /// Publishes a message.
    fn publish(&self, owner: &Owner, message: Message) -> BoxFuture<'static, Result<(), BackendError>>;

    /// Publishes a message and waits for the first answer. Requests are not kept for those who are not there:
    /// nobody to answer is [`BackendError::NoResponder`], nobody who did in time [`BackendError::TimedOut`].
    fn request(
        &self,
        owner: &Owner,
        message: Message,
        patience: Duration,
    ) -> BoxFuture<'static, Result<Message, BackendError>>;

    /// Begins to listen. Ready when whatever is published from now on is delivered; fails if the backend refuses.
    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'static, Result<Deliveries, BackendError>>;

    /// Whether messages outlive the moment: kept until they are settled.
    fn keeps(&self) -> bool;

    /// Returns when the backend has what became of every message that was settled before, by the same runtime.
    fn settled(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        ready(Ok(())).boxed()
    }

    /// The groups of `owner` that messages are kept for, in their order, also those of which nobody subscribes.
    fn groups(&self, _owner: &Owner) -> BoxFuture<'static, Result<Vec<GroupId>, BackendError>> {
        ready(Ok(Vec::new())).boxed()
    }

    /// Ends a group and what is kept for it, so that nothing is kept for it from now on: its app was removed, or listens
    /// to something else. That there is no such group is no error.
    fn forget(&self, _owner: &Owner, _group: &GroupId) -> BoxFuture<'static, Result<(), BackendError>> {
        ready(Ok(())).boxed()
    }
}

impl Message {
    /// The bytes that count against limits: those of the body and the headers.
    pub fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        self.body.len() + headers.sum::<usize>()
    }
}
