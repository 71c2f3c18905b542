//! Messages: what `wasmcloud:messaging` and `wasi:messaging` have in common, over any backend that carries messages.
//!
//! What may be published, how long an answer is waited for, and what a guest is told of a failure is settled here, once for
//! all backends.

mod wasi;
mod wasmcloud;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wattle_backend::bucket::Owner;
use wattle_backend::bus::{Bus, Message};
use wattle_backend::error::BackendError;
use wattle_backend::limits::MESSAGE_MAX_BYTES;
use wattle_spec::resolve::{Offer, State};
use wattle_spec::subject::Subject;

#[expect(unreachable_pub, reason = "the generated bindings export them again")]
pub use self::wasi::{Client, GuestMessage, RequestOptions};
use super::{Capability, Joinable, by_name, offering};
use crate::instance::Current;
use crate::telemetry::{Function, HostCallError, LinkFacts, Watched};

/// What the host adds to a message that it moves to a dead-letter subject must fit, too.
const RESERVE_BYTES: usize = 16 << 10;
/// The most bytes that the body and the metadata of a message may have together.
const MESSAGE_MAX: usize = MESSAGE_MAX_BYTES - RESERVE_BYTES;
/// How long an answer is waited for at most, also by a guest without a deadline.
const PATIENCE_MAX: Duration = Duration::from_secs(300);

/// `wasi:messaging` and `wasmcloud:messaging`.
pub(super) struct Messaging;

/// Where the messages of a package go to and come from.
#[derive(Clone)]
pub(crate) struct BusLink {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) owner: Owner,
    /// What is told of it.
    pub(crate) facts: Arc<LinkFacts>,
}

/// Why an operation failed. In the texts is nothing of the host.
#[derive(Debug)]
enum Failure {
    /// Nobody answered in time.
    TimedOut,
    /// What it is done with cannot be used any more.
    Unavailable(String),
    /// It may not do that.
    Denied(String),
    /// Anything else that is wrong with what was asked.
    Other(String),
    /// The backend failed: the guest gets the kind of failure, and the log the whole story.
    Backend(BackendError),
}

type Answer<T> = Result<T, Failure>;

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::TooLarge { .. } => Failure::Other(error.to_string()),
            BackendError::NoResponder { .. } => Failure::Other(error.code().to_owned()),
            error => Failure::Backend(error),
        }
    }
}

impl HostCallError for Failure {
    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Failure::Backend(error) => Some(error),
            _ => None,
        }
    }
}

impl BusLink {
    /// Publishes `message`, if it may be: a call of `function` by `current`.
    async fn publish(&self, current: &Current, function: Function, message: Answer<Message>) -> Answer<()> {
        let mut watched = Watched::begin(current, function, &self.facts);
        let publish = async { Ok(self.bus.publish(&self.owner, traced(&watched, message?)).await?) };
        let published = publish.await;
        watched.ended(&published);
        published
    }

    /// The same with a question, whose answer is waited for as long as `patience` lasts.
    async fn request(
        &self,
        current: &Current,
        function: Function,
        question: Answer<Message>,
        patience: Duration,
    ) -> Answer<Message> {
        let mut watched = Watched::begin(current, function, &self.facts);
        let request = async {
            let answered = self.bus.request(&self.owner, traced(&watched, question?), patience).await;
            answered.map_err(|error| match error {
                // Whoever was asked took too long, and not the backend.
                BackendError::TimedOut { .. } => Failure::TimedOut,
                error => error.into(),
            })
        };
        let answered = request.await;
        watched.ended(&answered);
        answered
    }
}

/// A message that carries the trace of the call that sends it, unless the guest has said where it belongs.
fn traced(call: &Watched, mut message: Message) -> Message {
    call.publish_with(&mut message.headers);
    message
}

/// How long an answer is waited for that a guest wants within `wanted` and that has so much `left`.
fn patience(wanted: Option<Duration>, left: Option<Duration>) -> Duration {
    [wanted, left].into_iter().flatten().fold(PATIENCE_MAX, Duration::min)
}

fn subject(text: &str) -> Answer<Subject> {
    text.parse().map_err(|error: wattle_spec::subject::SubjectError| Failure::Other(error.to_string()))
}

/// A message that may be published.
fn message(
    subject: Subject,
    body: Bytes,
    reply_to: Option<Subject>,
    headers: Vec<(String, String)>,
) -> Answer<Message> {
    let message = Message { subject, body, reply_to, headers };
    match message.size() {
        size if size > MESSAGE_MAX => {
            Err(Failure::Other(format!("a message has at most {MESSAGE_MAX} bytes, this one has {size}")))
        }
        _ => Ok(message),
    }
}

impl Capability for Messaging {
    fn offers(&self) -> Vec<Offer> {
        let named = [wasi::TYPES, wasi::PRODUCER, wasi::REQUEST_REPLY];
        let mut offers = offering(&[wasmcloud::CONSUMER], Some(State::Bus));
        offers.extend(by_name(offering(&named, Some(State::Bus))));
        offers.extend(offering(&[wasmcloud::TYPES], None));
        offers
    }

    fn joinable(&self) -> &'static [Joinable] {
        const {
            &[
                Joinable::new(wasi::TYPES, wasi::join_types).once(),
                Joinable::new(wasi::PRODUCER, wasi::join_producer),
                Joinable::new(wasi::REQUEST_REPLY, wasi::join_request_reply),
                Joinable::new(wasmcloud::TYPES, wasmcloud::join_types).once(),
                Joinable::new(wasmcloud::CONSUMER, wasmcloud::join),
            ]
        }
    }
}
