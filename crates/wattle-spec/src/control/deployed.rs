//! The apps that a host remembers: which generations of them there are, and how far they are.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Moment;
use crate::digest::Digest;
use crate::name::{AppId, ComponentName};

/// How far an app is. What leads from one to another is drawn in `docs/concepts/lifecycle.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AppState {
    /// It is fetched, compiled, tried out; nothing of it runs.
    Starting,
    /// It runs.
    Running,
    /// It is to run, and is not in memory: its next request starts it.
    Asleep,
    /// It runs, and a generation that is to take its place is made ready.
    Updating,
    /// What is under way in it ends.
    Stopping,
    /// It was stopped, and stays so until somebody starts it.
    Stopped,
    /// It should run and could not be started; it is tried again when the host is started, or when somebody says so.
    Failed,
    /// One that a newer host has and this reader does not know.
    #[serde(other)]
    Unknown,
}

/// An app that a host remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployedApp {
    /// Which app.
    pub app: AppId,
    /// How far it is.
    pub state: AppState,
    /// Why it does not run, if it should; or why what was applied last does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Which of its generations runs, or is to run.
    pub generation: u64,
    /// Those that are kept, the newest first.
    pub generations: Vec<Generation>,
}

/// One version of an app on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Generation {
    /// Its number: from 1, one more each time.
    pub generation: u64,
    /// When it was applied.
    pub applied: Moment,
    /// What was applied: a path, or a reference with its digest.
    pub source: String,
    /// The version that its manifest has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its components.
    pub components: BTreeMap<ComponentName, Digest>,
}

/// What became of an app that was applied, started or rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Applied {
    /// Which app.
    pub app: AppId,
    /// The generation that runs now.
    pub generation: u64,
    /// What that changed.
    pub change: Change,
}

/// What an action changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It did not run before.
    Started,
    /// It took the place of another generation.
    Updated,
    /// Nothing: this is what runs.
    Unchanged,
    /// Something that this reader does not know.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Asleep => "asleep",
            Self::Updating => "updating",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Started => "started",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Unknown => "changed",
        })
    }
}
