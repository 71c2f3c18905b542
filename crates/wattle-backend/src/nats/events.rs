//! What the client tells beside its answers: that the connection came or went, and what a server refused.

use std::sync::{Arc, MutexGuard, OnceLock, PoisonError};

use async_nats::{Client, ClientError, Event, ServerError};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, broadcast, watch};

use super::round_trips::{Echo, RoundTrips};
use super::servers::{Servers, Trouble};
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
    pub(super) servers: Arc<Servers>,
    /// Where it lives.
    pub(super) runtime: Handle,
    pub(super) state: watch::Sender<NatsState>,
    /// That it is not there although somebody uses it.
    trouble: std::sync::Mutex<Option<Trouble>>,
    pub(super) client: OnceLock<Client>,
    pub(super) refusals: broadcast::Sender<Refusal>,
    /// Whether answers cannot come, as the server refuses the subscription to them.
    pub(super) answers_refused: watch::Sender<Option<String>>,
    /// What confirms that the server has seen what was sent.
    pub(super) round_trips: Arc<RoundTrips>,
    /// What round trips are made with; `None`: before the first.
    pub(super) echo: Mutex<Option<Echo>>,
}

impl Signals {
    /// Those of a connection to `servers` that lives on `runtime`.
    pub(super) fn new(servers: Arc<Servers>, runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            servers,
            state: watch::Sender::new(NatsState::Unused),
            trouble: std::sync::Mutex::default(),
            client: OnceLock::new(),
            refusals: broadcast::Sender::new(REFUSALS),
            answers_refused: watch::Sender::new(None),
            round_trips: RoundTrips::new(runtime.clone()),
            runtime,
            echo: Mutex::default(),
        })
    }

    /// The error of something that the server refuses.
    pub(super) fn denied(&self, refusal: &Refusal) -> BackendError {
        let what = match refusal {
            Refusal::Publish(subject) => format!("to publish to {subject:?}"),
            Refusal::Subscribe(subject) => format!("to subscribe to {subject:?}"),
        };
        BackendError::Denied { backend: self.servers.name.clone(), what, source: None }
    }

    /// Takes what the client tells.
    pub(super) fn take(&self, event: Event) {
        match event {
            Event::Connected => self.connected(),
            Event::Disconnected | Event::Closed => self.disconnected(),
            Event::SlowConsumer(_) => self.servers.slow(),
            Event::ServerError(ServerError::Other(text)) => self.server_error(&text),
            Event::ServerError(error) => self.failed(&error.to_string()),
            Event::ClientError(ClientError::Other(reason)) => self.failed(&reason),
            Event::ClientError(error) => self.failed(&error.to_string()),
            Event::LameDuckMode | Event::Draining => {}
        }
    }

    fn connected(&self) {
        self.servers.reached();
        self.answers_refused.send_replace(None);
        self.state.send_replace(NatsState::Up);
        if let Some(trouble) = self.trouble().take() {
            trouble.over();
        }
    }

    fn disconnected(&self) {
        let before = self.state.borrow().clone();
        if matches!(before, NatsState::Up) {
            self.trouble().get_or_insert_with(|| self.servers.lost());
        }
        self.state.send_replace(before.lost());
    }

    /// The first attempt to open it failed, or one after that.
    pub(super) fn unreached(&self, error: BackendError) {
        self.trouble().get_or_insert_with(|| self.servers.unreached(&error));
        self.servers.failed(&error);
        self.state.send_modify(|state| *state = state.failed(error));
    }

    /// It is open.
    pub(super) fn opened(&self, client: Client) {
        let _ = self.client.set(client);
        self.connected();
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        // Whole at every point where a panic could come.
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn server_error(&self, text: &str) {
        let Some(refusal) = refusal(text) else {
            tracing::warn!(backend = self.servers.name, error = text, "NATS told an error");
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
            tracing::warn!(backend = self.servers.name, error = reason, "NATS told an error");
            return;
        }
        let source = Arc::new(Reason(reason.to_owned()));
        let backend = self.servers.name.clone();
        let error = match reason.contains("authorization") {
            true => BackendError::Denied { backend, what: "the login".into(), source: Some(source) },
            false => BackendError::Unavailable { backend, source },
        };
        self.servers.failed(&error);
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
