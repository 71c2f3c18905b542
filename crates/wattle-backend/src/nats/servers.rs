//! The servers of one backend, and what is told of them: each thing once, however many connections notice it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use async_nats::{Client, ServerAddr};
use tokio::sync::watch;

use super::durability::{self, NatsDurability};
use super::options::{NatsOptions, NatsOptionsError};

/// The servers of one backend.
pub(super) struct Servers {
    pub(super) options: NatsOptions,
    pub(super) addresses: Vec<ServerAddr>,
    /// What they are called, without credentials.
    pub(super) name: String,
    pub(super) durability: watch::Sender<Option<NatsDurability>>,
    is_durability_asked: AtomicBool,
    /// How many connections have a [`Trouble`].
    troubles: AtomicUsize,
    /// Messages that came faster than they were taken, and were dropped.
    dropped: AtomicU64,
}

/// A connection is not there that should be, until this is dropped.
pub(super) struct Trouble(Arc<Servers>);

impl Servers {
    /// Those of `options`.
    pub(super) fn new(options: NatsOptions) -> Result<Arc<Self>, NatsOptionsError> {
        let addresses = options.addresses()?;
        let names: Vec<String> = addresses
            .iter()
            .map(|server| format!("{}://{}:{}", server.scheme(), server.host(), server.port()))
            .collect();
        Ok(Arc::new(Self {
            options,
            addresses,
            name: names.join(", "),
            durability: watch::Sender::new(None),
            is_durability_asked: AtomicBool::new(false),
            troubles: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
        }))
    }

    /// A connection was lost.
    pub(super) fn lost(self: &Arc<Self>) -> Trouble {
        self.trouble(|| tracing::warn!(backend = self.name, "the connection to NATS is lost, it is opened again"))
    }

    /// A connection cannot be opened.
    pub(super) fn unreached(self: &Arc<Self>, error: &str) -> Trouble {
        self.trouble(|| tracing::warn!(backend = self.name, error, "NATS cannot be reached, it is tried again"))
    }

    fn trouble(self: &Arc<Self>, tell: impl FnOnce()) -> Trouble {
        if self.troubles.fetch_add(1, Ordering::SeqCst) == 0 {
            tell();
        }
        Trouble(self.clone())
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

    /// How many messages were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Trouble {
    /// The connection is there again.
    pub(super) fn over(self) {
        if self.0.troubles.load(Ordering::SeqCst) == 1 {
            tracing::info!(backend = self.0.name, "NATS is reached again");
        }
    }
}

impl Drop for Trouble {
    fn drop(&mut self) {
        self.0.troubles.fetch_sub(1, Ordering::SeqCst);
    }
}
