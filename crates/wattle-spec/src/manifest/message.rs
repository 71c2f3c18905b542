//! Message triggers as written: `[[triggers.message]]`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::backoff::Backoff;
use crate::document::Written;
use crate::fault::Fault;
use crate::message::{Audience, CONCURRENCY_DEFAULT, CONCURRENCY_MAX, MessageTrigger, RetryPolicy};
use crate::name::{ComponentName, GroupName};
use crate::subject::{REPLY_PREFIX, Subject, SubjectPattern};
use crate::units::Span;

/// A message trigger as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct MessageEntry {
    /// What is heard of: a subject, in which `*` stands for one token, and `>` at the end for one or more.
    pub subject: Written<SubjectPattern>,
    /// The component that handles the messages. They come from where it, or the app, or the host, links messaging to.
    pub component: Written<ComponentName>,
    /// One of all triggers with this name and the same subject gets each message. Absent: one instance of the component,
    /// wherever it runs.
    pub group: Option<Written<GroupName>>,
    /// Whether every host that runs the app gets each message, in place of one of a group.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub broadcast: bool,
    /// How many messages are handled at a time on one host.
    #[schemars(range(min = 1, max = CONCURRENCY_MAX), extend("default" = CONCURRENCY_DEFAULT))]
    pub concurrency: Option<NonZeroU32>,
    /// When a message is tried again whose handler failed: an error, a trap, its deadline, or no room for an instance.
    #[serde(default)]
    pub retry: RetryEntry,
    /// The subject to which a message goes that failed for the last time. While no group hears of it, the message is tried again
    /// after the longest wait. Absent: it is dropped, and the log says so.
    pub dead_letter: Option<Written<Subject>>,
}

/// When a message is tried again, as written: `retry = { attempts = 5, backoff = "1s" }`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct RetryEntry {
    /// How often it is tried in all.
    #[schemars(range(min = 1, max = 4_294_967_295_u32), extend("default" = 5))]
    pub attempts: Option<NonZeroU32>,
    /// How long to wait after the first failure, with up to a quarter more by chance; twice as long after each further one.
    #[schemars(extend("default" = "1s"))]
    pub backoff: Option<Span>,
    /// The longest wait.
    #[schemars(extend("default" = "1m"))]
    pub max_backoff: Option<Span>,
}

impl MessageEntry {
    /// The trigger that is meant.
    pub fn resolved(&self) -> MessageTrigger {
        MessageTrigger {
            subject: self.subject.value.clone(),
            component: self.component.value.clone(),
            audience: match &self.group {
                _ if self.broadcast => Audience::Everyone,
                Some(group) => Audience::Group(group.value.clone()),
                None => Audience::Own,
            },
            concurrency: self.concurrency.unwrap_or(CONCURRENCY_DEFAULT),
            retry: self.retry.resolved(),
            dead_letter: self.dead_letter.as_ref().map(|subject| subject.value.clone()),
        }
    }
}

impl RetryEntry {
    fn resolved(&self) -> RetryPolicy {
        let default = RetryPolicy::default();
        let span = |written: Option<Span>, default| written.map_or(default, |Span(span)| span);
        RetryPolicy {
            attempts: self.attempts.unwrap_or(default.attempts),
            backoff: Backoff {
                first: span(self.backoff, default.backoff.first),
                longest: span(self.max_backoff, default.backoff.longest),
            },
        }
    }
}

/// What is wrong with single triggers, and those that are there twice.
pub(super) fn faults(messages: &[MessageEntry]) -> Vec<Fault> {
    let alone = messages.iter().flat_map(|entry| [two_audiences(entry), circle(entry), of_replies(entry)]);
    alone.flatten().chain(duplicates(messages)).collect()
}

fn two_audiences(entry: &MessageEntry) -> Option<Fault> {
    let group = entry.group.as_ref().filter(|_| entry.broadcast)?;
    let fault = Fault::new("a message goes to everyone or to one of a group").at(group.span.clone());
    Some(fault.hint("remove `group` or `broadcast`"))
}

/// What failed for the last time would come again.
fn circle(entry: &MessageEntry) -> Option<Fault> {
    let subject = entry.dead_letter.as_ref().filter(|subject| entry.subject.value.matches(&subject.value))?;
    let message = format!("the trigger hears of its own dead letters: `{}` is among `{}`", subject, entry.subject);
    Some(Fault::new(message).at(subject.span.clone()).hint("write a subject that `subject` does not match"))
}

fn of_replies(entry: &MessageEntry) -> Option<Fault> {
    entry.subject.value.as_str().starts_with(REPLY_PREFIX).then(|| {
        let message = format!("nobody hears of `{}` but who asked: it is for answers to requests", entry.subject);
        Fault::new(message).at(entry.subject.span.clone()).hint("give what is published a subject of its own")
    })
}

/// Triggers that are there twice: each message would go to one of them, and nobody could tell to which.
fn duplicates(messages: &[MessageEntry]) -> Vec<Fault> {
    let mut first = BTreeMap::new();
    let mut faults = Vec::new();
    for entry in messages {
        match first.get(&(&entry.component, &entry.subject)) {
            None => drop(first.insert((&entry.component, &entry.subject), entry)),
            Some(earlier) => faults.push(
                Fault::new(format!("`{}` hears of `{}` twice", entry.component, entry.subject))
                    .at(entry.subject.span.clone())
                    .also(earlier.subject.span.clone(), "the first is here")
                    .hint("remove one of the two"),
            ),
        }
    }
    faults
}
