//! What was done lately, out of what was counted from time to time: pure arithmetic, whoever's clock it is.
//!
//! Numbers only grow. A window keeps what they were at the last few moments, as far back as it says something: the
//! difference to what they are now is what was done since.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wattle_spec::control::Rates;

use super::shard::BOUNDS;

/// How far back it is told what was done, and a little more where no moment fits.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// How often somebody should look.
pub(super) const EVERY: Duration = Duration::from_secs(5);

/// The most moments that are kept, however often somebody looks: those of the window, the one before it, and the two that stand
/// for the time before.
const MOMENTS_MAX: usize = 16;

/// What one would find of this rank of so many.
const QUANTILE: f64 = 0.99;

/// Numbers that grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// Requests that have ended.
    pub(super) served: u64,
    /// Those of them that failed.
    pub(super) failed: u64,
    /// The same requests by the bucket of their duration.
    pub(super) durations: [u64; BOUNDS.len() + 1],
    /// How long cores worked for instances.
    pub(super) cpu_ns: u64,
}

/// What they were at a moment.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: Instant,
    counts: Counts,
}

/// What numbers were lately.
#[derive(Debug)]
pub(super) struct Window {
    /// Since when there are any.
    since: Instant,
    /// When somebody looked last.
    last: Moment,
    /// The moments of the window, the first at its beginning or before. None: nothing has changed, and nothing is kept.
    moments: VecDeque<Moment>,
}

/// What was done in some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Change {
    over: Duration,
    counts: Counts,
}

impl Window {
    /// Of numbers that are all 0 at `since`.
    pub(super) fn new(since: Instant) -> Self {
        let last = Moment { at: since, counts: Counts::default() };
        Self { since, last, moments: VecDeque::new() }
    }

    /// Somebody looks: the numbers are these `now`.
    pub(super) fn look(&mut self, now: Instant, counts: Counts) {
        let moment = Moment { at: now, counts };
        if self.moments.is_empty() {
            if counts == self.last.counts {
                self.last = moment;
                return;
            }
            // It did nothing until it was looked at last: for a whole window, or always.
            self.moments.extend([Moment { at: self.quiet_since(self.last.at), ..self.last }, self.last]);
        }
        self.last = moment;
        self.moments.push_back(moment);
        while self.moments.get(1).is_some_and(|second| second.at + WINDOW <= now) || self.moments.len() > MOMENTS_MAX {
            self.moments.pop_front();
        }
        if self.moments.front().is_some_and(|first| first.counts == counts) {
            self.moments = VecDeque::new();
        }
    }

    /// What was done until `now`, when the numbers are these.
    pub(super) fn change(&self, now: Instant, counts: Counts) -> Change {
        let before = self.moments.iter().rev().find(|moment| moment.at + WINDOW <= now);
        let (from, earlier) = match before.or(self.moments.front()) {
            Some(moment) => (moment.at, moment.counts),
            None => (self.quiet_since(now), self.last.counts),
        };
        Change { over: now.saturating_duration_since(from), counts: counts.since(&earlier) }
    }

    /// The beginning of the window that ends at `now`.
    fn quiet_since(&self, now: Instant) -> Instant {
        now.checked_sub(WINDOW).map_or(self.since, |begin| begin.max(self.since))
    }
}

impl Counts {
    // They are read one after the other while others add to them, so that one may be ahead.
    fn since(&self, earlier: &Self) -> Self {
        Self {
            served: self.served.saturating_sub(earlier.served),
            failed: self.failed.saturating_sub(earlier.failed),
            durations: std::array::from_fn(|bucket| self.durations[bucket].saturating_sub(earlier.durations[bucket])),
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
        }
    }
}

impl std::ops::AddAssign for Change {
    /// Of both together. Who has not been there for as long has done nothing before.
    fn add_assign(&mut self, other: Self) {
        self.over = self.over.max(other.over);
        self.counts.served += other.counts.served;
        self.counts.failed += other.counts.failed;
        self.counts.cpu_ns += other.counts.cpu_ns;
        for (bucket, more) in self.counts.durations.iter_mut().zip(other.counts.durations) {
            *bucket += more;
        }
    }
}

impl Change {
    /// For each second.
    pub(super) fn rates(&self) -> Rates {
        // What has only just begun did nothing yet, not infinitely much.
        let seconds = self.over.as_secs_f64().max(0.001);
        Rates {
            window_ms: self.over.as_millis() as u64,
            requests_per_second: self.counts.served as f64 / seconds,
            failed_per_second: self.counts.failed as f64 / seconds,
            p99_ms: quantile(&self.counts.durations).map(|seconds| seconds * 1000.0),
            cpu_percent: self.counts.cpu_ns as f64 / 1e9 / seconds * 100.0,
        }
    }
}

