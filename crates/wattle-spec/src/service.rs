//! Services: components that run for as long as their app does, and when one that ended is started again.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

/// Up to this part of a delay is added to it by chance.
const JITTER: f64 = 0.25;

/// When a service that ended is started again, on a fresh instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// After which ends.
    pub on: RestartOn,
    /// How long to wait after the first; twice as long after each further one.
    pub backoff: Duration,
    /// The longest wait.
    pub max_backoff: Duration,
    /// How many starts there are within `within` before the service has failed.
    pub budget: NonZeroU32,
    /// How long an end counts.
    pub within: Duration,
}

/// After which ends a service is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartOn {
    /// After a trap or an exit with an error. One that ends well is completed.
    #[default]
    Failure,
    /// After every end.
    Always,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            on: RestartOn::default(),
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            budget: NonZeroU32::new(10).expect("invariant: ten is not zero"),
            within: Duration::from_secs(600),
        }
    }
}

/// The ends of one service that count.
#[derive(Debug)]
pub struct Restarts {
    policy: RestartPolicy,
    ends: VecDeque<Instant>,
}

impl Restarts {
    /// None yet.
    pub fn new(policy: RestartPolicy) -> Self {
        Self { policy, ends: VecDeque::new() }
    }

    /// The service ended at `now`: how long to wait before it is started again. `chance`, from 0 to 1, is how much of the
    /// jitter to add. `None`: its budget is used up.
    pub fn ended(&mut self, now: Instant, chance: f64) -> Option<Duration> {
        self.ends.retain(|end| now.saturating_duration_since(*end) < self.policy.within);
        let earlier = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        if earlier >= self.policy.budget.get() {
            return None;
        }
        self.ends.push_back(now);
        let doubled = 2_u32.checked_pow(earlier).and_then(|factor| self.policy.backoff.checked_mul(factor));
        let delay = doubled.unwrap_or(Duration::MAX).min(self.policy.max_backoff);
        Some(delay.saturating_add(delay.mul_f64(JITTER * chance.clamp(0.0, 1.0))))
    }

    /// How many ends count now.
    pub fn count(&self) -> usize {
        self.ends.len()
    }
}
