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

/// When what is done on behalf of somebody with this `deadline` must have ended.
pub(crate) fn last_moment(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    deadline - (left / RESERVE_PART).min(RESERVE_MAX)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::{Arc, Mutex};

    use super::*;

    fn run<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("make a runtime").block_on(test)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(200)
    }

    #[test]
    fn it_ends_before_the_deadline() {
        let deadline = soon();
        let patience = Patience(Deadline::Of(deadline));
        assert_eq!(run(patience.within(pending::<()>())), Err(TimedOut));
        assert!(Instant::now() < deadline, "nothing is left to the guest");
        assert_eq!(run(patience.within(ready(1))), Ok(1));
        assert_eq!(run(Patience(Deadline::None).within(ready(2))), Ok(2));
    }

    /// The deadline of another call of the same instance is none of this one's when that call has ended.
    #[test]
    fn it_follows_a_deadline_that_moves() {
        let (first, second) = (soon(), soon() + Duration::from_millis(200));
        let shared = Arc::new(Mutex::new(Some(first)));
        let patience = Patience(Deadline::Shared(shared.clone()));
        run(async {
            let moved = async { *shared.lock().expect("nobody panics") = Some(second) };
            let (outcome, ()) = tokio::join!(patience.within(pending::<()>()), moved);
            assert_eq!(outcome, Err(TimedOut));
        });
        assert!(Instant::now() > first, "it did not wait for the later deadline");
    }
}
