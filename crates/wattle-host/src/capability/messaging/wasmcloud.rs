//! `wasmcloud:messaging@0.2.0`: `consumer`, and what `handler` is called with.

use std::time::Duration;

use wasmtime::component::{HasData, LinkerInstance};
use wattle_backend::bus::Message;

use super::super::bindings::named_imports::wasmcloud::messaging::consumer;
use super::super::bindings::wasmcloud::messaging::types::{self, BrokerMessage};
use super::{Answer, BusLink, Failure, message, patience, subject};
use crate::capability::Via;
use crate::capability::joined::Joined;
use crate::instance::{Current, Guest, MEMBERS_MAX, Member, Split, for_each_member};
use crate::telemetry::Function;

/// The key of its links.
const PACKAGE: &str = "wasmcloud:messaging";
pub(super) const TYPES: &str = "wasmcloud:messaging/types@0.2.0";
pub(super) const CONSUMER: &str = "wasmcloud:messaging/consumer@0.2.0";

const PUBLISH: Function = Function::new("wasmcloud:messaging/consumer.publish").sending();
const REQUEST: Function = Function::new("wasmcloud:messaging/consumer.request").asking();

struct HasConsumer;

impl HasData for HasConsumer {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a> {
    links: &'a Joined<BusLink>,
    current: &'a Current,
    left: Option<Duration>,
}

fn view<const MEMBER: usize>(guest: &mut Guest) -> View<'_> {
    let Split { member: Member { links, identity, current, .. }, deadline, .. } = guest.split::<MEMBER>();
    View { links: &links.of(identity).buses, current, left: deadline.left() }
}

/// What each component of a store sees.
const VIEWS: [fn(&mut Guest) -> View<'_>; MEMBERS_MAX] = for_each_member!(view);

/// Joins an import of `types`.
pub(super) fn join_types(types: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    types::add_to_linker_instance::<Guest, HasConsumer>(types, via.of(VIEWS))
}

/// Joins an import of `consumer`.
pub(super) fn join(consumer: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    consumer::add_to_linker_instance::<Guest, HasConsumer>(consumer, via, view)
}

impl BrokerMessage {
    /// What a guest sees of a message.
    pub(crate) fn received(message: &Message) -> Self {
        Self {
            subject: message.subject.to_string(),
            body: message.body.to_vec(),
            reply_to: message.reply_to.as_ref().map(ToString::to_string),
        }
    }

    fn checked(self) -> Answer<Message> {
        let reply_to = self.reply_to.as_deref().map(subject).transpose()?;
        message(subject(&self.subject)?, self.body.into(), reply_to, Vec::new())
    }
}

impl View<'_> {
    fn linked(&self, via: &Via) -> Answer<&BusLink> {
        self.links.unnamed(PACKAGE, via).ok_or_else(|| Failure::Denied("nothing is linked".to_owned()))
    }

    async fn ask(&self, via: &Via, question: BrokerMessage, timeout_ms: u32) -> Answer<BrokerMessage> {
        let patience = patience(Some(Duration::from_millis(timeout_ms.into())), self.left);
        let answer = self.linked(via)?.request(self.current, REQUEST, question.checked(), patience).await?;
        Ok(BrokerMessage::received(&answer))
    }
}

/// The interface knows only texts.
fn text(failure: Failure) -> String {
    match failure {
        Failure::TimedOut => "timed-out".to_owned(),
        Failure::Unavailable(text) | Failure::Denied(text) | Failure::Other(text) => text,
        Failure::Backend(error) => error.code().to_owned(),
    }
}

impl types::Host for View<'_> {}

impl consumer::Host for View<'_> {
    async fn request(
        &mut self,
        via: Via,
        subject: String,
        body: Vec<u8>,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<BrokerMessage, String>> {
        let question = BrokerMessage { subject, body, reply_to: None };
        Ok(self.ask(&via, question, timeout_ms).await.map_err(text))
    }

    async fn publish(&mut self, via: Via, message: BrokerMessage) -> wasmtime::Result<Result<(), String>> {
        let published = async { self.linked(&via)?.publish(self.current, PUBLISH, message.checked()).await };
        Ok(published.await.map_err(text))
    }
}
