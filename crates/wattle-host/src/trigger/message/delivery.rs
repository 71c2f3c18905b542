//! One message, from its delivery to the moment when its backend knows what became of it.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use wattle_backend::bus::{Delivery, Message, Receipt, Settlement};
use wattle_backend::error::BackendError;
use wattle_spec::message::{Attempt, MessageReport};
use wattle_spec::subject::Subject;

use super::Subscriber;
use super::handler::{Instance, Warm};
use crate::cores::CoreId;
use crate::error::with_causes;
use crate::invocation::{Chain, Invocation, RequestId, TriggerKind};
use crate::telemetry::{Delivered, Fate, Metered};
use crate::trigger::call::Failed;

/// How often a backend is told that a message is still worked on: well before it gives it to somebody else.
const KEEP_EVERY: Duration = Duration::from_secs(10);
/// The most bytes of what a guest says that are told.
const REASON_MAX: usize = 1024;

/// The fields that tell of a dead letter where it comes from.
const SUBJECT_FIELD: &str = "wattle-dead-letter-subject";
const COMPONENT_FIELD: &str = "wattle-dead-letter-component";
const ATTEMPTS_FIELD: &str = "wattle-dead-letter-attempts";
const REASON_FIELD: &str = "wattle-dead-letter-reason";

/// Why a message was not handled.
enum Reason {
    Returned(String),
    Failed(Failed),
}

/// One try.
struct Try<'a> {
    message: &'a Message,
    number: NonZeroU32,
    run: RequestId,
}

impl Subscriber {
    /// Handles one message and settles it.
    pub(super) async fn deliver(self: Arc<Self>, core: CoreId, warm: Arc<Warm>, delivery: Delivery) {
        let Delivery { message, attempt, receipt } = delivery;
        let delivered = Delivered::begin(self.component.identity.series.as_ref(), core);
        let attempt = Try { message: &message, number: attempt, run: RequestId::next() };
        let handled = tokio::select! {
            biased;
            handled = self.handle(core, &warm, &attempt) => handled,
            never = keep_on(&*receipt) => match never {},
        };
        let (settlement, fate) = match handled {
            Ok(()) => (Settlement::Done, Fate::Acknowledged),
            Err(reason) => self.after(&attempt, reason).await,
        };
        match receipt.settle(settlement).await {
            Ok(()) => delivered.became(fate),
            Err(error) => {
                self.report(MessageReport::Unsettled { attempt: self.told(&attempt), reason: with_causes(&error) });
                delivered.became(Fate::Unsettled);
            }
        }
    }

    /// Calls the component, and tells whoever asked for traces.
    async fn handle(&self, core: CoreId, warm: &Warm, attempt: &Try<'_>) -> Result<(), Reason> {
        let deadline = Some(Instant::now() + self.component.identity.limits.deadline);
        let (trace, mut span) = self.ground.trace_message(attempt.message);
        if let Some(span) = &mut span {
            span.set("wattle.request", attempt.run.to_string());
            span.set("wattle.app", self.component.identity.app.to_string());
            span.set("wattle.component", self.trigger.component.to_string());
            span.set("wattle.subject", self.trigger.subject.to_string());
            self.link.facts.describe(span);
        }
        let mut message = Cow::Borrowed(attempt.message);
        if let Some(trace) = &trace {
            // A guest that passes on what it got makes what it publishes a part of this run.
            trace.write_message(&mut message.to_mut().headers, span.as_ref());
        }
        let (request, trigger, chain) = (attempt.run, TriggerKind::Message, Chain::default());
        let invocation = Invocation { request, trigger, deadline, trace, chain };
        let called = self.call(core, warm, &message, &invocation);
        let handled = Metered::new(self.component.identity.series.as_ref(), core, called).await;
        if let (Some(span), Err(_)) = (&mut span, &handled) {
            span.fail("not-handled");
        }
        handled
    }

    /// Calls the component in an instance that rests, or in a new one.
    async fn call(&self, core: CoreId, warm: &Warm, message: &Message, invocation: &Invocation) -> Result<(), Reason> {
        let rested = warm.take();
        let mut instance = match rested {
            Some(mut instance) => {
                instance.wake(invocation);
                instance
            }
            None => {
                let started = Instance::start(&self.handler, &self.component, core, invocation).await;
                started.map_err(Reason::Failed)?
            }
        };
        // An instance that trapped or was interrupted is not used again.
        let returned = instance.handle(message, invocation).await.map_err(Reason::Failed)?;
        if !instance.has_old_links() {
            warm.give_back(instance);
        }
        returned.map_err(Reason::Returned)
    }

