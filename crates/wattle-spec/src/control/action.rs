//! What can be done to a host while it runs, and what came of it.

use serde::{Deserialize, Serialize};

use super::{ComponentLinks, MoveReport, ScheduleRun};
use crate::label::LinkKey;
use crate::name::{AppId, BackendName, ComponentName, ProviderName};

/// What can be done to a host while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// A schedule runs once, now, whether or not it is due.
    RunSchedule {
        /// Of which app.
        app: AppId,
        /// The component, if it has one schedule, or the schedule as [`CronTrigger`](crate::cron::CronTrigger) is written.
        schedule: String,
    },
    /// A link leads elsewhere from now on: new invocations use that, those under way end with the old one.
    SetLink {
        /// Of which app.
        app: AppId,
        /// Of which component.
        component: ComponentName,
        /// What of its imports, as in `links`.
        interface: LinkKey,
        /// To which backend, or where a component provides it, to which other one.
        provider: ProviderName,
    },
    /// What a link keeps is moved to another backend, and the link leads there from then on, also at later starts.
    MoveLink {
        /// Of which app.
        app: AppId,
        /// Of which component.
        component: ComponentName,
        /// What of its imports, as in `links`.
        interface: LinkKey,
        /// To which backend.
        provider: BackendName,
        /// Whether what the app keeps there is removed first.
        #[serde(default)]
        replace: bool,
    },
    /// A link leads to where it led when the app was started.
    RemoveLink {
        /// Of which app.
        app: AppId,
        /// Of which component.
        component: ComponentName,
        /// What of its imports, as in `links`.
        interface: LinkKey,
    },
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "kebab-case")]
pub enum Done {
    /// The run of a schedule has ended, well or not.
    ScheduleRan(ScheduleRun),
    /// New invocations use these links.
    Linked(ComponentLinks),
    /// What a link kept is somewhere else.
    Moved(MoveReport),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_read_strictly() {
        let check = |text: &str, accepted: bool| {
            let read: Result<Action, _> = serde_json::from_str(text);
            assert_eq!(read.is_ok(), accepted, "{text}: {read:?}");
        };
        check(r#"{"action":"run-schedule","app":"default/shop","schedule":"job"}"#, true);
        check(r#"{"action":"run-schedule","app":"shop","schedule":"job"}"#, true);
        check(r#"{"action":"run-schedule","app":"a/b/c","schedule":"job"}"#, false);
        check(r#"{"action":"run-schedule","app":"shop","schedule":"job","more":1}"#, false);
        check(r#"{"action":"run-schedule","app":"shop"}"#, false);
        check(r#"{"action":"fly","app":"shop","schedule":"job"}"#, false);
    }
}
