//! How state is laid out in a NATS.

use std::num::{NonZeroU64, NonZeroUsize};

use wattle_spec::name::Namespace;

/// How state is laid out in a NATS: what its streams are called, and how they keep what they are given.
///
/// The number of copies and the room are those of a stream that is made; one that is there stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NatsLayout {
    /// What the names of all streams begin with: hosts that differ in it share nothing.
    pub space: Namespace,
    /// On how many servers of a cluster each stream is kept.
    pub replicas: NonZeroUsize,
    /// How many bytes a stream may hold at most; `None`: as many as the account may.
    pub max_bytes: Option<NonZeroU64>,
}

impl Default for NatsLayout {
    fn default() -> Self {
        let space = "wattle".parse().expect("invariant: it is made of letters");
        Self { space, replicas: NonZeroUsize::MIN, max_bytes: None }
    }
}

impl NatsLayout {
    /// The room of a stream as JetStream takes it.
    pub(super) fn max_stream_bytes(&self) -> i64 {
        self.max_bytes.map_or(-1, |max| i64::try_from(max.get()).unwrap_or(i64::MAX))
    }
}
