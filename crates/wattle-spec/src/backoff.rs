//! Waiting longer after each failure.

use std::time::Duration;

/// Up to this part of a wait is added to it by chance, so that what failed together is not tried again together.
const JITTER: f64 = 0.25;

/// How long to wait before something that failed is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure; twice as long after each further one.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Backoff {
    /// The wait after a failure with `earlier` ones before it. `chance`, from 0 to 1, is how much of the jitter to add.
    pub fn delay(&self, earlier: u32, chance: f64) -> Duration {
        let doubled = 2_u32.checked_pow(earlier).and_then(|factor| self.first.checked_mul(factor));
        let delay = doubled.unwrap_or(Duration::MAX).min(self.longest);
        delay.saturating_add(delay.mul_f64(JITTER * chance.clamp(0.0, 1.0)))
    }
}
