//! What the client tells beside its answers: that the connection came or went, and what a server refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_nats::{Client, ClientError, Event, ServerError};
use tokio::sync::{broadcast, watch};

use super::durability::NatsDurability;
use super::round_trips::RoundTrips;
use super::state::NatsState;
use crate::error::BackendError;

/// How many refusals may wait for those who look for their own: as many as sends may wait to be confirmed, and more.
const REFUSALS: usize = 128;

/// Something that the user of the connection may not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// To publish to this subject.
    Publish(String),
    /// To subscribe to this subject.
    Subscribe(String),
}

/// What is known of a connection, for those who use it.
pub(super) struct Signals {
    /// The servers, without credentials.
    pub(super) name: String,
    pub(super) state: watch::Sender<NatsState>,
    pub(super) client: OnceLock<Client>,
    pub(super) refusals: broadcast::Sender<Refusal>,
    /// Whether answers cannot come, as the server refuses the subscription to them.
    pub(super) answers_refused: watch::Sender<Option<String>>,
    pub(super) durability: watch::Sender<Option<NatsDurability>>,
    /// What confirms that the server has seen what was sent.
    pub(super) round_trips: RoundTrips,
    /// Messages that came faster than they were taken, and were dropped.
    dropped: AtomicU64,
}

impl Signals {
    pub(super) fn new(name: String) -> Arc<Self> {
        Arc::new(Self {
            name,
            state: watch::Sender::new(NatsState::Unused),
            client: OnceLock::new(),
            refusals: broadcast::Sender::new(REFUSALS),
            answers_refused: watch::Sender::new(None),
            durability: watch::Sender::new(None),
            round_trips: RoundTrips::default(),
            dropped: AtomicU64::new(0),
        })
    }

    /// How many messages were dropped so far, because they came faster than they were taken.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The error of something that the server refuses.
    pub(super) fn denied(&self, refusal: &Refusal) -> BackendError {
        let what = match refusal {
            Refusal::Publish(subject) => format!("to publish to {subject:?}"),
            Refusal::Subscribe(subject) => format!("to subscribe to {subject:?}"),
        };
        BackendError::Denied { backend: self.name.clone(), what, source: None }
    }

    /// Takes what the client tells.
    pub(super) fn take(&self, event: Event) {
        match event {
            Event::Connected => self.connected(),
            Event::Disconnected | Event::Closed => self.disconnected(),
            Event::SlowConsumer(_) => self.slow(),
            Event::ServerError(ServerError::Other(text)) => self.server_error(&text),
            Event::ServerError(error) => self.failed(&error.to_string()),
            Event::ClientError(ClientError::Other(reason)) => self.failed(&reason),
            Event::ClientError(error) => self.failed(&error.to_string()),
            Event::LameDuckMode | Event::Draining => {}
        }
    }

    fn connected(&self) {
        self.answers_refused.send_replace(None);
        let before = self.state.send_replace(NatsState::Up);
        if self.client.get().is_some() && matches!(before, NatsState::Down { .. }) {
            tracing::info!(backend = self.name, "NATS is reached again");
        }
    }

    fn disconnected(&self) {
        let before = self.state.borrow().clone();
        if matches!(before, NatsState::Up) {
            tracing::warn!(backend = self.name, "the connection to NATS is lost, it is opened again");
        }
        self.state.send_replace(before.lost());
    }

    fn slow(&self) {
        let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        // The first, and then ever more rarely.
        if dropped.is_power_of_two() {
            tracing::warn!(backend = self.name, dropped, "messages come faster than they are taken, and are dropped");
        }
    }

    fn server_error(&self, text: &str) {
        let Some(refusal) = refusal(text) else {
            tracing::warn!(backend = self.name, error = text, "NATS told an error");
            return;
        };
        if let Refusal::Subscribe(subject) = &refusal
            && subject.starts_with("_INBOX.")
        {
            self.answers_refused.send_replace(Some(subject.clone()));
        }
        // Nobody may be waiting any more.
        let _ = self.refusals.send(refusal);
    }

    /// An attempt to connect again failed.
    fn failed(&self, reason: &str) {
        let before = self.state.borrow().clone();
        if matches!(before, NatsState::Up) {
            tracing::warn!(backend = self.name, error = reason, "NATS told an error");
            return;
        }
        let source = Arc::new(Reason(reason.to_owned()));
        let backend = self.name.clone();
        let error = match reason.contains("authorization") {
            true => BackendError::Denied { backend, what: "the login".into(), source: Some(source) },
            false => BackendError::Unavailable { backend, source },
        };
        self.state.send_replace(before.failed(error));
    }
}

/// What a server or the client said, as the source of an error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Reason(pub(super) String);

/// What a text like `Permissions Violation for Publish to "a.b"` is about.
fn refusal(text: &str) -> Option<Refusal> {
    let (operation, rest) = text.strip_prefix("Permissions Violation for ")?.split_once(" to \"")?;
    // The subject itself may hold quotes; what can follow it is only the name of a queue group.
    let subject = rest.split_once("\" using queue \"").map_or(rest.strip_suffix('"')?, |(subject, _)| subject);
    match operation {
        "Publish" => Some(Refusal::Publish(subject.to_owned())),
        "Subscription" => Some(Refusal::Subscribe(subject.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read() {
        let check = |text: &str, expected| assert_eq!(refusal(text), expected, "{text}");
        check("Permissions Violation for Publish to \"a.b\"", Some(Refusal::Publish("a.b".into())));
        check("Permissions Violation for Publish to \"a.\"b\"", Some(Refusal::Publish("a.\"b".into())));
        check("Permissions Violation for Subscription to \"a.>\"", Some(Refusal::Subscribe("a.>".into())));
        let queue = "Permissions Violation for Subscription to \"a\" using queue \"q\"";
        check(queue, Some(Refusal::Subscribe("a".into())));
        check("Stale Connection", None);
        check("Permissions Violation for Publish to \"a", None);
    }
}
