//! The servers of one backend, and what is told of them: each thing once, however many connections notice it.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{Client, ServerAddr};
use tokio::sync::watch;

use super::durability::{self, NatsDurability};
use super::options::{NatsOptions, NatsOptionsError};
use crate::error::BackendError;

/// The servers of one backend.
pub(super) struct Servers {
    pub(super) options: NatsOptions,
    pub(super) addresses: Vec<ServerAddr>,
    /// What they are called, without credentials.
    pub(super) name: String,
    pub(super) durability: watch::Sender<Option<NatsDurability>>,
    is_durability_asked: AtomicBool,
    /// Since when nobody reaches them, and why.
    down: Mutex<Option<(Instant, BackendError)>>,
    /// How many connections have a [`Trouble`].
    troubles: AtomicUsize,
    /// Messages that came faster than they were taken, and were dropped.
    dropped: AtomicU64,
}

/// A connection is not there that should be, until this is dropped.
pub(super) struct Trouble {
    servers: Arc<Servers>,
    is_over: bool,
}

impl Servers {
    /// Those of `options`.
    pub(super) fn new(options: NatsOptions) -> Result<Arc<Self>, NatsOptionsError> {
        let mut addresses = options.addresses()?;
        let names: Vec<String> = addresses
            .iter()
            .map(|server| format!("{}://{}:{}", server.scheme(), server.host(), server.port()))
            .collect();
        // Hosts share the servers of a cluster; the connections of one go to the same one, which knows all that they sent.
        let first = RandomState::new().hash_one(()) as usize % addresses.len();
        addresses.rotate_left(first);
        Ok(Arc::new(Self {
            options,
            addresses,
            name: names.join(", "),
            durability: watch::Sender::new(None),
            is_durability_asked: AtomicBool::new(false),
            down: Mutex::default(),
            troubles: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
        }))
    }

    /// A connection was lost.
    pub(super) fn lost(self: &Arc<Self>) -> Trouble {
        self.trouble(|| tracing::warn!(backend = self.name, "the connection to NATS is lost, it is opened again"))
    }

    /// A connection cannot be opened.
    pub(super) fn unreached(self: &Arc<Self>, error: &BackendError) -> Trouble {
        let what = match error {
            BackendError::Denied { .. } => "NATS refuses the host",
            BackendError::Io { .. } | BackendError::Unusable { .. } => {
                "a file that NATS is reached with is missing or wrong"
            }
            _ => "NATS cannot be reached",
        };
        let (hint, error) = (error.hint(), error as &dyn std::error::Error);
        self.trouble(|| tracing::warn!(backend = self.name, error, hint, "{what}, it is tried again"))
    }

    fn trouble(self: &Arc<Self>, tell: impl FnOnce()) -> Trouble {
        if self.troubles.fetch_add(1, Ordering::SeqCst) == 0 {
            tell();
        }
        Trouble { servers: self.clone(), is_over: false }
    }

    /// An attempt to reach them failed.
    pub(super) fn failed(&self, error: &BackendError) {
        let mut down = self.down();
        let since = down.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        *down = Some((since, error.clone()));
    }

    /// Somebody reaches them.
    pub(super) fn reached(&self) {
        *self.down() = None;
    }

    /// Why nobody reaches them, if that has been so for `span`.
    pub(super) fn down_for(&self, span: Duration) -> Option<BackendError> {
        self.down().as_ref().filter(|(since, _)| since.elapsed() >= span).map(|(_, error)| error.clone())
    }

    fn down(&self) -> MutexGuard<'_, Option<(Instant, BackendError)>> {
        // Whole at every point where a panic could come.
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection is open: the first one finds out when its server syncs.
    pub(super) async fn reached_by(&self, client: &Client) {
        if !self.is_durability_asked.swap(true, Ordering::SeqCst) {
            self.durability.send_replace(durability::observed(client, &self.name).await);
        }
    }

    /// A message was dropped.
    pub(super) fn slow(&self) {
        let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        // The first, and then ever more rarely.
        if dropped.is_power_of_two() {
            tracing::warn!(backend = self.name, dropped, "messages come faster than they are taken, and are dropped");
        }
    }
}

impl Trouble {
    /// The connection is there again.
    pub(super) fn over(mut self) {
        self.is_over = true;
    }
}

impl Drop for Trouble {
    fn drop(&mut self) {
        let before = self.servers.troubles.fetch_sub(1, Ordering::SeqCst);
        if self.is_over && before == 1 {
            tracing::info!(backend = self.servers.name, "NATS is reached again");
        }
    }
}
