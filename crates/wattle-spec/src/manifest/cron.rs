//! Cron triggers as written: `[[triggers.cron]]`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::cron::{CronTrigger, Missed, Overlap, Schedule, Zone};
use crate::document::Written;
use crate::fault::Fault;
use crate::name::ComponentName;
use crate::units::Span;

/// A cron trigger as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct CronEntry {
    /// When: minute, hour, day of the month, month, day of the week, with seconds in front if there are six fields; or
    /// `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    pub schedule: Written<Schedule>,
    /// The component that runs: `wasi:cli/run`, or `_start` of a core module. It gets its name as the only argument, and
    /// beside its own variables `WATTLE_TICK`, the time that was due, and `WATTLE_SCHEDULE`.
    pub component: Written<ComponentName>,
    /// On whose clock, by its name in the IANA database.
    #[serde(default)]
    #[schemars(extend("default" = "UTC"))]
    pub timezone: Zone,
    /// What happens at a tick while an earlier one still runs: it is left out, both run, or it waits.
    #[serde(default)]
    #[schemars(extend("default" = "skip"))]
    pub overlap: Overlap,
    /// What happens to ticks that came while the host was down or suspended: they are left out, or the last of them runs.
    /// For that the last tick that ran is kept in the data directory.
    #[serde(default)]
    #[schemars(extend("default" = "skip"))]
    pub missed: Missed,
    /// Each run begins by up to this much later, to spread what is due at the same time.
    pub jitter: Option<Span>,
}

impl CronEntry {
    /// The trigger that is meant.
    pub fn resolved(&self) -> CronTrigger {
        CronTrigger {
            component: self.component.value.clone(),
            schedule: self.schedule.value.clone(),
            zone: self.timezone,
            overlap: self.overlap,
            missed: self.missed,
            jitter: self.jitter.map(|Span(jitter)| jitter).unwrap_or_default(),
        }
    }
}

/// Triggers that are there twice: nobody could tell their ticks apart.
pub(super) fn duplicates(crons: &[CronEntry]) -> Vec<Fault> {
    let mut first = std::collections::BTreeMap::new();
    let mut faults = Vec::new();
    for entry in crons {
        let trigger = entry.resolved().to_string();
        match first.get(&trigger) {
            None => drop(first.insert(trigger, &entry.schedule)),
            Some(earlier) => faults.push(
                Fault::new(format!("{trigger} is there twice"))
                    .at(entry.schedule.span.clone())
                    .also(earlier.span.clone(), "the first is here")
                    .hint("remove one of the two"),
            ),
        }
    }
    faults
}
