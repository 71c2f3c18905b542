//! Versions of apps that are being applied: what they need is not removed, however long that takes.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::app_file::Snapshot;

/// Those there are.
#[derive(Default)]
pub(super) struct Candidates(Mutex<Vec<Weak<Snapshot>>>);

impl Candidates {
    /// One more, as long as what is returned is there.
    pub(super) fn add(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        let candidate = Arc::new(snapshot);
        // Whole at every point where a panic could come.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|candidate| candidate.strong_count() > 0);
        all.push(Arc::downgrade(&candidate));
        candidate
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Snapshot>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).collect()
    }
}
