//! How many of something a client may do per second: what is not used up is kept for one second's worth, no longer.

use tokio::time::Instant;

/// So many per second, and as many at once.
pub(super) struct Budget {
    per_second: f64,
    left: f64,
    filled: Instant,
}

impl Budget {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, left: per_second, filled: Instant::now() }
    }

    /// Takes one. Whether there was one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.per_second);
        self.filled = now;
        self.left -= 1.0;
        self.left >= 0.0
    }

    /// Allows `count` more.
    pub(super) fn earn(&mut self, count: u32) {
        self.left = (self.left + f64::from(count)).min(self.per_second);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_gives_a_seconds_worth() {
        let mut budget = Budget::new(10);
        let start = budget.filled;
        let taken = |budget: &mut Budget, now| (0..100).filter(|_| budget.take(now)).count();
        assert_eq!(taken(&mut budget, start), 10);
        budget.left = 0.0;
        assert_eq!(taken(&mut budget, start + Duration::from_millis(500)), 5);
        budget.left = 0.0;
        assert_eq!(taken(&mut budget, start + Duration::from_secs(60)), 10);
        budget.left = 0.0;
        budget.earn(3);
        assert_eq!(taken(&mut budget, start + Duration::from_secs(60)), 3);
    }
}
