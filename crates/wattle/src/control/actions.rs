//! How many actions are under way at a time. Those that start something have places of their own: however many of them wait,
//! what stops something does not.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wattle_spec::control::{Action, Refusal, RefusalCode};

/// How many that start something, and as many others.
const ACTIONS_MAX: usize = 256;

/// Places of actions.
pub(super) struct Actions {
    starting: Arc<Semaphore>,
    others: Arc<Semaphore>,
}

/// One of them, for whoever waits and for what is done.
pub(super) type ActionPlace = Arc<OwnedSemaphorePermit>;

impl Default for Actions {
    fn default() -> Self {
        let [starting, others] = [(); 2].map(|()| Arc::new(Semaphore::new(ACTIONS_MAX)));
        Self { starting, others }
    }
}

impl Actions {
    /// A place for `action`.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(super) fn place(&self, action: &Action) -> Result<ActionPlace, Refusal> {
        let (places, what) = match action {
            Action::Apply { .. } | Action::Rollback { .. } | Action::Start { .. } => {
                (&self.starting, "apps are being started or updated")
            }
            _ => (&self.others, "actions are under way"),
        };
        places.clone().try_acquire_owned().map(Arc::new).map_err(|_| {
            let refusal = Refusal::new(RefusalCode::TooManyActions, format!("{ACTIONS_MAX} {what} already"));
            refusal.hint("try again when some of them are done")
        })
    }
}
