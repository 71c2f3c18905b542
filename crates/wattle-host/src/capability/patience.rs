//! How long a call of the host waits for a backend: not quite until the invocation's deadline, so that the guest can
//! still say what went wrong.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use crate::instance::Deadline;

/// The part of the time until the deadline that is left to the guest: one in so many.
const RESERVE_PART: u32 = 10;
/// The most that is left to it.
const RESERVE_MAX: Duration = Duration::from_secs(1);

/// How long what a guest asked for may take.
#[derive(Clone)]
pub(crate) struct Patience(pub(crate) Deadline);

/// A backend took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the backend did not answer before the deadline")]
pub(crate) struct TimedOut;

impl Patience {
    /// The outcome of `waiting`, if it comes in time. In an instance that serves several invocations the first of their
    /// deadlines counts: it ends them all.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub(crate) async fn within<T>(&self, waiting: impl Future<Output = T>) -> Result<T, TimedOut> {
        let mut waiting = pin!(waiting);
        loop {
            let Some(deadline) = self.0.instant() else { return Ok(waiting.await) };
            match timeout_at(last_moment(deadline).into(), waiting.as_mut()).await {
                Ok(outcome) => return Ok(outcome),
                Err(_) if self.0.instant() == Some(deadline) => return Err(TimedOut),
                // It was another invocation's deadline, and that one has ended.
                Err(_) => {}
            }
        }
    }
}

fn last_moment(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    deadline - (left / RESERVE_PART).min(RESERVE_MAX)
}
