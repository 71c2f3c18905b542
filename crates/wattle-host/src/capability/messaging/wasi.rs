//! `wasi:messaging@0.2.0-draft`: `types`, `producer`, `request-reply`, and what `incoming-handler` is called with.

use std::time::Duration;

use bytes::Bytes;
use wasmtime::component::{HasData, LinkerInstance, Resource, ResourceTable};
use wattle_backend::bus::Message;
use wattle_backend::error::BackendError;
use wattle_spec::subject::Subject;

use super::super::bindings::named_imports::wasi::messaging::{producer, request_reply};
use super::super::bindings::wasi::messaging::types;
use super::{Answer, BusLink, Failure, message, patience, subject};
use crate::capability::Via;
use crate::capability::joined::Joined;
use crate::instance::{Current, Guest, MEMBERS_MAX, Member, Split, for_each_member};
use crate::telemetry::Function;

/// The most bytes that the name of a client may have.
const CLIENT_NAME_MAX: usize = 256;
/// The key of its links.
const PACKAGE: &str = "wasi:messaging";
pub(super) const TYPES: &str = "wasi:messaging/types@0.2.0-draft";
pub(super) const PRODUCER: &str = "wasi:messaging/producer@0.2.0-draft";
pub(super) const REQUEST_REPLY: &str = "wasi:messaging/request-reply@0.2.0-draft";
/// The field in which the type of the content travels.
const CONTENT_TYPE: &str = "content-type";

const SEND: Function = Function::new("wasi:messaging/producer.send").sending();
const REQUEST: Function = Function::new("wasi:messaging/request-reply.request").asking();
const REPLY: Function = Function::new("wasi:messaging/request-reply.reply").sending();

/// What a guest has connected to. `None`: it has disconnected.
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct Client(Option<BusLink>);

/// A message in the hands of a guest.
#[derive(Default)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct GuestMessage {
    topic: Option<Subject>,
    reply_to: Option<Subject>,
    content_type: Option<String>,
    data: Bytes,
    metadata: Vec<(String, String)>,
}

/// What a guest wants of a request.
#[derive(Clone, Copy, Default)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct RequestOptions {
    timeout: Option<Duration>,
    replies: Option<u32>,
}

struct HasMessaging;

impl HasData for HasMessaging {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a> {
    table: &'a mut ResourceTable,
    links: &'a Joined<BusLink>,
    current: &'a Current,
    left: Option<Duration>,
}

fn view<const MEMBER: usize>(guest: &mut Guest) -> View<'_> {
    let Split { member: Member { links, identity, current, .. }, table, deadline, .. } = guest.split::<MEMBER>();
    View { table, links: &links.of(identity).buses, current, left: deadline.left() }
}

/// What each component of a store sees.
const VIEWS: [fn(&mut Guest) -> View<'_>; MEMBERS_MAX] = for_each_member!(view);

/// Joins an import of `types`.
pub(super) fn join_types(types: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    types::add_to_linker_instance::<Guest, HasMessaging>(types, via.of(VIEWS))
}

/// Joins an import of `producer`.
pub(super) fn join_producer(producer: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    producer::add_to_linker_instance::<Guest, HasMessaging>(producer, via, view)
}

/// Joins an import of `request-reply`.
pub(super) fn join_request_reply(requests: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    request_reply::add_to_linker_instance::<Guest, HasMessaging>(requests, via, view)
}

impl From<Failure> for types::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::TimedOut => types::Error::Timeout,
            Failure::Unavailable(text) => types::Error::Connection(text),
            Failure::Denied(text) => types::Error::PermissionDenied(text),
            Failure::Other(text) => types::Error::Other(text),
            Failure::Backend(error) => {
                let code = error.code().to_owned();
                match error {
                    BackendError::TimedOut { .. } => types::Error::Timeout,
                    BackendError::Unavailable { .. } | BackendError::Closed => types::Error::Connection(code),
                    BackendError::Denied { .. } => types::Error::PermissionDenied(code),
                    _ => types::Error::Other(code),
                }
            }
        }
    }
}

