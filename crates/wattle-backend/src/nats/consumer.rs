//! A group of JetStream: a durable consumer, from which each member takes as much as it has room for.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::{Message as NatsMessage, StatusCode, Subscriber};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};

use super::address::{self, Address, Kind};
use super::connection::NatsConnection;
use super::events::{Refusal, Signals};
use super::mailbox::Mailbox;
use super::receipt::KeptReceipt;
use super::session::{self, Session};
use super::state::NatsState;
use super::wire;
use crate::bus::{Delivery, GroupId};
use crate::error::BackendError;

/// After how long without a word a message that was delivered comes again.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// How many messages of a group may be delivered and not yet settled, by all who share it.
pub(super) const UNSETTLED_MAX: u32 = 65_536;
/// How many times members of a group may wait for messages.
const WAITING_MAX: u32 = 8192;
/// How long the server holds a request for messages.
const PULL: Duration = Duration::from_secs(30);
/// How much later than that it is taken for lost.
const PULL_GRACE: Duration = Duration::from_secs(5);
/// How long a member that left waits at most for what is still on its way to it.
const LEAVING: Duration = Duration::from_secs(5);

/// A group where it is in NATS.
#[derive(Clone)]
pub(super) struct Consumer {
    pub(super) stream: String,
    pub(super) address: Address,
    pub(super) group: GroupId,
}

/// How a group says which one it is.
#[derive(Serialize, Deserialize)]
struct Description {
    group: String,
    pattern: String,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    total: usize,
    #[serde(default)]
    consumers: Vec<ListedConsumer>,
}

#[derive(Deserialize)]
struct ListedConsumer {
    config: ListedConfig,
}

#[derive(Deserialize)]
struct ListedConfig {
    #[serde(default)]
    description: String,
}

/// The groups that `stream` keeps messages for, in their order.
pub(super) async fn groups(session: &Session, stream: &str) -> Result<Vec<GroupId>, BackendError> {
    let (mut groups, mut seen) = (Vec::new(), 0);
    loop {
        let listed = session.api::<Listed>(&format!("CONSUMER.LIST.{stream}"), &json!({ "offset": seen })).await;
        let page = match listed {
            Err(error) if error.has_code(ErrorCode::STREAM_NOT_FOUND) => return Ok(Vec::new()),
            listed => listed.map_err(|error| session.translated(stream, error))?,
        };
        seen += page.consumers.len();
        groups.extend(page.consumers.iter().filter_map(|consumer| {
            let description: Description = serde_json::from_str(&consumer.config.description).ok()?;
            Some(GroupId { name: description.group, pattern: description.pattern.parse().ok()? })
        }));
        if page.consumers.is_empty() || seen >= page.total {
            groups.sort_unstable();
            return Ok(groups);
        }
    }
}

impl Consumer {
    fn name(&self) -> String {
        address::group(&self.group)
    }

    /// Makes the consumer if it is not there. It begins with what is published from now on.
    pub(super) async fn make(&self, session: &Session) -> Result<(), BackendError> {
        let filter = self.address.subject(Kind::Message, self.group.pattern.as_str());
        let description = Description { group: self.group.name.clone(), pattern: self.group.pattern.to_string() };
        let description = serde_json::to_string(&description).map_err(|error| session.strange(error))?;
        let config = json!({
            "durable_name": self.name(),
            "description": description,
            "deliver_policy": "new",
            "ack_policy": "explicit",
            "ack_wait": ACK_WAIT.as_nanos() as u64,
            "max_deliver": -1,
            "max_ack_pending": UNSETTLED_MAX,
            "max_waiting": WAITING_MAX,
            "replay_policy": "instant",
            "filter_subject": filter,
        });
        let wanted = json!({ "stream_name": self.stream, "config": config });
        let method = format!("CONSUMER.DURABLE.CREATE.{}.{}", self.stream, self.name());
        let made = session.api::<Value>(&method, &wanted).await;
        made.map(drop).map_err(|error| session.translated(&self.stream, error))
    }