/// The [`QUANTILE`] of what these buckets hold, in seconds: within its bucket in proportion, and the last bound above it.
fn quantile(buckets: &[u64; BOUNDS.len() + 1]) -> Option<f64> {
    let count: u64 = buckets.iter().sum();
    if count == 0 {
        return None;
    }
    let rank = (count as f64 * QUANTILE).ceil();
    let (mut below, mut lower) = (0.0, 0.0);
    for (bucket, upper) in buckets.iter().zip(BOUNDS) {
        let held = *bucket as f64;
        if below + held >= rank {
            return Some(lower + (upper - lower) * (rank - below) / held);
        }
        (below, lower) = (below + held, upper);
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// So many requests of 2 ms, one of ten of which failed; each took a core 1 ms.
    fn counts(served: u64) -> Counts {
        let mut durations = [0; BOUNDS.len() + 1];
        durations[2] = served;
        Counts { served, failed: served / 10, durations, cpu_ns: served * 1_000_000 }
    }

    /// Looks every 5 s until `until` at numbers that grow by `each` a second from `from` on.
    fn window(begin: Instant, seconds: std::ops::Range<u64>, until: u64, each: u64) -> (Window, Counts) {
        let at = |now: u64| counts(now.clamp(seconds.start, seconds.end).saturating_sub(seconds.start) * each);
        let mut window = Window::new(begin);
        for now in (5..=until).step_by(5) {
            window.look(begin + SECOND * now as u32, at(now));
        }
        (window, at(until))
    }

    /// Requests a second, and over how many seconds, as it is told then.
    #[track_caller]
    fn check(window: &Window, now: Instant, counts: Counts, per_second: f64, over: u64) {
        let rates = window.change(now, counts).rates();
        assert!((rates.requests_per_second - per_second).abs() < 0.01, "{rates:?}");
        assert!((rates.cpu_percent - per_second / 10.0).abs() < 0.01, "{rates:?}");
        assert_eq!(rates.window_ms, over * 1000, "{rates:?}");
    }

    #[test]
    fn before_anybody_looked() {
        let begin = Instant::now();
        let window = Window::new(begin);
        check(&window, begin + SECOND * 4, counts(40), 10.0, 4);
        assert_eq!(window.change(begin, counts(1)).rates().window_ms, 0);
        assert_eq!(window.change(begin, counts(0)).rates().p99_ms, None);
    }

    #[test]
    fn the_same_all_the_time() {
        let begin = Instant::now();
        for until in [10, 60, 65, 300] {
            let (window, now) = window(begin, 0..1000, until, 10);
            check(&window, begin + SECOND * until as u32, now, 10.0, until.min(60));
            assert!(window.moments.len() <= MOMENTS_MAX);
        }
        // Between two looks the window is a little longer, and as true.
        let (window, now) = window(begin, 0..1000, 300, 10);
        let later = Counts { served: now.served + 30, cpu_ns: now.cpu_ns + 30_000_000, ..now };
        check(&window, begin + SECOND * 303, later, 10.0, 63);
    }

    /// What is long over is not told, nor kept.
    #[test]
    fn what_has_ended() {
        let begin = Instant::now();
        let (ended, now) = window(begin, 0..30, 60, 10);
        check(&ended, begin + SECOND * 60, now, 5.0, 60);
        let (ended, now) = window(begin, 0..30, 75, 10);
        check(&ended, begin + SECOND * 75, now, 150.0 / 60.0, 60);
        let (ended, now) = window(begin, 0..30, 95, 10);
        check(&ended, begin + SECOND * 95, now, 0.0, 60);
        assert_eq!(ended.moments.capacity(), 0);
    }

    /// Who has been quiet for long has been quiet in the window, too.
    #[test]
    fn what_begins_again() {
        let begin = Instant::now();
        let (mut quiet, _) = window(begin, 0..1, 500, 0);
        check(&quiet, begin + SECOND * 502, counts(6), 0.1, 60);
        quiet.look(begin + SECOND * 505, counts(6));
        check(&quiet, begin + SECOND * 505, counts(6), 6.0 / 65.0, 65);
        for now in (510..=570).step_by(5) {
            quiet.look(begin + SECOND * now, counts(6));
        }
        check(&quiet, begin + SECOND * 570, counts(6), 0.0, 60);
    }

    /// Of several, the time is that of who is there for longest.
    #[test]
    fn together() {
        let begin = Instant::now();
        let mut all = Window::new(begin).change(begin + SECOND * 40, counts(40));
        all += Window::new(begin + SECOND * 30).change(begin + SECOND * 40, counts(40));
        let rates = all.rates();
        assert_eq!((rates.window_ms, rates.requests_per_second, rates.failed_per_second), (40_000, 2.0, 0.2));
    }

    #[test]
    fn quantiles() {
        let of = |held: &[(usize, u64)]| {
            let mut buckets = [0; BOUNDS.len() + 1];
            held.iter().for_each(|(bucket, count)| buckets[*bucket] = *count);
            quantile(&buckets).map(|seconds| (seconds * 1e6).round() as u64)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(0, 1)]), Some(500), "one alone is at the bound");
        assert_eq!(of(&[(2, 100)]), Some(2_485), "evenly between 1 ms and 2.5 ms");
        assert_eq!(of(&[(0, 99), (8, 1)]), Some(500), "one of a hundred is not in it");
        assert_eq!(of(&[(0, 98), (8, 2)]), Some(175_000));
        assert_eq!(of(&[(BOUNDS.len(), 5)]), Some(30_000_000), "no bound above");
    }
}
