//! Messages and groups as bytes.
//!
//! ```text
//! field:    length (4 bytes, big-endian)  bytes
//! message:  subject  where to answer, or an empty field  count of headers (4 bytes)  name  value  ...  body to the end
//! group:    00, 01 namespace app, 02,
//!           03 backend, or 04 backend namespace app      name  pattern
//! ```

use bytes::Bytes;
use wattle_spec::name::AppId;

use super::super::owner_tag::{self, APP, HOST, NAMED_APP, NAMED_SHARED, SHARED};
use crate::bucket::Owner;
use crate::bus::{GroupId, Message};

/// A message as it is kept.
pub(super) fn message_bytes(message: &Message) -> Bytes {
    let mut out = Vec::with_capacity(message.size() + message.subject.as_str().len() + 64);
    put(&mut out, message.subject.as_str());
    put(&mut out, message.reply_to.as_ref().map_or("", |subject| subject.as_str()));
    out.extend_from_slice(&length(message.headers.len()));
    for (name, value) in &message.headers {
        put(&mut out, name);
        put(&mut out, value);
    }
    out.extend_from_slice(&message.body);
    out.into()
}

/// The message in `bytes`, if there is one.
pub(super) fn message(bytes: &Bytes) -> Option<Message> {
    let mut fields = Fields(bytes);
    let subject = fields.text()?.parse().ok()?;
    let reply_to = match fields.text()? {
        "" => None,
        text => Some(text.parse().ok()?),
    };
    let count = fields.number()?;
    let headers = (0..count).map(|_| Some((fields.text()?.to_owned(), fields.text()?.to_owned())));
    let headers = headers.collect::<Option<Vec<_>>>()?;
    Some(Message { subject, reply_to, headers, body: bytes.slice_ref(fields.0) })
}

/// A group as it is kept.
pub(super) fn group_bytes(owner: &Owner, group: &GroupId) -> Bytes {
    let mut out = Vec::new();
    out.push(owner_tag::tag(owner));
    owner_tag::names(owner).for_each(|name| put(&mut out, name));
    put(&mut out, &group.name);
    put(&mut out, group.pattern.as_str());
    out.into()
}

/// The group in `bytes`, and whose it is, if there is one.
pub(super) fn group(bytes: &[u8]) -> Option<(Owner, GroupId)> {
    let (kind, rest) = bytes.split_first()?;
    let mut fields = Fields(rest);
    let owner = match *kind {
        SHARED => Owner::Shared,
        HOST => Owner::Host,
        APP => Owner::App(fields.app()?),
        NAMED_SHARED => Owner::Named { backend: fields.text()?.parse().ok()?, app: None },
        NAMED_APP => Owner::Named { backend: fields.text()?.parse().ok()?, app: Some(fields.app()?) },
        _ => return None,
    };
    let (name, pattern) = (fields.text()?.to_owned(), fields.text()?.parse().ok()?);
    fields.0.is_empty().then_some((owner, GroupId { name, pattern }))
}

fn put(out: &mut Vec<u8>, field: &str) {
    out.extend_from_slice(&length(field.len()));
    out.extend_from_slice(field.as_bytes());
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("invariant: the limits of messages fit in 32 bits").to_be_bytes()
}

/// What has not been read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Option<usize> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        usize::try_from(u32::from_be_bytes(*number)).ok()
    }

    fn app(&mut self) -> Option<AppId> {
        Some(AppId { namespace: self.text()?.parse().ok()?, name: self.text()?.parse().ok()? })
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.number()?;
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        str::from_utf8(field).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn messages_come_back(
            subject in "[a-z]{1,9}(\\.[a-z]{1,9}){0,3}",
            reply_to in prop::option::of("[a-z]{1,9}"),
            headers: Vec<(String, String)>,
            body: Vec<u8>,
        ) {
            let reply_to = reply_to.map(|text| text.parse().expect("a subject"));
            let original = Message { subject: subject.parse().expect("a subject"), reply_to, headers, body: body.into() };
            prop_assert_eq!(message(&message_bytes(&original)), Some(original));
        }

        #[test]
        fn groups_come_back(
            app in prop::option::of(("[a-c]{1,3}", "[a-c]{1,3}")),
            backend in prop::option::of("[a-c]{1,3}"),
            name: String,
        ) {
            let parse = "the pattern gives names";
            let app = app.map(|(namespace, name)| AppId {
                namespace: namespace.parse().expect(parse),
                name: name.parse().expect(parse),
            });
            let owner = match backend {
                Some(backend) => Owner::Named { backend: backend.parse().expect(parse), app },
                None => app.map_or(Owner::Shared, Owner::App),
            };
            let id = GroupId { name, pattern: "a.>".parse().expect("a pattern") };
            prop_assert_eq!(group(&group_bytes(&owner, &id)), Some((owner, id)));
        }

        #[test]
        fn other_bytes_do_no_harm(bytes: Vec<u8>) {
            let _ = (message(&bytes.clone().into()), group(&bytes));
        }
    }
}
