//! Messages on NATS: an app's own in a stream that keeps them for its groups, requests and what is shared on core NATS.
//!
//! A stream is kept by interest: a message stays until every group has settled it, and goes at once where there is none.
//! Who hears everything does so on core NATS. Messages that are shared with others are acknowledged when the server has
//! seen them; groups of them are queue groups of core NATS, or of the stream that the options name.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use async_nats::{HeaderMap, Request, Subscriber};
use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use futures::{FutureExt as _, StreamExt as _};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::address::{self, Address, Kind};
use super::api::ApiError;
use super::connection::NatsConnection;
use super::consumer::{self, Consumer, Member};
use super::events::Refusal;
use super::layout::NatsLayout;
use super::listening::Listening;
use super::mailbox::Mailbox;
use super::session::Session;
use super::wire;
use crate::backend::Backend;
use crate::bucket::Owner;
use crate::bus::{Audience, Bus, Deliveries, GroupId, Message, REPLY_PREFIX, Subscription};
use crate::error::{BackendError, Part};
use crate::limits;

/// A [`Bus`] on NATS.
#[derive(Clone)]
pub struct NatsBus {
    connection: Arc<NatsConnection>,
    layout: NatsLayout,
    /// The stream in which the messages are that are shared, if they are in one.
    shared_stream: Option<String>,
    homes: Arc<Mutex<HashMap<Owner, Arc<Home>>>>,
}

/// Where the messages of an owner are.
struct Home {
    address: Address,
    /// The stream that keeps them, if one does.
    stream: Option<String>,
    /// Whether it is known to be there.
    is_made: AtomicBool,
}

/// A message as NATS takes it.
struct Sent {
    subject: String,
    headers: Option<HeaderMap>,
    body: Bytes,
}

/// What a stream says of a message that it keeps.
#[derive(Deserialize)]
struct Kept {
    #[serde(rename = "seq")]
    _sequence: u64,
}

impl NatsBus {
    /// The messages of a NATS, laid out like this. Groups of what is shared are those of `shared_stream`, which somebody
    /// made before, or of core NATS.
    pub fn new(connection: Arc<NatsConnection>, layout: NatsLayout, shared_stream: Option<String>) -> Self {
        Self { connection, layout, shared_stream, homes: Arc::default() }
    }

    fn sent(&self, address: &Address, kind: Kind, message: Message) -> Result<Sent, BackendError> {
        limits::checked(Part::Message, message.size())?;
        let subject = address.subject(kind, message.subject.as_str());
        let subject = subject.ok_or_else(|| self.not_for_apps("to publish to", message.subject.as_str()))?;
        Ok(Sent { subject, headers: wire::headers(address, &message)?, body: message.body })
    }

    fn not_for_apps(&self, what: &str, subject: &str) -> BackendError {
        let what = format!("{what} {subject:?}, which is not for apps");
        BackendError::Denied { backend: self.connection.name().to_owned(), what, source: None }
    }

    fn home(&self, owner: &Owner) -> Arc<Home> {
        // Whole at every point where a panic could come.
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(home) = homes.get(owner) {
            return home.clone();
        }
        let address = Address::of(&self.layout, owner);
        let (stream, is_made) = match &address {
            Address::Own(owner) => (Some(format!("MSG_{owner}")), false),
            Address::Shared { .. } => (self.shared_stream.clone(), true),
        };
        let home = Arc::new(Home { address, stream, is_made: is_made.into() });
        homes.insert(owner.clone(), home.clone());
        home
    }

