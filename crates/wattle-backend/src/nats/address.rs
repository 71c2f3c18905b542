//! Where in NATS the messages of an owner are.
//!
//! ```text
//! of an owner:     OWNER.m.SUBJECT   messages, which its stream MSG_OWNER keeps for groups
//!                  OWNER.r.SUBJECT   requests, for who is there
//!                  OWNER.a.ID        answers: what an app sees as _INBOX.ID
//! what is shared:  SUBJECT           as it is, so that others on that NATS can talk with apps
//! ```

use async_nats::Subject as NatsSubject;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use wattle_spec::subject::Subject;

use super::layout::NatsLayout;
use super::names;
use crate::bucket::Owner;
use crate::bus::{GroupId, REPLY_PREFIX};

/// Where the messages of one owner are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// Below this, which nobody else uses.
    Own(String),
    /// Among everybody else's, without those that begin like this.
    Shared {
        /// What the subjects of all apps begin with.
        apps: String,
    },
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To be heard, and kept for groups.
    Message,
    /// To be answered by who is there.
    Request,
}

impl Address {
    pub(super) fn of(layout: &NatsLayout, owner: &Owner) -> Self {
        match owner {
            Owner::App(_) | Owner::Host | Owner::Named { .. } => Address::Own(names::owner(layout, owner)),
            Owner::Shared => Address::Shared { apps: format!("{}_", layout.space) },
        }
    }

    /// The subject, or pattern of subjects, in NATS; `None`: it is not for apps.
    pub(super) fn subject(&self, kind: Kind, subject: &str) -> Option<String> {
        match (self, subject.strip_prefix(REPLY_PREFIX)) {
            (Address::Own(owner), Some(id)) => Some(format!("{owner}.a.{id}")),
            (Address::Own(owner), None) => {
                let kind = if kind == Kind::Message { "m" } else { "r" };
                Some(format!("{owner}.{kind}.{subject}"))
            }
            // The answer to a request from outside.
            (Address::Shared { .. }, Some(_)) => Some(subject.to_owned()),
            (Address::Shared { .. }, None) => self.is_for_apps(subject).then(|| subject.to_owned()),
        }
    }

    /// What a subject of NATS is to the owner; `None`: nothing.
    pub(super) fn own(&self, subject: &NatsSubject) -> Option<Subject> {
        match self {
            Address::Own(owner) => {
                let (kind, own) = subject.strip_prefix(owner.as_str())?.strip_prefix('.')?.split_once('.')?;
                match kind {
                    "a" => format!("{REPLY_PREFIX}{own}").parse().ok(),
                    _ => own.parse().ok(),
                }
            }
            Address::Shared { .. } => self.is_for_apps(subject).then(|| subject.parse().ok()).flatten(),
        }
    }

    /// Where somebody outside waits for an answer.
    pub(super) fn reply_to(&self, reply: &NatsSubject) -> Option<Subject> {
        match self {
            Address::Own(_) => self.own(reply),
            Address::Shared { .. } => reply.parse().ok(),
        }
    }

    /// Where an answer to a request of the owner comes to.
    pub(super) fn answer(&self, inbox: String) -> String {
        match (self, inbox.strip_prefix(REPLY_PREFIX)) {
            (Address::Own(owner), Some(id)) => format!("{owner}.a.{id}"),
            _ => inbox,
        }
    }

    /// Whether a subject that is shared is neither one of the server, nor an answer, nor of an app.
    fn is_for_apps(&self, subject: &str) -> bool {
        let Address::Shared { apps } = self else { return true };
        !subject.starts_with('$') && !subject.starts_with(REPLY_PREFIX) && !subject.starts_with(apps.as_str())
    }
}

/// What a group is called in NATS: any text is a name there, so that it is a digest of it.
pub(super) fn group(group: &GroupId) -> String {
    let mut digest = Sha256::new();
    // A pattern has no NUL.
    digest.update(group.pattern.as_str());
    digest.update([0]);
    digest.update(&group.name);
    format!("group_{}", URL_SAFE_NO_PAD.encode(digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_those_of_their_owner() {
        let layout = NatsLayout::default();
        let app = Owner::App(wattle_spec::name::AppId::in_default_namespace("shop".parse().expect("a name")));
        let (own, shared) = (Address::of(&layout, &app), Address::of(&layout, &Owner::Shared));
        let check = |address: &Address, subject: &str, expected: Option<&str>| {
            assert_eq!(address.subject(Kind::Message, subject).as_deref(), expected, "{subject}");
        };
        check(&own, "orders.new", Some("wattle_default_shop.m.orders.new"));
        check(&own, "$JS.API.INFO", Some("wattle_default_shop.m.$JS.API.INFO"));
        check(&own, "_INBOX.a.b", Some("wattle_default_shop.a.a.b"));
        check(&shared, "orders.new", Some("orders.new"));
        check(&shared, "_INBOX.a.b", Some("_INBOX.a.b"));
        check(&shared, "$JS.API.STREAM.DELETE.x", None);
        check(&shared, "wattle_default_shop.m.orders.new", None);
        assert_eq!(own.own(&"wattle_default_shop.m.orders.new".into()), "orders.new".parse().ok());
        assert_eq!(own.own(&"wattle_default_shop2.m.orders.new".into()), None);
        assert_eq!(own.reply_to(&"wattle_default_shop.a.a.b".into()), "_INBOX.a.b".parse().ok());
        assert_eq!(shared.own(&"wattle_default_shop.m.orders.new".into()), None);
        assert_eq!(shared.own(&"_INBOX.a.b".into()), None);
    }
}
