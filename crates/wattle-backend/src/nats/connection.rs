//! A connection to NATS: opened at its first use, shared by all who use it, re-opened when it is lost.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll};
use std::time::Duration;

use async_nats::ServerAddr;
use async_nats::connection::State as ClientState;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::durability::NatsDurability;
use super::events::Signals;
use super::opening;
use super::options::{NatsOptions, NatsOptionsError};
use super::session::Session;
use super::state::NatsState;
use crate::error::BackendError;

/// How often somebody who waits for the connection looks at it, beside being told.
const GLANCE: Duration = Duration::from_millis(100);

/// A connection to NATS, for everything that is kept there or sent through it.
pub struct NatsConnection {
    options: NatsOptions,
    addresses: Vec<ServerAddr>,
    runtime: Handle,
    opening: Once,
    signals: Arc<Signals>,
}

impl NatsConnection {
    /// A connection that will be opened when it is first used. Whatever waits for it does so on `runtime`, which must
    /// have a clock and a thread of its own.
    ///
    /// # Errors
    ///
    /// If the servers have no addresses.
    pub fn new(options: NatsOptions, runtime: Handle) -> Result<Arc<Self>, NatsOptionsError> {
        let addresses = options.addresses()?;
        let names: Vec<String> = addresses
            .iter()
            .map(|server| format!("{}://{}:{}", server.scheme(), server.host(), server.port()))
            .collect();
        let signals = Signals::new(names.join(", "));
        Ok(Arc::new(Self { options, addresses, runtime, opening: Once::new(), signals }))
    }

    /// The servers that were named, without credentials.
    pub fn name(&self) -> &str {
        &self.signals.name
    }

    /// How the connection is, now and whenever that changes.
    pub fn state(&self) -> watch::Receiver<NatsState> {
        self.signals.state.subscribe()
    }

    /// When a write is synced, as far as it was found out; `None` until the connection was open.
    pub fn durability(&self) -> watch::Receiver<Option<NatsDurability>> {
        self.signals.durability.subscribe()
    }

    /// How many messages were dropped, because they came faster than a subscriber took them.
    pub fn dropped_messages(&self) -> u64 {
        self.signals.dropped()
    }

    /// Does `work` on the runtime of the connection when that is up, all within the deadline. `what` is what takes too
    /// long then. Dropping the future ends the work where it is.
    pub(super) fn call<T, F>(
        self: &Arc<Self>,
        what: &'static str,
        work: impl FnOnce(Session) -> F + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BackendError>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, BackendError>> + Send + 'static,
    {
        let connection = self.clone();
        self.run(async move { connection.within(what, work).await })
    }

    /// Does `work` on the runtime of the connection, however long it takes: each of its steps has the deadline.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, BackendError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BackendError>> {
        Call(self.runtime.spawn(work)).boxed()
    }

    /// Does `work` when the connection is up, all within the deadline. For what is on the runtime already.
    pub(super) async fn within<T, F>(
        self: &Arc<Self>,
        what: &'static str,
        work: impl FnOnce(Session) -> F,
    ) -> Result<T, BackendError>
    where
        F: Future<Output = Result<T, BackendError>>,
    {
        let until = Instant::now() + self.options.deadline;
        let session = self.session(until).await?;
        let patience = self.options.deadline;
        let late = |_| BackendError::TimedOut { what: format!("{what} on {}", self.name()), patience };
        timeout_at(until, work(session)).await.map_err(late)?
    }

    /// The runtime of the connection, for what has to be done when nobody waits any more.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// How long a call takes at most.
    pub(super) fn deadline(&self) -> Duration {
        self.options.deadline
    }

    /// The connection when it is up.
    ///
    /// What has been down for longer than a call may take is not waited for, and neither is what refuses us.
    pub(super) async fn session(self: &Arc<Self>, until: Instant) -> Result<Session, BackendError> {
        self.opening.call_once(|| {
            self.signals.state.send_modify(|state| *state = state.lost());
            let opening = opening::open(self.options.clone(), self.addresses.clone(), self.signals.clone());
            self.runtime.spawn(opening);
        });
        let mut state = self.signals.state.subscribe();
        loop {
            let client = self.signals.client.get();
            if let Some(client) = client.filter(|client| client.connection_state() == ClientState::Connected) {
                return Ok(Session::new(client.clone(), self.signals.clone()));
            }
            let seen = state.borrow_and_update().clone();
            if let NatsState::Down { since, error: Some(error) } = &seen {
                let is_final = matches!(error, BackendError::Denied { .. });
                if is_final || since.elapsed() >= self.options.deadline || Instant::now() >= until {
                    return Err(error.clone());
                }
            }
            if Instant::now() >= until {
                return Err(self.opening_took_too_long());
            }
            let _ = timeout_at(until.min(Instant::now() + GLANCE), state.changed()).await;
        }
    }

    fn opening_took_too_long(&self) -> BackendError {
        let what = format!("opening the connection to {}", self.name());
        BackendError::TimedOut { what, patience: self.options.deadline }
    }
}

/// Work on another runtime that ends when nobody waits for it any more.
struct Call<T>(JoinHandle<Result<T, BackendError>>);

impl<T> Future for Call<T> {
    type Output = Result<T, BackendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // What ended without a result ended with its runtime.
        self.0.poll_unpin(cx).map(|ended| ended.unwrap_or(Err(BackendError::Closed)))
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
