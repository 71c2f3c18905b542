//! Moving manifests and blobs to and from registries, over the protocol of the OCI distribution specification 1.1. What
//! is in them is nobody's business here.
//!
//! ```text
//! manifests, blobs, tags, referrers (pulls: mirrors first, then the registry)
//!   └> exchange: one question until it is answered (token or password when asked, redirects, trying again)
//!        └> transport: one request (TLS or plain text, how long to wait, which addresses)
//! ```
//!
//! Invariants: everything that is read has a bound, everything that waits has a deadline; nothing is shown to another
//! host than the one it is for, or over plain text where that is not allowed; no error and no log holds a credential or
//! the query of an URL; manifests are what their digest says, blobs are hashed by whom they are given to. Callers are
//! within a runtime of Tokio that has sockets and a clock; whoever drops a future stops what it did.

mod auth;
mod blobs;
mod challenge;
mod content;
mod error;
mod exchange;
mod host;
mod login;
mod manifests;
mod pages;
mod referrers;
mod refused;
mod resolver;
mod retry;
mod settings;
mod sink;
mod tags;
mod token;
mod transport;
mod trust;
mod uploads;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use wattle_spec::reference::Repository;

use auth::Auth;
pub use content::{Content, Source};
pub use error::{Action, Cause, Refusal, RegistryError, SettingsError};
use host::Host;
pub use manifests::{ManifestBytes, Put, Resolved};
use retry::Chance;
pub use settings::{Retries, Settings, Timeouts};
pub use sink::Sink;
use token::Access;
use transport::Transport;
pub use trust::Untrusted;
pub use uploads::{Mounted, Session};
pub use wire::Failure;

/// A client of registries. Connections, and what was shown to them, are kept while it lives.
pub struct Registries {
    transport: Transport,
    auth: Auth,
    mirrors: BTreeMap<String, Vec<String>>,
    retries: Retries,
    chance: Chance,
    pause: Duration,
}

impl Registries {
    /// A client that does as `settings` say. Reads the certificates that these name: to be called where a thread may
    /// wait. Whom the system trusts is read when TLS is first spoken.
    ///
    /// # Errors
    ///
    /// If they cannot be read, or if the environment names a proxy that is none.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let transport = Transport::new(&settings)?;
        let chance = Chance::new(settings.retries.seed);
        let auth = Auth::new(settings.credentials);
        let Settings { mirrors, retries, pause, .. } = settings;
        Ok(Self { transport, auth, mirrors, retries, chance, pause })
    }

    /// Who is asked for what is in `repository`, the registry itself last.
    fn hosts(&self, repository: &Repository) -> Vec<Host> {
        let registry = &repository.registry;
        let mirrors = self.mirrors.get(registry).into_iter().flatten();
        mirrors.map(|mirror| Host::mirror(mirror, registry)).chain([Host::registry(registry)]).collect()
    }
}

impl Access {
    fn new(host: &Host, repository: &Repository, action: Action) -> Self {
        Self { repository: repository.clone(), path: host.path(repository), action, from: None }
    }
}

impl fmt::Debug for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registries").field("mirrors", &self.mirrors).finish_non_exhaustive()
    }
}
