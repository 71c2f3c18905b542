//! How far the start or the update of an app is, for whoever waits for it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{AppId, ComponentName};
use crate::units::About;

/// How far an action is that starts or updates an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionProgress {
    /// Which action: its number since the host began, from 0. Two at a time on the same app have two.
    pub action: u64,
    /// What is applied, as in the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Which app that is. Absent: nobody knows yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// How far.
    #[serde(flatten)]
    pub progress: Progress,
}

/// How far the start or the update of an app is. Some steps are left out, and some come again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Progress {
    /// It waits for its turn: others are read or started, or something else is done to the same app.
    Waiting,
    /// It is read and judged.
    Reading,
    /// Parts of it come from registries.
    Pulling(Pulling),
    /// The code of a component waits for its turn to be compiled.
    Queued(ComponentProgress),
    /// The code of a component is compiled.
    Compiling(ComponentProgress),
    /// Its components are joined and instantiated once, its backends are asked, its subscriptions are opened.
    Starting,
    /// Its health path is asked until the answer is good.
    Checking {
        /// What is asked for.
        path: String,
    },
    /// One that a newer host has and this reader does not know.
    #[serde(other)]
    Unknown,
}

/// What comes from registries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Pulling {
    /// The bytes that have come, of all artifacts.
    pub bytes: u64,
    /// How many come, as far as it is known: what has not been looked at yet comes on top.
    pub total_bytes: u64,
    /// Those of which something is still to come.
    pub artifacts: Vec<PulledArtifact>,
}

/// How much of an artifact has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PulledArtifact {
    /// Its reference.
    pub reference: String,
    /// The bytes that have come.
    pub bytes: u64,
    /// How many come.
    pub total_bytes: u64,
}

/// Which component of an app something is done with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentProgress {
    /// Its name.
    pub component: ComponentName,
    /// Which one it is of those that are made, from 1. What is compiled already counts.
    pub nth: usize,
    /// How many are made.
    pub of: usize,
}

impl Progress {
    /// Whether nothing has changed since but numbers.
    pub fn is_same_step(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pulling(_), Self::Pulling(_)) => true,
            (this, other) => this == other,
        }
    }

    /// As a cell of a table shows it.
    pub fn short(&self) -> String {
        match self {
            Self::Waiting => "waiting".into(),
            Self::Pulling(pulling) => format!("pulling {} %", pulling.percent()),
            Self::Queued(_) => "waiting to compile".into(),
            Self::Compiling(ComponentProgress { nth, of, .. }) => format!("compiling {nth} of {of}"),
            other => other.to_string(),
        }
    }
}

impl Pulling {
    /// How much has come, in whole percent: 100 when all has.
    pub fn percent(&self) -> u64 {
        match self.total_bytes {
            0 => 0,
            total => (u128::from(self.bytes) * 100 / u128::from(total)).min(100) as u64,
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waiting for its turn"),
            Self::Reading => f.write_str("reading"),
            Self::Pulling(pulling) => pulling.fmt(f),
            Self::Queued(component) => write!(f, "waiting for its turn to compile {component}"),
            Self::Compiling(component) => write!(f, "compiling {component}"),
            Self::Starting => f.write_str("starting"),
            Self::Checking { path } => write!(f, "waiting until {path} answers well"),
            Self::Unknown => f.write_str("something that this reader does not know"),
        }
    }
}

impl fmt::Display for Pulling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pulling ")?;
        match self.artifacts.as_slice() {
            [] => {}
            [one] => write!(f, "{} ", one.reference)?,
            several => write!(f, "{} artifacts ", several.len())?,
        }
        let (bytes, total) = (About(self.bytes), About(self.total_bytes));
        write!(f, "({bytes} of {total}, {} %)", self.percent())
    }
}

impl fmt::Display for ComponentProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { component, nth, of } = self;
        write!(f, "{component} ({nth} of {of})")
    }
}

/// How far it is, without the app that it is about.
impl fmt::Display for ActionProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.app, &self.source) {
            (None, Some(source)) => write!(f, "{source}: {}", self.progress),
            _ => self.progress.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Event;
    use crate::report::Report;

    fn pulling(bytes: u64, total_bytes: u64, references: &[&str]) -> Progress {
        let artifact = |reference: &&str| PulledArtifact { reference: (*reference).into(), bytes: 0, total_bytes };
        Progress::Pulling(Pulling { bytes, total_bytes, artifacts: references.iter().map(artifact).collect() })
    }

    fn compiling(nth: usize) -> Progress {
        Progress::Compiling(ComponentProgress { component: "cart".parse().expect("a name"), nth, of: 5 })
    }

    #[test]
    fn for_people() {
        let check = |progress: Progress, long: &str, short: &str| {
            assert_eq!((progress.to_string().as_str(), progress.short().as_str()), (long, short));
        };
        check(Progress::Waiting, "waiting for its turn", "waiting");
        check(compiling(2), "compiling cart (2 of 5)", "compiling 2 of 5");
        check(pulling(0, 0, &[]), "pulling (0 B of 0 B, 0 %)", "pulling 0 %");
        check(pulling(1 << 20, 3 << 20, &["a/b:1"]), "pulling a/b:1 (1 MiB of 3 MiB, 33 %)", "pulling 33 %");
        check(
            pulling(u64::MAX, 9, &["a", "b"]),
            "pulling 2 artifacts (17179869184 GiB of 9 B, 100 %)",
            "pulling 100 %",
        );
        let path = "/healthz".to_owned();
        check(
            Progress::Checking { path },
            "waiting until /healthz answers well",
            "waiting until /healthz answers well",
        );
    }

    #[test]
    fn steps() {
        assert!(pulling(1, 9, &["a"]).is_same_step(&pulling(2, 9, &[])));
        assert!(!pulling(1, 9, &[]).is_same_step(&Progress::Reading));
        assert!(!compiling(1).is_same_step(&compiling(2)), "each component is a step");
    }

    /// It is one report among others, and what a newer host says is still one.
    #[test]
    fn as_events() {
        let check = |progress: Progress, app: Option<&str>, told: &str| {
            let app = app.map(|app| app.parse().expect("an app"));
            let progress = ActionProgress { action: 7, source: Some("/srv/shop".into()), app, progress };
            let report = Report::Progress(progress);
            let time = crate::control::Moment(chrono::DateTime::UNIX_EPOCH);
            let event = Event { number: 3, time, host: "h".into(), boot: "b".into(), report };
            let text = serde_json::to_string(&event).expect("a text");
            assert_eq!(serde_json::from_str::<Event>(&text).expect("an event"), event, "{text}");
            assert_eq!(event.report.to_string(), told);
        };
        check(compiling(1), Some("shop"), "compiling cart (1 of 5)");
        check(pulling(1, 2, &["a/b:1"]), None, "/srv/shop: pulling a/b:1 (1 B of 2 B, 50 %)");
        let text = r#"{"action":1,"step":"polishing","gloss":3}"#;
        let newer: ActionProgress = serde_json::from_str(text).expect("progress");
        assert_eq!(newer.progress, Progress::Unknown);
    }
}