    /// What is to become of a message that was not handled.
    async fn after(&self, attempt: &Try<'_>, why: Reason) -> (Settlement, Fate) {
        let reason = why.to_string();
        if let Some(after) = self.trigger.retry.after(attempt.number, attempt.run.chance()) {
            self.report(MessageReport::Failed { attempt: self.told(attempt), reason, after });
            return (Settlement::Retry(after), Fate::Retried);
        }
        let (dead_letter, reason) = match &self.trigger.dead_letter {
            None => (None, reason),
            Some(subject) => match self.bury(subject, attempt, &why).await {
                Ok(()) => (Some(subject.clone()), reason),
                // It would be too large the next time, too.
                Err(error @ BackendError::TooLarge { .. }) => (None, format!("{reason}; as a dead letter, {error}")),
                Err(error) => {
                    let reason = format!("{reason}; it cannot be moved to {subject}: {}", with_causes(&error));
                    self.report(MessageReport::Unsettled { attempt: self.told(attempt), reason });
                    return (Settlement::Retry(self.trigger.retry.backoff.longest), Fate::Retried);
                }
            },
        };
        let fate = if dead_letter.is_some() { Fate::DeadLettered } else { Fate::Dropped };
        let given_up = self.given_up.fetch_add(1, Ordering::Relaxed) + 1;
        self.report(MessageReport::GivenUp { attempt: self.told(attempt), reason, dead_letter, given_up });
        (Settlement::Done, fate)
    }

    /// Publishes a message to the dead letters, with what happened to it if the backend takes so much, and if it keeps it for
    /// somebody.
    async fn bury(&self, subject: &Subject, attempt: &Try<'_>, why: &Reason) -> Result<(), BackendError> {
        if !self.is_kept(subject).await? {
            return Err(BackendError::NoResponder { subject: subject.to_string() });
        }
        let publish = |letter: Message| self.link.bus.publish(&self.link.owner, letter);
        match publish(self.letter(subject, attempt, Some(why))).await {
            Err(BackendError::TooLarge { .. }) => publish(self.letter(subject, attempt, None)).await,
            buried => buried,
        }
    }

    /// Whether what is published about `subject` is kept for a group. Where there are none it goes to whoever listens.
    async fn is_kept(&self, subject: &Subject) -> Result<bool, BackendError> {
        let groups = self.link.bus.groups(&self.link.owner).await?;
        Ok(groups.is_empty() || groups.iter().any(|group| group.pattern.matches(subject)))
    }

    /// A message as a dead letter.
    fn letter(&self, subject: &Subject, attempt: &Try<'_>, why: Option<&Reason>) -> Message {
        let Try { message, number, .. } = attempt;
        let mut headers = message.headers.clone();
        if let Some(why) = why {
            headers.extend([
                (SUBJECT_FIELD.to_owned(), message.subject.to_string()),
                (COMPONENT_FIELD.to_owned(), self.component.identity.to_string()),
                (ATTEMPTS_FIELD.to_owned(), number.to_string()),
                (REASON_FIELD.to_owned(), why.brief()),
            ]);
        }
        Message { subject: subject.clone(), body: message.body.clone(), reply_to: None, headers }
    }

    fn told(&self, attempt: &Try<'_>) -> Attempt {
        let identity = &self.component.identity;
        Attempt {
            app: identity.app.clone(),
            component: identity.name.clone(),
            subject: attempt.message.subject.clone(),
            number: attempt.number,
            run: attempt.run.to_string(),
        }
    }
}

/// Says again and again that a message is still worked on. That this cannot be said is no reason to stop: at worst it comes
/// twice.
async fn keep_on(receipt: &dyn Receipt) -> Infallible {
    loop {
        sleep(KEEP_EVERY).await;
        if let Err(error) = receipt.keep().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a message cannot be kept");
        }
    }
}

impl Reason {
    /// For whoever gets a dead letter: without the calls that led to a trap, which only the log has.
    fn brief(&self) -> String {
        match self {
            Reason::Failed(Failed::Trapped(trap)) => shortened(&trap.to_string()),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Returned(text) => write!(f, "it returned the error: {}", shortened(text)),
            Reason::Failed(failed) => failed.fmt(f),
        }
    }
}

/// On one line and of bounded length: guests write it, and it becomes a field of a message.
fn shortened(reason: &str) -> String {
    let end = reason.floor_char_boundary(REASON_MAX);
    reason[..end].split(|c: char| c.is_control()).collect::<Vec<_>>().join(" ").trim().to_owned()
}
