//! What is due now: each tick of each trigger is decided at most once, whatever the clock on the wall does.
//!
//! - A tick that is noticed late still runs if it is late by less than [`LATE_MAX`]: hosts are busy sometimes. Of several
//!   ticks of one trigger that are due at once only the last runs.
//! - When the clock is set back, what was decided stays decided: nothing runs until the clock is where it was. Set back
//!   by more than [`STEP_MAX`] it was wrong before, and what was decided by it is forgotten.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{CronTrigger, Missed};

/// A tick that is noticed later than this was missed.
pub const LATE_MAX: TimeDelta = TimeDelta::seconds(30);

/// A clock that is set back by more than this showed a wrong time before.
pub const STEP_MAX: TimeDelta = TimeDelta::hours(24);

/// How long one may sleep before the clock is looked at again: it may have been set, or the machine suspended.
const NAP: Duration = Duration::from_secs(1);

/// The last tick is looked for in the last minute, hour, day, month and in eight years, in which every schedule is due:
/// few ticks are in the first of these spans that has any.
const SPANS: [TimeDelta; 5] =
    [TimeDelta::minutes(1), TimeDelta::hours(1), TimeDelta::days(1), TimeDelta::days(31), TimeDelta::days(366 * 8)];

/// The triggers of an app with the tick that each waits for.
#[derive(Debug, Default)]
pub struct Timetable {
    triggers: Vec<CronTrigger>,
    /// The next tick and the place of its trigger.
    next: BTreeSet<(DateTime<Utc>, usize)>,
    /// The latest time that was ever shown, or up to which something was decided.
    latest: DateTime<Utc>,
    /// Whether the clock is noticeably behind that.
    is_behind: bool,
}

/// A tick that was decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The place of its trigger in the order in which they were added.
    pub trigger: usize,
    /// The time at which it was due.
    pub tick: DateTime<Utc>,
    /// What shall happen.
    pub verdict: Verdict,
}

/// What shall happen at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It runs.
    Run,
    /// It is left out: it came while the host was down, suspended or too busy.
    Miss,
}

impl Timetable {
    /// Adds a trigger whose ticks up to `decided` have been decided about.
    pub fn add(&mut self, trigger: CronTrigger, decided: DateTime<Utc>) {
        self.next.extend(trigger.next_after(decided).map(|tick| (tick, self.triggers.len())));
        self.triggers.push(trigger);
        self.latest = self.latest.max(decided);
    }

    /// That nothing new runs from `now` on until then, since the clock was set back by more than [`LATE_MAX`]; `None`: it was
    /// not, or it was said before.
    pub fn set_back(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let was_behind = std::mem::replace(&mut self.is_behind, self.latest - now > LATE_MAX);
        (self.is_behind && !was_behind).then_some(self.latest)
    }

    /// Decides about what is due at `now`.
    pub fn due(&mut self, now: DateTime<Utc>) -> Vec<Due> {
        if self.latest - now > STEP_MAX {
            self.latest = now;
            let afresh = |(place, trigger): (usize, &CronTrigger)| Some((trigger.next_after(now)?, place));
            self.next = self.triggers.iter().enumerate().filter_map(afresh).collect();
        }
        self.latest = self.latest.max(now);
        let mut due = Vec::new();
        while let Some((first, place)) = self.next.first().copied().filter(|(tick, _)| *tick <= now) {
            self.next.pop_first();
            let trigger = &self.triggers[place];
            let last = last_tick(trigger, first, now);
            self.next.extend(trigger.next_after(last).map(|tick| (tick, place)));
            let decided = |tick, verdict| Due { trigger: place, tick, verdict };
            match trigger.missed {
                Missed::Skip if now - last > LATE_MAX => due.push(decided(first, Verdict::Miss)),
                Missed::Skip if first < last => {
                    due.extend([decided(first, Verdict::Miss), decided(last, Verdict::Run)]);
                }
                Missed::Skip | Missed::Once => due.push(decided(last, Verdict::Run)),
            }
        }
        due
    }

    /// How long to sleep at `now` before asking again. `None`: for ever.
    pub fn nap(&self, now: DateTime<Utc>) -> Option<Duration> {
        let (tick, _) = self.next.first()?;
        Some((*tick - now).to_std().unwrap_or_default().min(NAP))
    }
}

/// The last tick up to `now`; `first` is one of them.
fn last_tick(trigger: &CronTrigger, first: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    let ticks_from = |start: DateTime<Utc>| {
        let ticks = std::iter::successors(Some(start), |tick| trigger.next_after(*tick));
        ticks.skip(1).take_while(|tick| *tick <= now).last()
    };
    let spans = SPANS.into_iter().filter(|span| now - *span > first);
    spans.map(|span| now - span).find_map(ticks_from).or_else(|| ticks_from(first)).unwrap_or(first)
}
