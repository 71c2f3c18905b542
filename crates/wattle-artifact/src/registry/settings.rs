//! What a client of registries is told: whom to trust, how long to wait, whom to ask first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wattle_spec::backoff::Backoff;

use crate::credentials::{Credentials, NoCredentials};

/// How registries are asked.
#[derive(Clone)]
pub struct Settings {
    /// What to log in with.
    pub credentials: Arc<dyn Credentials>,
    /// Files of certificates (PEM) that are trusted beside those of the system.
    pub certificates: Vec<PathBuf>,
    /// Hosts that are spoken to in plain text: `host`, for each of its ports, or `host:port`. Loopback is always
    /// allowed.
    pub plain_http: BTreeSet<String>,
    /// Who is asked before a registry when something is pulled, in this order: by the name of the registry, the
    /// authorities of its mirrors. They are never given the registry's credentials, only their own.
    pub mirrors: BTreeMap<String, Vec<String>>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How often to try.
    pub retries: Retries,
    /// How long to pause at most, and a sixth of it at least, before it is looked whether others have written over a list
    /// that this registry lets anybody write over.
    pub pause: Duration,
    /// What registries are told that they are asked by.
    pub user_agent: String,
}

/// How long a registry may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until there is a connection, TLS included.
    pub connect: Duration,
    /// Until something comes: the head of an answer, or 4 KiB of a body. The same for what is sent: until something of
    /// it is taken.
    pub idle: Duration,
    /// Until an answer is whole that is no blob: a manifest, a list, a token.
    pub answer: Duration,
}

/// How often what failed is tried again, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// How often something is tried, the first time included. A mirror is tried once.
    pub attempts: u32,
    /// How long to wait at most after the first failure (twice as long after each further one), and after any. How long
    /// really is left to chance.
    pub backoff: Backoff,
    /// What chance begins with: another number for each process.
    pub seed: u64,
}

impl Default for Settings {
    /// Nobody logs in, there are no mirrors, and only the system's roots are trusted.
    fn default() -> Self {
        Self {
            credentials: Arc::new(NoCredentials),
            certificates: Vec::new(),
            plain_http: BTreeSet::new(),
            mirrors: BTreeMap::new(),
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            pause: Duration::from_millis(300),
            user_agent: concat!("wattle/", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), idle: Duration::from_secs(30), answer: Duration::from_secs(60) }
    }
}

impl Default for Retries {
    fn default() -> Self {
        let backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(10) };
        Self { attempts: 5, backoff, seed: 0 }
    }
}