impl GuestMessage {
    /// What a guest sees of a message.
    pub(crate) fn received(message: &Message) -> Self {
        let is_type = |name: &str| name.eq_ignore_ascii_case(CONTENT_TYPE);
        let (types, metadata): (Vec<_>, Vec<_>) = message.headers.iter().cloned().partition(|(name, _)| is_type(name));
        Self {
            topic: Some(message.subject.clone()),
            reply_to: message.reply_to.clone(),
            content_type: types.into_iter().next().map(|(_, value)| value),
            data: message.body.clone(),
            metadata,
        }
    }

    /// The message as it is published about `topic`.
    fn about(&self, topic: Subject) -> Answer<Message> {
        let content_type = self.content_type.iter().map(|value| (CONTENT_TYPE.to_owned(), value.clone()));
        let headers: Vec<_> = content_type.chain(self.metadata.iter().cloned()).collect();
        headers.iter().try_for_each(checked_field)?;
        message(topic, self.data.clone(), None, headers)
    }
}

/// Refuses fields that not every backend could carry as they are.
fn checked_field((name, value): &(String, String)) -> Answer<()> {
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    let is_value = value.trim() == value && !value.chars().any(char::is_control);
    match (is_name, is_value) {
        (true, true) => Ok(()),
        (false, _) => Err(Failure::Other(format!(
            "{name:?} cannot be a key of metadata: it is empty or has a colon, white space or characters that are not ASCII"
        ))),
        (true, false) => {
            Err(Failure::Other(format!("the value of {name:?} has control characters, or white space at an end")))
        }
    }
}

/// Where a client sends to. An import with a label has its own link, whatever the client is called.
fn connected<'a>(links: &'a Joined<BusLink>, via: &Via, client: &'a Client) -> Answer<&'a BusLink> {
    let own = client.0.as_ref().ok_or_else(|| Failure::Unavailable("the client has disconnected".to_owned()))?;
    match via.label {
        None => Ok(own),
        Some(_) => links.unnamed(PACKAGE, via).ok_or_else(unlinked),
    }
}

fn unlinked() -> Failure {
    Failure::Denied("nothing is linked".to_owned())
}

impl types::Host for View<'_> {}

impl types::HostClient for View<'_> {
    fn connect(&mut self, name: String) -> wasmtime::Result<Result<Resource<Client>, types::Error>> {
        if name.len() > CLIENT_NAME_MAX {
            let text = format!("the name of a client has at most {CLIENT_NAME_MAX} bytes, this one has {}", name.len());
            return Ok(Err(types::Error::Other(text)));
        }
        let Some(link) = self.links.named(PACKAGE, &Via::PLAIN, &name) else {
            return Ok(Err(unlinked().into()));
        };
        Ok(Ok(self.table.push(Client(Some(link.clone())))?))
    }

    fn disconnect(&mut self, client: Resource<Client>) -> wasmtime::Result<Result<(), types::Error>> {
        self.table.get_mut(&client)?.0 = None;
        Ok(Ok(()))
    }

    fn drop(&mut self, client: Resource<Client>) -> wasmtime::Result<()> {
        self.table.delete(client)?;
        Ok(())
    }
}

impl types::HostMessage for View<'_> {
    fn new(&mut self, data: Vec<u8>) -> wasmtime::Result<Resource<GuestMessage>> {
        Ok(self.table.push(GuestMessage { data: data.into(), ..GuestMessage::default() })?)
    }

    fn topic(&mut self, message: Resource<GuestMessage>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&message)?.topic.as_ref().map(ToString::to_string))
    }

    fn content_type(&mut self, message: Resource<GuestMessage>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&message)?.content_type.clone())
    }

    fn set_content_type(&mut self, message: Resource<GuestMessage>, content_type: String) -> wasmtime::Result<()> {
        self.table.get_mut(&message)?.content_type = Some(content_type);
        Ok(())
    }

    fn data(&mut self, message: Resource<GuestMessage>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.table.get(&message)?.data.to_vec())
    }

    fn set_data(&mut self, message: Resource<GuestMessage>, data: Vec<u8>) -> wasmtime::Result<()> {
        self.table.get_mut(&message)?.data = data.into();
        Ok(())
    }

    fn metadata(&mut self, message: Resource<GuestMessage>) -> wasmtime::Result<Option<Vec<(String, String)>>> {
        let metadata = &self.table.get(&message)?.metadata;
        Ok((!metadata.is_empty()).then(|| metadata.clone()))
    }

    fn add_metadata(&mut self, message: Resource<GuestMessage>, key: String, value: String) -> wasmtime::Result<()> {
        let metadata = &mut self.table.get_mut(&message)?.metadata;
        metadata.retain(|(other, _)| *other != key);
        let bytes: usize = metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        if bytes + key.len() + value.len() > super::MESSAGE_MAX {
            wasmtime::bail!("the metadata of a message has more than {} bytes", super::MESSAGE_MAX);
        }
        metadata.push((key, value));
        Ok(())
    }

    fn set_metadata(
        &mut self,
        message: Resource<GuestMessage>,
        metadata: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.table.get_mut(&message)?.metadata = metadata;
        Ok(())
    }

    fn remove_metadata(&mut self, message: Resource<GuestMessage>, key: String) -> wasmtime::Result<()> {
        self.table.get_mut(&message)?.metadata.retain(|(other, _)| *other != key);
        Ok(())
    }

    fn drop(&mut self, message: Resource<GuestMessage>) -> wasmtime::Result<()> {
        self.table.delete(message)?;
        Ok(())
    }
}

