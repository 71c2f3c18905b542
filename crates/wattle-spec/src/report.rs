//! What a host tells without being asked: about what it runs, and where it serves.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::control::{ActionProgress, AppState, ListenerAdded, ListenerOrigin};
use crate::cron::CronTrigger;
use crate::message::MessageReport;
use crate::name::{AppId, BackendName, ComponentName};

/// Something that happened to an app, or to the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "report", rename_all = "kebab-case")]
pub enum Report {
    /// An app that a host remembers is in another state.
    State {
        /// Which app.
        app: AppId,
        /// In which one.
        state: AppState,
        /// Which generation runs, or is to run. Absent: it never ran.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<u64>,
        /// Why it does not run, or why what was applied last does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// How far an action is that starts or updates an app, and takes long.
    Progress(ActionProgress),
    /// An app is forgotten.
    Removed {
        /// Which app.
        app: AppId,
    },
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
        #[serde(rename = "after_ms", with = "millis")]
        #[schemars(with = "u64")]
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
        #[serde(rename = "took_ms", with = "millis")]
        #[schemars(with = "u64")]
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
        #[serde(with = "moment")]
        #[schemars(with = "crate::control::Moment")]
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
    /// When the host began, its data directory was of an older release: it was backed up and brought to the format of this one.
    Migrated {
        /// The format that it had.
        from: u32,
        /// The one that it has.
        to: u32,
        /// The file on the host with what was in it before.
        backup: String,
    },
    /// The host serves on one more address.
    ListenerAdded(ListenerAdded),
    /// The host accepts nothing more on an address. What is under way there ends.
    ListenerRemoved {
        /// Where it served, as a URL.
        url: String,
        /// Who had asked for it.
        origin: ListenerOrigin,
    },
    /// No connection is left of an address that was removed.
    ListenerEnded {
        /// Where the host served, as a URL.
        url: String,
        /// How many connections had not ended within the limit `drain`, and were cut.
        cut: u64,
    },
    /// Something that happened to messages.
    Message(MessageReport),
    /// One that a newer host has and this reader does not know.
    #[serde(other)]
    Unknown,
}

impl Report {
    /// The app that it is about.
    pub fn app(&self) -> Option<&AppId> {
        match self {
            Self::State { app, .. }
            | Self::Removed { app }
            | Self::ServiceStarted { app, .. }
            | Self::ServiceRestarting { app, .. }
            | Self::ServiceFailed { app, .. }
            | Self::ServiceCompleted { app, .. }
            | Self::CronWaits { app, .. }
            | Self::HandleEnded { app, .. } => Some(app),
            Self::CronRan { tick, .. } | Self::CronFailed { tick, .. } | Self::CronSkipped { tick, .. } => {
                Some(&tick.app)
            }
            Self::Progress(progress) => progress.app.as_ref(),
            Self::Message(report) => Some(report.app()),
            Self::Migrated { .. }
            | Self::ListenerAdded(_)
            | Self::ListenerRemoved { .. }
            | Self::ListenerEnded { .. }
            | Self::Unknown => None,
        }
    }
}

/// What happened, without whom it happened to.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State { state, generation, reason, .. } => {
                write!(f, "{state}")?;
                generation.map_or(Ok(()), |generation| write!(f, " (generation {generation})"))?;
                reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
            }
            Self::Progress(progress) => progress.fmt(f),
            Self::Removed { .. } => f.write_str("forgotten"),
            Self::ServiceStarted { service, run, .. } => write!(f, "service {service} runs (run {run})"),
            Self::ServiceRestarting { service, reason, after, .. } => {
                write!(f, "service {service} ended and starts again in {after:?}: {reason}")
            }
            Self::ServiceFailed { service, reason, .. } => write!(f, "service {service} failed: {reason}"),
            Self::ServiceCompleted { service, .. } => write!(f, "service {service} completed"),
            Self::CronRan { tick, took, .. } => write!(f, "schedule {} ran in {took:?}", tick.trigger),
            Self::CronFailed { tick, reason, .. } => write!(f, "schedule {} failed: {reason}", tick.trigger),
            Self::CronSkipped { tick, reason } => write!(f, "schedule {} was skipped: {reason}", tick.trigger),
            Self::CronWaits { until, .. } => {
                write!(f, "schedules wait until {}: the clock was set back", until.format("%FT%TZ"))
            }
            Self::HandleEnded { component, import, backend, .. } => {
                write!(f, "what {component} had opened through {import} in {backend} has ended with the link")
            }
            Self::Migrated { from, to, backup } => {
                write!(
                    f,
                    "the data directory was migrated from format {from} to {to}; what was in it before is in {backup}"
                )
            }
            Self::ListenerAdded(ListenerAdded { url, remembered: true }) => write!(f, "serves on {url}"),
            Self::ListenerAdded(ListenerAdded { url, .. }) => write!(f, "serves on {url} until the host ends"),
            Self::ListenerRemoved { url, origin } => write!(f, "serves on {url} no more ({origin})"),
            Self::ListenerEnded { url, cut: 0 } => write!(f, "all connections of {url} have ended"),
            Self::ListenerEnded { url, cut } => write!(f, "connections of {url} were cut: {cut}"),
            Self::Message(report) => report.fmt(f),
            Self::Unknown => f.write_str("something that this reader does not know"),
        }
    }
}

/// Times as whole milliseconds.
pub(crate) mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// Points in time as a [`Moment`](crate::control::Moment) is written.
mod moment {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::control::Moment;

    pub(super) fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        Moment(*time).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        Moment::deserialize(deserializer).map(|Moment(time)| time)
    }
}

/// A time at which a schedule was due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tick {
    /// Which app.
    pub app: AppId,
    /// What runs.
    pub component: ComponentName,
    /// Which of its schedules, as [`CronTrigger`] is written.
    pub trigger: String,
    /// The time.
    #[serde(with = "moment")]
    #[schemars(with = "crate::control::Moment")]
    pub at: DateTime<Utc>,
}

/// Why a tick did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
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
