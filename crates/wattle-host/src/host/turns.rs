//! Changes of an app are made one after the other: each begins with what the one before left.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;
use wattle_spec::name::AppId;

/// Whose turn it is, for each app.
#[derive(Default)]
pub(super) struct Turns(Mutex<BTreeMap<AppId, Weak<tokio::sync::Mutex<()>>>>);

/// While this is there, nobody else changes the app, or lets it begin.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits for a turn of `app`.
    pub(super) async fn of(&self, app: &AppId) -> Turn {
        self.turn(app).lock_owned().await
    }

    fn turn(&self, app: &AppId) -> Arc<tokio::sync::Mutex<()>> {
        // Whole at every point where a panic could come.
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(app).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(app.clone(), Arc::downgrade(&turn));
        turn
    }
}
