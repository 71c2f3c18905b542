//! The schedules of apps that run: when they are due, and how their runs ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Moment;
use crate::name::{AppId, ComponentName};

/// The schedules of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppSchedules {
    /// Which app.
    pub app: AppId,
    /// Its schedules, in the order of the manifest.
    pub schedules: Vec<ScheduleStatus>,
}

/// One schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleStatus {
    /// What runs.
    pub component: ComponentName,
    /// When, as it is written.
    pub schedule: String,
    /// On whose clock.
    pub timezone: String,
    /// What it is called in an action: unique in the app.
    pub trigger: String,
    /// The next tick, if there is one.
    pub next: Option<Moment>,
    /// Runs under way, those that wait for their turn included.
    pub running: u32,
    /// Runs that have failed since the app was started.
    pub failures: u64,
    /// The run that ended last.
    pub last: Option<ScheduleRun>,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleRun {
    /// What ran.
    pub component: ComponentName,
    /// Which of its schedules, as in [`ScheduleStatus::trigger`].
    pub trigger: String,
    /// Which run: the id that its log lines carry.
    pub run: String,
    /// The tick; of a run that somebody asked for, when it began.
    pub at: Moment,
    /// How long it ran, in milliseconds.
    pub took_ms: u64,
    /// How it ended. Absent: well.
    pub failure: Option<String>,
}
