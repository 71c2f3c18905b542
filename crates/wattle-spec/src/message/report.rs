//! What a host tells about messages: what went wrong. Those that are handled it does not speak of.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{AppId, ComponentName};
use crate::report::millis;
use crate::subject::Subject;

/// Something that happened to messages of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "message", rename_all = "kebab-case")]
pub enum MessageReport {
    /// A message was not handled and will be tried again.
    Failed {
        /// Which try.
        attempt: Attempt,
        /// Why.
        reason: String,
        /// How long it waits.
        #[serde(rename = "after_ms", with = "millis")]
        #[schemars(with = "u64")]
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
    /// The messages of a trigger cannot be had now. Told once, and again if the reason becomes another.
    Lost {
        /// Which app.
        app: AppId,
        /// Which of its triggers, as [`MessageTrigger`](super::MessageTrigger) is written.
        trigger: String,
        /// Why.
        reason: String,
        /// How long it waits before it tries again: the longer the more often it failed.
        #[serde(rename = "after_ms", with = "millis")]
        #[schemars(with = "u64")]
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

impl MessageReport {
    /// The app that it is about.
    pub fn app(&self) -> &AppId {
        match self {
            Self::Failed { attempt, .. } | Self::GivenUp { attempt, .. } | Self::Unsettled { attempt, .. } => {
                &attempt.app
            }
            Self::Lost { app, .. } | Self::Restored { app, .. } | Self::Troubled { app, .. } => app,
        }
    }
}

/// What happened, without whom it happened to.
impl fmt::Display for MessageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { attempt, reason, after } => {
                write!(f, "{attempt} failed and is tried again in {after:?}: {reason}")
            }
            Self::GivenUp { attempt, reason, dead_letter: Some(to), .. } => {
                write!(f, "{attempt} failed for the last time and is moved to {to}: {reason}")
            }
            Self::GivenUp { attempt, reason, dead_letter: None, .. } => {
                write!(f, "{attempt} failed for the last time and is dropped: {reason}")
            }
            Self::Unsettled { attempt, reason } => write!(f, "{attempt} will come again: {reason}"),
            Self::Lost { trigger, reason, .. } => write!(f, "messages of {trigger} cannot be had now: {reason}"),
            Self::Restored { trigger, .. } => write!(f, "messages of {trigger} can be had again"),
            Self::Troubled { trigger, reason, .. } => write!(f, "messages of {trigger}: {reason}"),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { component, subject, number, .. } = self;
        write!(f, "message {subject} for {component} (attempt {number})")
    }
}

/// One try to handle a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
