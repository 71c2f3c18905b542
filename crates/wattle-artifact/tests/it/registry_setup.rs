//! What the tests of registries begin with.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use wattle_artifact::credentials::{Credential, Credentials, CredentialsError, Found};
use wattle_artifact::format::manifest::Descriptor;
use wattle_artifact::registry::{Registries, Retries, Settings, Sink, Timeouts};
use wattle_spec::backoff::Backoff;
use wattle_spec::digest::Digest;
use wattle_spec::reference::{Repository, Which};

/// A client that is patient with a busy machine, and impatient with failures.
pub(crate) fn client(change: impl FnOnce(&mut Settings)) -> Registries {
    let mut settings = settings();
    change(&mut settings);
    Registries::new(settings).unwrap()
}

/// The settings of such a client.
pub(crate) fn settings() -> Settings {
    let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(5) };
    Settings {
        retries: Retries { attempts: 3, backoff, seed: 7 },
        timeouts: Timeouts { idle: Duration::from_secs(20), ..Timeouts::default() },
        pause: Duration::ZERO,
        ..Settings::default()
    }
}

pub(crate) fn repository(authority: &str, path: &str) -> Repository {
    Repository { registry: authority.into(), path: path.into() }
}

pub(crate) fn tag(name: &str) -> Which {
    Which::Tag(name.parse().unwrap())
}

pub(crate) fn at(digest: Digest) -> Which {
    Which::Digest { digest, tag: None }
}

/// Bytes that differ from place to place.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(next).collect()
}

pub(crate) fn blob(bytes: &[u8]) -> Descriptor {
    Descriptor::of("application/octet-stream", bytes)
}

/// The error and its causes.
pub(crate) fn told<E: std::error::Error + 'static>(error: &E) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A sink in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) bytes: Vec<u8>,
    pub(crate) restarts: usize,
    /// It fails when it has more.
    pub(crate) full_at: Option<usize>,
    /// What it wants to have in the end.
    pub(crate) wanted: Option<Digest>,
}

impl Sink for Memory {
    fn have(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        match self.full_at {
            Some(full_at) if self.bytes.len() > full_at => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn restart(&mut self) -> io::Result<()> {
        self.bytes.clear();
        self.restarts += 1;
        Ok(())
    }

    fn check(&mut self) -> Result<(), Digest> {
        let found = Digest::of(&self.bytes);
        match self.wanted {
            Some(wanted) if wanted != found => Err(found),
            _ => Ok(()),
        }
    }
}

/// What is shown to whom.
#[derive(Default)]
pub(crate) struct Wallet(pub(crate) BTreeMap<String, Credential>);

impl Wallet {
    pub(crate) fn password(registry: &str, user: &str, password: &str) -> Arc<Self> {
        let credential = Credential::Password { user: user.into(), password: password.to_owned().into() };
        Arc::new(Self([(registry.to_owned(), credential)].into()))
    }
}

impl Credentials for Wallet {
    fn of(&self, registry: &str, _: &str) -> Result<Found, CredentialsError> {
        Ok(self.0.get(registry).cloned().unwrap_or(Credential::Anonymous).into())
    }
}
