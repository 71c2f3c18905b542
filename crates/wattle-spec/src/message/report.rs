//! What a host tells about messages: what went wrong. Those that are handled it does not speak of.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::name::{AppId, ComponentName};
use crate::subject::Subject;

/// Something that happened to messages of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageReport {
    /// A message was not handled and will be tried again.
    Failed {
        /// Which try.
        attempt: Attempt,
        /// Why.
        reason: String,
        /// How long it waits.
        after: Duration,
    },
    /// A message was tried for the last time and not handled.
    GivenUp {
        /// Which try.
        attempt: Attempt,
        /// Why.
        reason: String,
        /// Where it went. `None`: it was dropped.
        dead_letter: Option<Subject>,
        /// How many messages of this trigger were given up since the app was started.
        given_up: u64,
    },
    /// The backend could not be told what became of a message, or did not take it among the dead letters: it comes again.
    Unsettled {
        /// Which try.
        attempt: Attempt,
        /// Why.
        reason: String,
    },
    /// The messages of a trigger cannot be had now.
    Lost {
        /// Which app.
        app: AppId,
        /// Which of its triggers, as [`MessageTrigger`](super::MessageTrigger) is written.
        trigger: String,
        /// Why.
        reason: String,
        /// How long it waits before it tries again.
        after: Duration,
    },
    /// They can be had again.
    Restored {
        /// Which app.
        app: AppId,
        /// Which of its triggers.
        trigger: String,
    },
    /// A backend told of trouble with the messages of a trigger, such as that some were dropped.
    Troubled {
        /// Which app.
        app: AppId,
        /// Which of its triggers.
        trigger: String,
        /// What.
        reason: String,
    },
}

/// One try to handle a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which app.
    pub app: AppId,
    /// What handles it.
    pub component: ComponentName,
    /// What it is about.
    pub subject: Subject,
    /// The how manieth try it is.
    pub number: NonZeroU32,
    /// Which run: the id that its log lines carry.
    pub run: String,
}
