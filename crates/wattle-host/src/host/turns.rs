//! Changes of an app are made one after the other: each begins with what the one before left. So is what is made once for all
//! who want it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Whose turn it is, for each of something.
pub(super) struct Turns<K>(Mutex<BTreeMap<K, Weak<tokio::sync::Mutex<()>>>>);

/// While this is there, nobody else has a turn of the same.
pub(super) type Turn = OwnedMutexGuard<()>;

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Clone> Turns<K> {
    /// Waits for a turn of `one`.
    pub(super) async fn of(&self, one: &K) -> Turn {
        self.turn(one).lock_owned().await
    }

    /// A turn of `one`, unless somebody has it.
    pub(super) fn try_of(&self, one: &K) -> Option<Turn> {
        self.turn(one).try_lock_owned().ok()
    }

    fn turn(&self, one: &K) -> Arc<tokio::sync::Mutex<()>> {
        // Whole at every point where a panic could come.
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(one).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(one.clone(), Arc::downgrade(&turn));
        turn
    }
}
