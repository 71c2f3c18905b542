//! Message triggers: what a component hears of, and what becomes of a message that it does not handle.

mod report;

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

pub use self::report::{Attempt, MessageReport};
use crate::backoff::Backoff;
use crate::name::{AppId, ComponentName, GroupName};
use crate::subject::{Subject, SubjectPattern};

/// How many messages of one trigger are handled at a time if nothing else was said.
pub const CONCURRENCY_DEFAULT: NonZeroU32 = NonZeroU32::new(16).unwrap();
/// The most that can be said.
pub const CONCURRENCY_MAX: u32 = 1_024;

/// Messages that call a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTrigger {
    /// What it hears of.
    pub subject: SubjectPattern,
    /// What is called.
    pub component: ComponentName,
    /// Who else hears of it.
    pub audience: Audience,
    /// How many are handled at a time on one host.
    pub concurrency: NonZeroU32,
    /// When a message is tried again that was not handled.
    pub retry: RetryPolicy,
    /// Where a message goes that was tried for the last time. `None`: it is dropped.
    pub dead_letter: Option<Subject>,
}

/// Who gets a message of those who want to hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// One instance of this component, wherever it runs.
    Own,
    /// One of all triggers with this name and the same subject.
    Group(GroupName),
    /// Every host that runs the app.
    Everyone,
}

/// When a message is tried again that was not handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often it is tried in all.
    pub attempts: NonZeroU32,
    /// How long to wait in between.
    pub backoff: Backoff,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::new(5).expect("invariant: five is not zero"),
            backoff: Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) },
        }
    }
}

impl RetryPolicy {
    /// How long to wait after this attempt has failed. `chance`, from 0 to 1, is how much of the jitter to add. `None`: it
    /// was the last one.
    pub fn after(&self, attempt: NonZeroU32, chance: f64) -> Option<Duration> {
        (attempt < self.attempts).then(|| self.backoff.delay(attempt.get() - 1, chance))
    }
}

impl MessageTrigger {
    /// The name of the group that shares its messages in the app `app`. A name that somebody chose has no slashes.
    /// `None`: everyone gets them.
    pub fn group(&self, app: &AppId) -> Option<String> {
        match &self.audience {
            Audience::Own => Some(format!("{app}/{}", self.component)),
            Audience::Group(name) => Some(name.to_string()),
            Audience::Everyone => None,
        }
    }
}

impl fmt::Display for MessageTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.component, self.subject)
    }
}