    /// Tells `mailbox` when the server does not take what became of messages of this group, until it is dropped.
    pub(super) async fn tell_refusals(self, signals: Arc<Signals>, mailbox: Arc<Mailbox>) {
        let mut refusals = signals.refusals.subscribe();
        let told_to = format!(".{}.{}.", self.stream, self.name());
        let is_ours = |refusal: &Refusal| match refusal {
            Refusal::Publish(subject) => subject.starts_with("$JS.ACK.") && subject.contains(&told_to),
            Refusal::Subscribe(_) => false,
        };
        loop {
            let refusal = session::refused(&mut refusals, is_ours).await;
            mailbox.push(Err(signals.denied(&refusal)));
        }
    }

    /// Ends the group. That there is none is no error.
    pub(super) async fn delete(&self, session: &Session) -> Result<(), BackendError> {
        let deleted =
            session.api::<Value>(&format!("CONSUMER.DELETE.{}.{}", self.stream, self.name()), &json!({})).await;
        match deleted {
            Err(error)
                if !error.has_code(ErrorCode::STREAM_NOT_FOUND) && !error.has_code(ErrorCode::CONSUMER_NOT_FOUND) =>
            {
                Err(session.translated(&self.stream, error))
            }
            _ => Ok(()),
        }
    }
}

/// A member of a group: asks for as many messages as it may have unsettled, and passes them on. While some are on their
/// way it asks for more only when it has room for half of all, so that a request brings many.
pub(super) struct Member {
    pub(super) connection: Arc<NatsConnection>,
    /// Those of the connection on which messages come.
    pub(super) signals: Arc<Signals>,
    pub(super) consumer: Consumer,
    pub(super) mailbox: Arc<Mailbox>,
    /// What messages come to, and its name.
    pub(super) messages: Subscriber,
    pub(super) inbox: String,
    /// For what is delivered and not yet settled, and of how many that is.
    pub(super) unsettled: Arc<Semaphore>,
    pub(super) places: u32,
}

/// What the server was asked for and has not given yet.
struct Asked {
    room: Option<OwnedSemaphorePermit>,
    until: Instant,
}

impl Asked {
    fn nothing() -> Self {
        Self { room: None, until: Instant::now() + PULL + PULL_GRACE }
    }

    /// The room of so many that come, or do not come after all.
    fn take(&mut self, count: usize) -> Option<OwnedSemaphorePermit> {
        let room = self.room.as_mut()?;
        match count >= room.num_permits() {
            true => self.room.take(),
            false => room.split(count),
        }
    }

    fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.room {
            Some(room) => room.merge(more),
            None => self.room = Some(more),
        }
        self.until = Instant::now() + PULL + PULL_GRACE;
    }
}

impl Member {
    /// Passes messages on until the group is ended, or its owner leaves.
    pub(super) async fn run(mut self) {
        let mut state = self.signals.state.subscribe();
        let mut asked = Asked::nothing();
        loop {
            let worth_asking = if asked.room.is_some() { self.places.div_ceil(2) } else { 1 };
            tokio::select! {
                biased;
                () = self.mailbox.left() => return self.leave().await,
                came = self.messages.next() => match came {
                    None => return self.mailbox.end(),
                    Some(came) if came.status.is_some() => {
                        if self.status(&came, &mut asked) {
                            return self.mailbox.end();
                        }
                    }
                    Some(came) => self.pass_on(came, asked.take(1)),
                },
                // Whoever was asked has forgotten it.
                changed = state.changed() => match changed {
                    Err(_) => return self.mailbox.end(),
                    Ok(()) if matches!(*state.borrow_and_update(), NatsState::Up) => asked = Asked::nothing(),
                    Ok(()) => {}
                },
                () = sleep_until(asked.until), if asked.room.is_some() => asked = Asked::nothing(),
                room = self.unsettled.clone().acquire_many_owned(worth_asking) => match room {
                    Err(_) => return self.mailbox.end(),
                    Ok(mut room) => {
                        let more = u32::try_from(self.unsettled.available_permits()).unwrap_or(u32::MAX);
                        if let Ok(more) = self.unsettled.clone().try_acquire_many_owned(more) {
                            room.merge(more);
                        }
                        self.ask(room.num_permits()).await;
                        asked.add(room);
                    }
                },
            }
        }
    }

