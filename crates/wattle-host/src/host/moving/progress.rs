//! How far a move is.

use std::sync::atomic::{AtomicU64, Ordering};

use wattle_spec::control::MoveProgress;
use wattle_spec::name::{AppId, BackendName};

/// A move that is under way.
pub(in crate::host) struct Progress {
    app: AppId,
    from: BackendName,
    to: BackendName,
    copied: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// One of `app` that begins.
    pub(super) fn new(app: AppId, from: &BackendName, to: &BackendName) -> Self {
        let (copied, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { app, from: from.clone(), to: to.clone(), copied, bytes }
    }

    /// So many names more were copied, and bytes of what they stand for.
    pub(super) fn add(&self, copied: u64, bytes: u64) {
        self.copied.fetch_add(copied, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How far it is now.
    pub(in crate::host) fn told(&self) -> MoveProgress {
        let (copied, bytes) = (self.copied.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        MoveProgress { from: self.from.clone(), to: self.to.clone(), copied, bytes }
    }

    /// The same in the log.
    pub(super) fn log(&self) {
        let (app, MoveProgress { from, to, copied, bytes }) = (&self.app, self.told());
        tracing::info!(%app, %from, %to, copied, bytes, "moving");
    }
}
