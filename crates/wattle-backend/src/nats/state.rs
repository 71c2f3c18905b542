//! How a connection is, for those who wait for it and for readiness.

use tokio::time::Instant;

use crate::error::BackendError;

/// How a connection is.
#[derive(Debug, Clone)]
pub enum NatsState {
    /// Nobody has used it yet.
    Unused,
    /// It is open.
    Up,
    /// It is being opened, for the first time or again.
    Down {
        /// Since when.
        since: Instant,
        /// Why the last attempt failed; `None` before the first one ended.
        error: Option<BackendError>,
    },
}

impl NatsState {
    /// The same, after an attempt failed.
    pub(super) fn failed(&self, error: BackendError) -> Self {
        NatsState::Down { since: self.down_since(), error: Some(error) }
    }

    /// Down, from now on if it was not.
    pub(super) fn lost(&self) -> Self {
        match self {
            NatsState::Down { .. } => self.clone(),
            NatsState::Unused | NatsState::Up => NatsState::Down { since: Instant::now(), error: None },
        }
    }

    fn down_since(&self) -> Instant {
        match self {
            NatsState::Down { since, .. } => *since,
            NatsState::Unused | NatsState::Up => Instant::now(),
        }
    }
}