    /// Gives back what comes until the server knows that nobody listens any more.
    async fn leave(mut self) {
        if self.messages.drain().await.is_err() {
            return;
        }
        while let Ok(Some(came)) = timeout(LEAVING, self.messages.next()).await {
            if came.status.is_none() {
                self.pass_on(came, None);
            }
        }
    }

    /// Asks for so many messages. What fails is asked again when it is taken for lost, or when the connection is back.
    async fn ask(&self, count: usize) {
        let wanted = json!({ "batch": count, "expires": PULL.as_nanos() as u64 }).to_string();
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.consumer.stream, self.consumer.name());
        let inbox = self.inbox.clone();
        let asked = self.connection.within("asking for messages", async |session| {
            let sent = session.client().publish_with_reply(subject, inbox, wanted.into()).await;
            sent.map_err(|error| session.unavailable(error))
        });
        if let Err(error) = asked.await {
            self.mailbox.push(Err(error));
        }
    }

    /// Takes what the server says instead of a message. Whether the group is ended.
    fn status(&self, came: &NatsMessage, asked: &mut Asked) -> bool {
        let pending = came.headers.as_ref().and_then(|headers| headers.get("Nats-Pending-Messages"));
        let pending = pending.and_then(|pending| pending.as_str().parse().ok());
        drop(asked.take(pending.unwrap_or(usize::MAX)));
        let is_deleted = came.description.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("consumer deleted"));
        if came.status == Some(StatusCode::NO_RESPONDERS) {
            let (backend, stream) = (self.connection.name().to_owned(), &self.consumer.stream);
            let reason = super::events::Reason(format!("the stream {stream} or the group in it is gone"));
            self.mailbox.push(Err(BackendError::Unavailable { backend, source: Arc::new(reason) }));
            return true;
        }
        is_deleted
    }

    fn pass_on(&self, came: NatsMessage, permit: Option<OwnedSemaphorePermit>) {
        let Some(reply) = came.reply.clone() else { return };
        let attempt = attempt(&reply);
        let receipt = KeptReceipt::new(self.connection.clone(), reply, self.signals.runtime.clone(), permit);
        let came = NatsMessage { reply: None, ..came };
        match wire::message(&self.consumer.address, &came) {
            Some(message) => self.mailbox.push(Ok(Delivery { message, attempt, receipt: Box::new(receipt) })),
            // Not for apps: nobody is to get it again.
            None => receipt.give_up(),
        }
    }
}

/// The how manieth delivery it is, from the subject of the receipt:
/// `$JS.ACK.[DOMAIN.ACCOUNT.]STREAM.CONSUMER.DELIVERED.SEQUENCE.SEQUENCE.TIME.PENDING[.TOKEN]`.
fn attempt(reply: &str) -> NonZeroU32 {
    let tokens: Vec<&str> = reply.split('.').collect();
    let at = if tokens.len() >= 11 { 6 } else { 4 };
    tokens.get(at).and_then(|delivered| delivered.parse().ok()).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_read_from_both_kinds_of_receipts() {
        assert_eq!(attempt("$JS.ACK.s.c.3.10.12.1700000000.5").get(), 3);
        assert_eq!(attempt("$JS.ACK._.hash.s.c.4.10.12.1700000000.5.token").get(), 4);
        assert_eq!(attempt("else").get(), 1);
    }
}
