//! What can be done to a host while it runs, and what came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Applied, ComponentLinks, Cut, ListenerAdded, ListenerRemoved, MoveReport, ScheduleRun};
use crate::label::LinkKey;
use crate::listen::Listen;
use crate::manifest::Pull;
use crate::name::{AppId, BackendName, ComponentName, Namespace, ProviderName};

/// What can be done to a host while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// An app runs from now on, also when the host is started again. If one of its name runs, this takes its place as a new
    /// generation: when it is ready, and not before.
    Apply {
        /// What: a manifest, a folder with one, or a component, by a path on the machine of the host that does not depend on
        /// where anybody is; or the reference of an app or a component in a registry.
        source: String,
        /// Where its name counts.
        #[serde(default)]
        namespace: Namespace,
        /// When registries are asked. Absent: as the manifest says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pull: Option<Pull>,
        /// Whether it has to be exactly what its lock says.
        #[serde(default)]
        locked: bool,
        /// The generation that it is to be. One that is not newer than what is there is refused, so that nothing old comes
        /// in the place of something new. Absent: the next one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<u64>,
    },
    /// An earlier generation of an app runs again, as a new one.
    Rollback {
        /// Which app.
        app: AppId,
        /// Which generation. Absent: the one before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        generation: Option<u64>,
        /// The generation that it must be at now, or nothing is done. Absent: any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<u64>,
    },
    /// An app that was stopped runs again.
    Start {
        /// Which app.
        app: AppId,
        /// The generation that it must be at now, or nothing is done. Absent: any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<u64>,
    },
    /// An app ends, and stays known: what it keeps, its generations.
    Stop {
        /// Which app.
        app: AppId,
        /// The generation that it must be at now, or nothing is done. Absent: any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<u64>,
    },
    /// An app ends and is forgotten. What it keeps in backends stays there.
    Remove {
        /// Which app.
        app: AppId,
        /// The generation that it must be at now, or nothing is done. Absent: any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<u64>,
    },
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
    /// The host serves on one more address, also when it is started again if it remembers what it is told.
    AddListener {
        /// Which, as in `--listen`. With port 0 the system chooses one.
        listen: Listen,
    },
    /// The host serves on an address no more: connections there end after what is under way. One that nobody added is there
    /// again when the host is started again.
    RemoveListener {
        /// Which, as in `--listen`.
        listen: Listen,
    },
    /// The host ends in good order, as at a signal: it takes nothing more, and what is under way ends.
    Drain {},
}

impl Action {
    /// The app that it is about, if that is known before it is done.
    pub fn app(&self) -> Option<&AppId> {
        match self {
            Self::Apply { .. } | Self::AddListener { .. } | Self::RemoveListener { .. } | Self::Drain {} => None,
            Self::Rollback { app, .. }
            | Self::Start { app, .. }
            | Self::Stop { app, .. }
            | Self::Remove { app, .. }
            | Self::RunSchedule { app, .. }
            | Self::SetLink { app, .. }
            | Self::MoveLink { app, .. }
            | Self::RemoveLink { app, .. } => Some(app),
        }
    }
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "done", rename_all = "kebab-case")]
pub enum Done {
    /// A generation of an app runs and is ready.
    Applied(Applied),
    /// An app has ended.
    Stopped {
        /// Which one.
        app: AppId,
    },
    /// An app has ended and is forgotten.
    Removed {
        /// Which one.
        app: AppId,
    },
    /// The run of a schedule has ended, well or not.
    ScheduleRan(ScheduleRun),
    /// New invocations use these links.
    Linked(ComponentLinks),
    /// What a link kept is somewhere else.
    Moved(MoveReport),
    /// The host serves on an address.
    ListenerAdded(ListenerAdded),
    /// The host serves on an address no more.
    ListenerRemoved(ListenerRemoved),
    /// The host has ended but for this answer.
    Drained {
        /// What had not ended within the limit `drain`, and is cut. Absent: nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut: Option<Cut>,
    },
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
        check(r#"{"action":"drain"}"#, true);
        check(r#"{"action":"drain","now":true}"#, false);
        check(r#"{"action":"add-listener","listen":"https://[::]:0"}"#, true);
        check(r#"{"action":"add-listener","listen":"localhost:80"}"#, false);
        check(r#"{"action":"remove-listener","listen":80}"#, false);
        check(r#"{"action":"fly","app":"shop","schedule":"job"}"#, false);
    }
}
