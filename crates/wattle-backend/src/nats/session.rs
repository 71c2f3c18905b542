//! One use of a connection that is up: requests, and why they got no answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_nats::connection::State as ClientState;
use async_nats::{Client, HeaderMap, Message, Request, RequestErrorKind};
use bytes::Bytes;
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;

use super::events::{Reason, Refusal, Signals};
use super::round_trips::Echo;
use super::state::NatsState;
use crate::error::{BackendError, Part};

/// A connection that is, or just was, up.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) signals: Arc<Signals>,
}

impl Session {
    /// One use of the connection of `signals`, if that is up now.
    pub(super) fn begin(signals: &Arc<Signals>) -> Option<Self> {
        let is_up = signals.client.get()?.connection_state() == ClientState::Connected;
        is_up.then(|| Self { signals: signals.clone() })
    }

    pub(super) fn client(&self) -> &Client {
        self.signals.client.get().expect("invariant: it was up when this began")
    }

    /// Asks for an answer and waits for it: without an end of its own, so only within a deadline.
    ///
    /// Nobody there to answer is [`BackendError::NoResponder`]; what the server does not allow and the end of the
    /// connection are told as soon as they are known.
    pub(super) async fn request(
        &self,
        subject: &str,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Message, BackendError> {
        let mut request = Request::new().payload(payload);
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        self.ask(subject, request).await
    }

    /// The same, with an inbox of the caller's own for the answer, if `request` has one.
    pub(super) async fn ask(&self, subject: &str, request: Request) -> Result<Message, BackendError> {
        let mut refusals = self.signals.refusals.subscribe();
        let mut answers = self.signals.answers_refused.subscribe();
        let mut state = self.signals.state.subscribe();
        state.mark_unchanged();
        let inbox = request.inbox.clone();
        let is_ours = |refusal: &Refusal| match refusal {
            Refusal::Publish(refused) => refused == subject,
            Refusal::Subscribe(refused) => inbox.as_ref() == Some(refused),
        };
        tokio::select! {
            biased;
            answer = self.client().send_request(subject.to_owned(), request.timeout(None)) => {
                answer.map_err(|error| match error.kind() {
                    RequestErrorKind::NoResponders => BackendError::NoResponder { subject: subject.to_owned() },
                    _ => self.unavailable(error),
                })
            }
            refusal = refused(&mut refusals, is_ours) => Err(self.signals.denied(&refusal)),
            refused = answers.wait_for(Option::is_some) => Err(match refused.as_deref() {
                Ok(Some(inbox)) => self.signals.denied(&Refusal::Subscribe(inbox.clone())),
                _ => BackendError::Closed,
            }),
            () = lost(&mut state) => Err(self.lost()),
        }
    }

    /// Sends something and waits until the server has seen it; fails if the server refuses it with `refusal`. Many who do
    /// so at the same time share the round trips that it takes.
    pub(super) async fn confirmed<T>(
        &self,
        refusal: &Refusal,
        send: impl Future<Output = Result<T, BackendError>>,
    ) -> Result<T, BackendError> {
        let _place = self.signals.round_trips.place().await;
        let mut refusals = self.signals.refusals.subscribe();
        let connection = self.connects();
        let sent = send.await?;
        self.round_trip().await?;
        // Then what was sent may be lost, too.
        if self.is_lost_since(connection) {
            return Err(self.lost());
        }
        loop {
            match refusals.try_recv() {
                Ok(refused) if refused == *refusal => return Err(self.signals.denied(refusal)),
                Ok(_) => {}
                Err(broadcast::error::TryRecvError::Lagged(_)) => return Err(self.unavailable(unknown())),
                Err(_) => return Ok(sent),
            }
        }
    }

    /// How often the connection was made so far.
    fn connects(&self) -> u64 {
        self.client().statistics().connects.load(Ordering::SeqCst)
    }

    /// Whether the connection is not the one any more that it was after so many were made.
    fn is_lost_since(&self, connects: u64) -> bool {
        self.client().connection_state() != ClientState::Connected || self.connects() != connects
    }

    /// Waits until the server has seen everything that was sent before.
    pub(super) async fn round_trip(&self) -> Result<(), BackendError> {
        let session = self.clone();
        let trip = move || {
            let session = session.clone();
            async move { session.timely_echo().await }
        };
        self.signals.round_trips.share(trip).await
    }

    /// The same as [`echo`](Self::echo), with an end: nobody else ends what many wait for.
    async fn timely_echo(&self) -> Result<(), BackendError> {
        let patience = self.signals.servers.options.deadline;
        let what = || format!("a round trip to {}", self.signals.servers.name);
        timeout(patience, self.echo()).await.map_err(|_| BackendError::TimedOut { what: what(), patience })?
    }

    /// Sends a message to ourselves and waits for it. It comes, or that we may not send one, after the answers to what was
    /// sent before.
    async fn echo(&self) -> Result<(), BackendError> {
        let mut slot = self.signals.echo.lock().await;
        let mut refusals = self.signals.refusals.subscribe();
        let mut state = self.signals.state.subscribe();
        state.mark_unchanged();
        let echo = match &mut *slot {
            Some(echo) => echo,
            None => slot.insert(Echo::open(self.client()).await.map_err(|error| self.unavailable(error))?),
        };
        let inbox = echo.inbox.clone();
        let is_ours = |refusal: &Refusal| match refusal {
            Refusal::Publish(refused) | Refusal::Subscribe(refused) => *refused == inbox,
        };
        let number = echo.send(self.client()).await.map_err(|error| self.unavailable(error))?;
        tokio::select! {
            biased;
            heard = echo.hear(number) => heard.then_some(()).ok_or_else(|| self.lost()),
            _ = refused(&mut refusals, is_ours) => {
                *slot = None;
                Ok(())
            }
            () = lost(&mut state) => Err(self.lost()),
        }
    }

    /// Refuses `part` if, with its headers, it is more than the server takes in one message.
    pub(super) fn check_size(&self, part: Part, headers: Option<&HeaderMap>, size: usize) -> Result<(), BackendError> {
        let limit = self.client().max_payload().saturating_sub(headers.map_or(0, encoded_len));
        match size > limit {
            true => Err(BackendError::TooLarge { part, size, limit }),
            false => Ok(()),
        }
    }

    /// The error of something that the server would not do.
    pub(super) fn denied(&self, what: String) -> BackendError {
        BackendError::Denied { backend: self.signals.servers.name.clone(), what, source: None }
    }

    pub(super) fn unavailable(&self, source: impl std::error::Error + Send + Sync + 'static) -> BackendError {
        BackendError::Unavailable { backend: self.signals.servers.name.clone(), source: Arc::new(source) }
    }

    pub(super) fn lost(&self) -> BackendError {
        self.unavailable(Reason("the connection was lost before the answer came".to_owned()))
    }
}

/// Why nobody can say what became of something.
fn unknown() -> Reason {
    Reason("it refuses more at once than can be told apart".to_owned())
}

/// The bytes that headers take in a message: `NATS/1.0`, a line for each, and an empty one.
fn encoded_len(headers: &HeaderMap) -> usize {
    let lines = headers.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let lines = lines.map(|(name, value)| AsRef::<[u8]>::as_ref(name).len() + ": \r\n".len() + value.as_str().len());
    "NATS/1.0\r\n\r\n".len() + lines.sum::<usize>()
}

/// Waits for a refusal that is ours.
pub(super) async fn refused(
    refusals: &mut broadcast::Receiver<Refusal>,
    is_ours: impl Fn(&Refusal) -> bool,
) -> Refusal {
    loop {
        match refusals.recv().await {
            Ok(refusal) if is_ours(&refusal) => return refusal,
            // Of others, or too many to see them all: then the deadline ends the call.
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Waits until the connection is lost.
async fn lost(state: &mut watch::Receiver<NatsState>) {
    while state.changed().await.is_ok() {
        if matches!(*state.borrow_and_update(), NatsState::Down { .. }) {
            return;
        }
    }
}