impl producer::Host for View<'_> {
    async fn send(
        &mut self,
        via: Via,
        client: Resource<Client>,
        topic: String,
        message: Resource<GuestMessage>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let message = self.table.delete(message)?;
        let client = self.table.get(&client)?;
        let message = subject(&topic).and_then(|topic| message.about(topic));
        let sent = async { connected(self.links, &via, client)?.publish(self.current, SEND, message).await };
        Ok(sent.await.map_err(types::Error::from))
    }
}

impl request_reply::HostRequestOptions for View<'_> {
    async fn new(&mut self, _: Via) -> wasmtime::Result<Resource<RequestOptions>> {
        Ok(self.table.push(RequestOptions::default())?)
    }

    async fn set_timeout_ms(
        &mut self,
        _: Via,
        options: Resource<RequestOptions>,
        timeout_ms: u32,
    ) -> wasmtime::Result<()> {
        self.table.get_mut(&options)?.timeout = Some(Duration::from_millis(timeout_ms.into()));
        Ok(())
    }

    async fn set_expected_replies(
        &mut self,
        _: Via,
        options: Resource<RequestOptions>,
        replies: u32,
    ) -> wasmtime::Result<()> {
        self.table.get_mut(&options)?.replies = Some(replies);
        Ok(())
    }

    async fn drop(&mut self, _: Via, options: Resource<RequestOptions>) -> wasmtime::Result<()> {
        self.table.delete(options)?;
        Ok(())
    }
}

impl request_reply::Host for View<'_> {
    async fn request(
        &mut self,
        via: Via,
        client: Resource<Client>,
        topic: String,
        message: Resource<GuestMessage>,
        options: Option<Resource<RequestOptions>>,
    ) -> wasmtime::Result<Result<Vec<Resource<GuestMessage>>, types::Error>> {
        let options = options.map(|options| self.table.delete(options)).transpose()?.unwrap_or_default();
        let (client, message) = (self.table.get(&client)?, self.table.get(&message)?);
        let question = match options.replies {
            Some(2..) => Err(Failure::Other("a request waits for one reply, and more are expected".to_owned())),
            _ => subject(&topic).and_then(|topic| message.about(topic)),
        };
        let patience = patience(options.timeout, self.left);
        let answered =
            async { connected(self.links, &via, client)?.request(self.current, REQUEST, question, patience).await };
        Ok(match answered.await {
            Ok(answer) => Ok(vec![self.table.push(GuestMessage::received(&answer))?]),
            Err(failure) => Err(failure.into()),
        })
    }

    /// Where nobody waits for a reply there is nothing to do.
    async fn reply(
        &mut self,
        via: Via,
        to: Resource<GuestMessage>,
        message: Resource<GuestMessage>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        let message = self.table.delete(message)?;
        let Some(topic) = self.table.get(&to)?.reply_to.clone() else { return Ok(Ok(())) };
        let Some(link) = self.links.unnamed(PACKAGE, &via) else {
            return Ok(Err(unlinked().into()));
        };
        let sent = link.publish(self.current, REPLY, message.about(topic)).await;
        Ok(sent.map_err(types::Error::from))
    }
}
