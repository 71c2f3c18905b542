//! Cron: when the schedules of an app are due, by the clock on the wall of a time zone.
//!
//! Everything here is a function of a given time. Who asks, sleeps and runs is the host's affair.

mod field;
mod schedule;
mod timetable;
mod zone;

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::schedule::{Schedule, ScheduleError};
pub use self::timetable::{Due, LATE_MAX, STEP_MAX, Timetable, Verdict};
pub use self::zone::{Zone, ZoneError};
use crate::name::ComponentName;

/// A component that runs at the times of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronTrigger {
    /// What runs.
    pub component: ComponentName,
    /// When.
    pub schedule: Schedule,
    /// On whose clock.
    pub zone: Zone,
    /// What happens at a tick while an earlier one still runs.
    pub overlap: Overlap,
    /// What happens to ticks that came while the host was down.
    pub missed: Missed,
    /// Each run begins by up to this much later, to spread what is due at the same time.
    pub jitter: Duration,
}

/// What happens at a tick while the run of an earlier tick of the same trigger has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// The tick is left out.
    #[default]
    Skip,
    /// Both run.
    Allow,
    /// The later one runs when the earlier one has ended.
    Queue,
}

/// What happens to ticks that came while the host was down or suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// They are left out.
    #[default]
    Skip,
    /// The last of them runs, once.
    Once,
}

impl CronTrigger {
    /// The first tick after `time`. Ticks are whole seconds. `None`: there is none before the year 5000.
    pub fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.schedule.next_after(self.zone, time)
    }

    /// How much later than `tick` its run begins: the same each time it is asked, another for another tick or trigger.
    pub fn delay(&self, tick: DateTime<Utc>) -> Duration {
        // No keys of this process: every host comes to the same delay.
        let mut hash = DefaultHasher::new();
        (self.to_string(), tick.timestamp()).hash(&mut hash);
        self.jitter.mul_f64(hash.finish() as f64 / u64::MAX as f64)
    }
}

/// Which trigger of an app: no two have the same component, schedule and zone.
impl fmt::Display for CronTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} ({})", self.component, self.schedule, self.zone)
    }
}
