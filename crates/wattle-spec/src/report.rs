//! What a host tells about what it runs without being asked.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::cron::CronTrigger;
use crate::message::MessageReport;
use crate::name::{AppId, BackendName, ComponentName};

/// Something that happened to an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// An instance of a service runs.
    ServiceStarted {
        /// Which app.
        app: AppId,
        /// Which of its services.
        service: ComponentName,
        /// Which instance: the id that its log lines carry.
        run: String,
    },
    /// A service ended and will be started again.
    ServiceRestarting {
        /// Which app.
        app: AppId,
        /// Which of its services.
        service: ComponentName,
        /// How it ended.
        reason: String,
        /// How long it waits.
        after: Duration,
        /// How many ends count towards its budget.
        ends: usize,
    },
    /// A service ended and has used up its budget: it is not started again. The rest of the app goes on.
    ServiceFailed {
        /// Which app.
        app: AppId,
        /// Which of its services.
        service: ComponentName,
        /// How it ended at last.
        reason: String,
    },
    /// A service ended well and is not started again.
    ServiceCompleted {
        /// Which app.
        app: AppId,
        /// Which of its services.
        service: ComponentName,
    },
    /// A run of a schedule ended well.
    CronRan {
        /// Which tick.
        tick: Tick,
        /// Which run: the id that its log lines carry.
        run: String,
        /// How long it ran.
        took: Duration,
    },
    /// A run of a schedule failed.
    CronFailed {
        /// Which tick.
        tick: Tick,
        /// Which run: the id that its log lines carry.
        run: String,
        /// How it ended.
        reason: String,
        /// How many runs of this trigger have failed since the app was started.
        failures: u64,
    },
    /// A tick of a schedule did not run.
    CronSkipped {
        /// Which tick.
        tick: Tick,
        /// Why not.
        reason: SkipReason,
    },
    /// The clock was set back: schedules wait until it is where it was.
    CronWaits {
        /// Which app.
        app: AppId,
        /// Where the clock was.
        until: DateTime<Utc>,
    },
    /// Something that a component had opened through a link (a bucket, a container) was still used when that had been led
    /// elsewhere and its time was over: it fails from then on. It is told once for each link that was changed.
    HandleEnded {
        /// Which app.
        app: AppId,
        /// Which of its components.
        component: ComponentName,
        /// What was linked, as in `links`.
        import: String,
        /// Where it was opened.
        backend: BackendName,
    },
    /// Something that happened to messages.
    Message(MessageReport),
}

/// A time at which a schedule was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Which app.
    pub app: AppId,
    /// What runs.
    pub component: ComponentName,
    /// Which of its schedules, as [`CronTrigger`] is written.
    pub trigger: String,
    /// The time.
    pub at: DateTime<Utc>,
}

/// Why a tick did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// It came while the host was down or suspended, and `missed` is `skip`.
    #[error("it was missed")]
    Missed,
    /// Earlier ones have not ended, and `overlap` does not let more of them be there.
    #[error("an earlier run has not ended")]
    Overlap,
    /// It has run, here or on another host.
    #[error("it has run already")]
    Claimed,
    /// Nobody knows whether it has run.
    #[error("it could not be claimed: {0}")]
    Unclaimed(String),
}

impl Tick {
    /// The tick of `trigger` of `app` at `at`.
    pub fn of(app: &AppId, trigger: &CronTrigger, at: DateTime<Utc>) -> Self {
        Self { app: app.clone(), component: trigger.component.clone(), trigger: trigger.to_string(), at }
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} of {}", self.app, self.trigger, self.at.format("%FT%TZ"))
    }
}
