//! One connection to a server: opened at its first use, on the runtime on which it is used, and re-opened when it is lost.

use std::sync::{Arc, Once};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::events::Signals;
use super::opening;
use super::servers::Servers;
use super::session::Session;
use super::state::NatsState;
use crate::error::BackendError;

/// How often somebody who waits for the connection looks at it, beside being told.
const GLANCE: Duration = Duration::from_millis(100);

/// One connection.
pub(super) struct Line {
    opening: Once,
    pub(super) signals: Arc<Signals>,
}

impl Line {
    /// One that will live on `runtime`.
    pub(super) fn new(servers: Arc<Servers>, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { opening: Once::new(), signals: Signals::new(servers, runtime) })
    }

    /// The connection when it is up.
    ///
    /// Servers that nobody has reached for longer than a call may take are not waited for, and neither are those that
    /// refuse us, and files that are not there.
    /// Where another connection has reached them, this one is about to.
    pub(super) async fn session(&self, until: Instant) -> Result<Session, BackendError> {
        if let Some(session) = Session::begin(&self.signals) {
            return Ok(session);
        }
        self.opening.call_once(|| {
            self.signals.state.send_modify(|state| *state = state.lost());
            self.signals.runtime.spawn(opening::open(Arc::downgrade(&self.signals)));
        });
        let deadline = self.signals.servers.options.deadline;
        let mut state = self.signals.state.subscribe();
        loop {
            if let Some(session) = Session::begin(&self.signals) {
                return Ok(session);
            }
            // What others have waited for in vain is not waited for once more.
            if let Some(error) = self.signals.servers.down_for(deadline) {
                yield_now().await;
                return Err(error);
            }
            let seen = state.borrow_and_update().clone();
            if let NatsState::Down { error: Some(error), .. } = &seen {
                let is_final = !matches!(error, BackendError::Unavailable { .. });
                if is_final || Instant::now() >= until {
                    // Who asks again at once must not keep the connection from being opened on this very thread.
                    yield_now().await;
                    return Err(error.clone());
                }
            }
            if Instant::now() >= until {
                let what = format!("opening the connection to {}", self.signals.servers.name);
                return Err(BackendError::TimedOut { what, patience: deadline });
            }
            let _ = timeout_at(until.min(Instant::now() + GLANCE), state.changed()).await;
        }
    }
}
