//! The connections to NATS: one for each runtime that uses them, opened at its first use.
//!
//! A runtime of one thread has a connection of its own, so that what it sends and hears stays on that thread and goes
//! out together; all others share one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::{Handle, Id, RuntimeFlavor};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::durability::NatsDurability;
use super::line::Line;
use super::options::{NatsOptions, NatsOptionsError};
use super::servers::Servers;
use super::session::Session;
use super::state::NatsState;
use crate::error::BackendError;

/// The connections to NATS, for everything that is kept there or sent through it.
pub struct NatsConnection {
    servers: Arc<Servers>,
    runtime: Handle,
    shared: Arc<Line>,
    own: Arc<Mutex<Lines>>,
    /// Closed when this is dropped.
    end: watch::Sender<()>,
}

/// The connections of runtimes of one thread.
type Lines = HashMap<Id, Arc<Line>>;

impl NatsConnection {
    /// Connections that will be opened when they are first used. That of `runtime` and of all runtimes of many threads is
    /// kept on `runtime`, and so is whatever has to be done when nobody waits any more: it must have a clock and a thread of its own.
    ///
    /// # Errors
    ///
    /// If the servers have no addresses.
    pub fn new(options: NatsOptions, runtime: Handle) -> Result<Arc<Self>, NatsOptionsError> {
        let servers = Servers::new(options)?;
        let shared = Line::new(servers.clone(), runtime.clone());
        Ok(Arc::new(Self { servers, runtime, shared, own: Arc::default(), end: watch::Sender::default() }))
    }

    /// The servers that were named, without credentials.
    pub fn name(&self) -> &str {
        &self.servers.name
    }

    /// How the connection of this runtime is, now and whenever that changes.
    pub fn state(&self) -> watch::Receiver<NatsState> {
        self.line().signals.state.subscribe()
    }

    /// When a write is synced, as far as it was found out; `None` until a connection was open.
    pub fn durability(&self) -> watch::Receiver<Option<NatsDurability>> {
        self.servers.durability.subscribe()
    }

    /// Does `work` when the connection is up, all within the deadline, where the future is polled: within a runtime of
    /// Tokio that has a clock. `what` is what takes too long then. Dropping the future ends the work where it is.
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
        async move { connection.within(what, work).await }.boxed()
    }

    /// The same, of work that borrows.
    pub(super) async fn within<T, F>(
        &self,
        what: &'static str,
        work: impl FnOnce(Session) -> F,
    ) -> Result<T, BackendError>
    where
        F: Future<Output = Result<T, BackendError>>,
    {
        let patience = self.deadline();
        let until = Instant::now() + patience;
        let session = self.session(until).await?;
        let late = |_| BackendError::TimedOut { what: format!("{what} on {}", self.name()), patience };
        timeout_at(until, work(session)).await.map_err(late)?
    }

    /// The connection of this runtime when it is up.
    pub(super) async fn session(&self, until: Instant) -> Result<Session, BackendError> {
        self.line().session(until).await
    }

    /// Where to do what has to be done when nobody waits any more.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// How long a call takes at most.
    pub(super) fn deadline(&self) -> Duration {
        self.servers.options.deadline
    }

    fn line(&self) -> Arc<Line> {
        match Handle::try_current() {
            Ok(here) if here.runtime_flavor() == RuntimeFlavor::CurrentThread && here.id() != self.runtime.id() => {
                self.own_line(here)
            }
            _ => self.shared.clone(),
        }
    }

    fn own_line(&self, here: Handle) -> Arc<Line> {
        let line = {
            let mut lines = whole(&self.own);
            if let Some(line) = lines.get(&here.id()) {
                return line.clone();
            }
            let line = Line::new(self.servers.clone(), here.clone());
            lines.insert(here.id(), line.clone());
            line
        };
        // A runtime that has ended drops it at once.
        here.spawn(self.forget_at_end_of(here.id()));
        line
    }

    /// To be spawned on the runtime `id`: forgets its connection when the runtime ends.
    fn forget_at_end_of(&self, id: Id) -> impl Future<Output = ()> + use<> {
        let (ending, mut end) = (Ending { id, lines: self.own.clone() }, self.end.subscribe());
        async move {
            let _ending = ending;
            // It is closed, and never changes.
            let _ = end.changed().await;
        }
    }
}

/// Forgets the connection of a runtime when it is dropped.
struct Ending {
    id: Id,
    lines: Arc<Mutex<Lines>>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        // Dropped when the lock is given back.
        let _line = whole(&self.lines).remove(&self.id);
    }
}

fn whole(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    // Whole at every point where a panic could come.
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}