    /// The stream of an owner, made if it is not there; `None`: there is none for it.
    async fn stream<'a>(&self, session: &Session, home: &'a Home) -> Result<Option<&'a str>, BackendError> {
        let Some(name) = &home.stream else { return Ok(None) };
        if let Address::Own(owner) = &home.address
            && !home.is_made.load(Ordering::Relaxed)
        {
            // On the heap: it is done once, and every message would carry the room for it along.
            self.make(session, name, owner).boxed().await?;
            home.is_made.store(true, Ordering::Relaxed);
        }
        Ok(Some(name))
    }

    async fn make(&self, session: &Session, name: &str, owner: &str) -> Result<(), BackendError> {
        let config = Config {
            name: name.to_owned(),
            subjects: vec![format!("{owner}.m.>")],
            retention: RetentionPolicy::Interest,
            discard: DiscardPolicy::New,
            max_bytes: self.layout.max_stream_bytes(),
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            num_replicas: self.layout.replicas.get(),
            ..Config::default()
        };
        session.stream(&config).await.map(drop)
    }

    /// Publishes a message of an app to its stream. One that somebody deleted is made again.
    async fn keep(&self, session: &Session, home: &Home, sent: Sent) -> Result<(), BackendError> {
        let Some(stream) = self.stream(session, home).await? else { return Ok(()) };
        session.check_size(Part::Message, sent.headers.as_ref(), sent.body.len())?;
        let first = session.request(&sent.subject, sent.headers.clone(), sent.body.clone()).await;
        let answer = match first {
            Err(BackendError::NoResponder { .. }) => {
                let again = async {
                    home.is_made.store(false, Ordering::Relaxed);
                    self.stream(session, home).await?;
                    session.request(&sent.subject, sent.headers, sent.body).await
                };
                again.boxed().await?
            }
            first => first?,
        };
        let kept: Result<Kept, ApiError> = session.parsed(&answer.payload);
        kept.map(drop).map_err(|error| session.translated(stream, error))
    }

    async fn listen(self, session: Session, subscription: Subscription) -> Result<Deliveries, BackendError> {
        let Subscription { owner, pattern, audience, unsettled } = subscription;
        let home = self.home(&owner);
        let address = home.address.clone();
        let wanted = |kind| {
            let subject =
                address.subject(kind, pattern.as_str()).filter(|_| !pattern.as_str().starts_with(REPLY_PREFIX));
            subject.ok_or_else(|| self.not_for_apps("to subscribe to", pattern.as_str()))
        };
        let (messages, requests) = (wanted(Kind::Message)?, wanted(Kind::Request)?);
        let mailbox = Mailbox::new(pattern.to_string(), unsettled, session.signals.runtime.clone());
        let mut listening = Listening::new(mailbox.clone());
        let is_own = matches!(address, Address::Own(_));
        match audience {
            Audience::Everyone => {
                let subjects = if is_own { vec![messages, requests] } else { vec![messages] };
                for subject in subjects {
                    let heard = subscribed(&session, &subject, None).await?;
                    listening.add(session.signals.runtime.spawn(forward(heard, address.clone(), mailbox.clone())));
                }
            }
            Audience::Group(name) => {
                let group = GroupId { name, pattern: pattern.clone() };
                let stream = self.stream(&session, &home).await?.map(str::to_owned);
                if is_own || stream.is_none() {
                    let heard = subscribed(&session, &requests, Some(address::group(&group))).await?;
                    listening.add(session.signals.runtime.spawn(forward(heard, address.clone(), mailbox.clone())));
                }
                if let Some(stream) = stream {
                    let consumer = Consumer { stream, address, group };
                    self.known_to_be_made(&session, &home, &consumer).await?;
                    let inbox = session.client().new_inbox();
                    let messages = subscribed(&session, &inbox, None).await?;
                    let places = u32::try_from(unsettled.get()).unwrap_or(u32::MAX).min(consumer::UNSETTLED_MAX);
                    let unsettled = Arc::new(Semaphore::new(places as usize));
                    let (connection, signals) = (self.connection.clone(), session.signals.clone());
                    let refusals = consumer.clone().tell_refusals(signals.clone(), mailbox.clone());
                    listening.add(signals.runtime.spawn(refusals));
                    let member = Member { connection, signals, consumer, mailbox, messages, inbox, unsettled, places };
                    // It ends by itself when its mailbox is closed, after it gave back what was on its way.
                    session.signals.runtime.spawn(member.run());
                }
            }
        }
        Ok(listening.deliveries())
    }

    /// Makes the consumer of a group; if its stream was deleted meanwhile, that too.
    async fn known_to_be_made(&self, session: &Session, home: &Home, consumer: &Consumer) -> Result<(), BackendError> {
        if consumer.make(session).await.is_ok() {
            return Ok(());
        }
        home.is_made.store(false, Ordering::Relaxed);
        self.stream(session, home).await?;
        consumer.make(session).await
    }
}

/// A subscription that the server has, and does not refuse.
async fn subscribed(session: &Session, subject: &str, group: Option<String>) -> Result<Subscriber, BackendError> {
    let subscribe = async {
        let subscriber = match group {
            Some(group) => session.client().queue_subscribe(subject.to_owned(), group).await,
            None => session.client().subscribe(subject.to_owned()).await,
        };
        subscriber.map_err(|error| session.unavailable(error))
    };
    session.confirmed(&Refusal::Subscribe(subject.to_owned()), subscribe).await
}

