//! The clock on the wall and the one that only goes forward, as far as schedules and services need them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

/// Where a host's time comes from.
pub trait Clock: Send + Sync {
    /// What the clock on the wall shows: it may be set, forward or back.
    fn now(&self) -> DateTime<Utc>;

    /// Waits for `span`, whatever happens to the clock on the wall meanwhile. A machine that is suspended does not wait.
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()>;
}

/// The clocks of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(span))
    }
}
