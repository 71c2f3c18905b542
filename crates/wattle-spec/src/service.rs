//! Services: components that run for as long as their app does, and when one that ended is started again.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::backoff::Backoff;

/// When a service that ended is started again, on a fresh instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// After which ends.
    pub on: RestartOn,
    /// How long to wait after each.
    pub backoff: Backoff,
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
            backoff: Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) },
            budget: NonZeroU32::new(10).expect("invariant: ten is not zero"),
            within: Duration::from_secs(600),
        }
    }
}

/// What ended the instance of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The service itself.
    Itself,
    /// The host, which had no room for an instance.
    NoRoom,
    /// Perhaps a call of another component.
    Call {
        /// When the last one had ended. `None`: one was under way.
        ended: Option<Instant>,
        /// Whether the instance had answered one.
        has_answered: bool,
    },
}

impl RestartPolicy {
    /// Whether an end at `now` is the service's own, and so counts.
    ///
    /// What a call has left behind may end an instance long after it. So an end counts only if no call was under way for
    /// as long as ends that use up the budget are apart: whoever calls can end the service so late that it counts, but not
    /// so often that it has failed.
    pub fn counts(&self, now: Instant, cause: Cause) -> bool {
        let apart = self.within / self.budget.get();
        match cause {
            Cause::Itself => true,
            Cause::NoRoom | Cause::Call { ended: None, .. } => false,
            Cause::Call { ended: Some(ended), .. } => now.saturating_duration_since(ended) >= apart,
        }
    }
}

/// The ends of one service that count.
///
/// Those that calls cause do not, nor those for want of room: whoever calls must not be able to end a service for good.
/// After each in a row the wait is longer, until an instance has answered a call.
#[derive(Debug)]
pub struct Restarts {
    policy: RestartPolicy,
    ends: VecDeque<Instant>,
    others_in_a_row: u32,
}

impl Restarts {
    /// None yet.
    pub fn new(policy: RestartPolicy) -> Self {
        Self { policy, ends: VecDeque::new(), others_in_a_row: 0 }
    }

    /// The service ended at `now`: how long to wait before it is started again. `chance`, from 0 to 1, is how much of the
    /// jitter to add. `None`: its budget is used up.
    pub fn ended(&mut self, now: Instant, cause: Cause, chance: f64) -> Option<Duration> {
        if !self.policy.counts(now, cause) {
            let has_answered = matches!(cause, Cause::Call { has_answered: true, .. });
            let in_a_row = if has_answered { 0 } else { self.others_in_a_row };
            self.others_in_a_row = in_a_row.saturating_add(1);
            return Some(self.policy.backoff.delay(in_a_row, chance));
        }
        self.ends.retain(|end| now.saturating_duration_since(*end) < self.policy.within);
        let earlier = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        if earlier >= self.policy.budget.get() {
            return None;
        }
        self.ends.push_back(now);
        Some(self.policy.backoff.delay(earlier, chance))
    }

    /// How many ends count now.
    pub fn count(&self) -> usize {
        self.ends.len()
    }
}