/// Passes on what comes on core NATS.
async fn forward(mut heard: Subscriber, address: Address, mailbox: Arc<Mailbox>) {
    while let Some(came) = heard.next().await {
        if let Some(message) = wire::message(&address, &came) {
            mailbox.push_core(message, NonZeroU32::MIN);
        }
    }
}

impl Backend for NatsBus {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        self.connection.call("a look at NATS", |session| async move { session.round_trip().await })
    }
}

impl Bus for NatsBus {
    fn publish(&self, owner: &Owner, message: Message) -> BoxFuture<'static, Result<(), BackendError>> {
        let home = self.home(owner);
        let is_answer = message.subject.as_str().starts_with(REPLY_PREFIX);
        let sent = match self.sent(&home.address, Kind::Message, message) {
            Ok(sent) => sent,
            Err(error) => return ready(Err(error)).boxed(),
        };
        let bus = self.clone();
        self.connection.call("publishing a message", move |session| async move {
            match home.address {
                Address::Own(_) if !is_answer => bus.keep(&session, &home, sent).await,
                _ => publish(&session, sent).await,
            }
        })
    }

    fn request(
        &self,
        owner: &Owner,
        message: Message,
        patience: Duration,
    ) -> BoxFuture<'static, Result<Message, BackendError>> {
        let home = self.home(owner);
        let about = message.subject.to_string();
        let sent = match self.sent(&home.address, Kind::Request, message) {
            Ok(sent) => sent,
            Err(error) => return ready(Err(error)).boxed(),
        };
        let connection = self.connection.clone();
        async move {
            let session = connection.session(Instant::now() + patience.min(connection.deadline())).await?;
            session.check_size(Part::Message, sent.headers.as_ref(), sent.body.len())?;
            let mut request =
                Request::new().payload(sent.body).inbox(home.address.answer(session.client().new_inbox()));
            if let Some(headers) = sent.headers {
                request = request.headers(headers);
            }
            match timeout(patience, session.ask(&sent.subject, request)).await {
                Ok(Ok(answer)) => {
                    wire::answer(&home.address, &answer).ok_or_else(|| session.strange("its subject is none"))
                }
                Ok(Err(BackendError::NoResponder { .. })) => Err(BackendError::NoResponder { subject: about }),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(BackendError::TimedOut { what: format!("an answer about {about}"), patience }),
            }
        }
        .boxed()
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'static, Result<Deliveries, BackendError>> {
        let bus = self.clone();
        self.connection.call("subscribing", move |session| bus.listen(session, subscription))
    }

    fn keeps(&self) -> bool {
        true
    }

    fn settled(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        self.connection.call("settling messages", |session| async move { session.round_trip().await })
    }

    fn groups(&self, owner: &Owner) -> BoxFuture<'static, Result<Vec<GroupId>, BackendError>> {
        let (bus, home) = (self.clone(), self.home(owner));
        self.connection.call("a list of groups", move |session| async move {
            match bus.stream(&session, &home).await? {
                Some(stream) => consumer::groups(&session, stream).await,
                None => Ok(Vec::new()),
            }
        })
    }

    fn forget(&self, owner: &Owner, group: &GroupId) -> BoxFuture<'static, Result<(), BackendError>> {
        let (bus, home, group) = (self.clone(), self.home(owner), group.clone());
        self.connection.call("forgetting a group", move |session| async move {
            let stream = bus.stream(&session, &home).await?.map(str::to_owned);
            match stream {
                Some(stream) => Consumer { stream, address: home.address.clone(), group }.delete(&session).await,
                None => Ok(()),
            }
        })
    }
}

/// Publishes on core NATS.
async fn publish(session: &Session, sent: Sent) -> Result<(), BackendError> {
    session.check_size(Part::Message, sent.headers.as_ref(), sent.body.len())?;
    let refusal = Refusal::Publish(sent.subject.clone());
    let publish = async {
        let published = match sent.headers {
            Some(headers) => session.client().publish_with_headers(sent.subject, headers, sent.body).await,
            None => session.client().publish(sent.subject, sent.body).await,
        };
        published.map_err(|error| session.unavailable(error))
    };
    session.confirmed(&refusal, publish).await
}
