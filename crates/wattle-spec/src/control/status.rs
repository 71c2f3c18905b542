//! How a host and its apps are.

use serde::{Deserialize, Serialize};

use super::AppState;
use crate::name::{AppId, BackendName, ComponentName};

/// A host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus {
    /// The version of its program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// How long it has been there, in milliseconds.
    pub uptime_ms: u64,
    /// Where it serves, as URLs.
    pub listens: Vec<String>,
    /// Whether it can be told what to run, and remembers that.
    #[serde(default)]
    pub takes_apps: bool,
    /// Its apps by name, those that start included.
    pub apps: Vec<AppStatus>,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppStatus {
    /// Which app.
    pub app: AppId,
    /// How far it is, on a host that remembers its apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AppState>,
    /// Which generation of it runs, or ran last, on such a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Why it does not run, or why what was applied last does not, on such a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether everything is ready that it depends on.
    pub ready: bool,
    /// What is not.
    pub waiting: Vec<Waiting>,
    /// How long it has run, in milliseconds. Absent: it starts.
    pub uptime_ms: Option<u64>,
    /// Its requests, of components and of folders. Absent: nobody counts.
    pub requests: Option<Requests>,
    /// Its components by name, services included.
    pub components: Vec<ComponentStatus>,
    /// How far a move of what it keeps is, if one is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving: Option<MoveProgress>,
}

impl AppStatus {
    /// Of an app of which nothing runs.
    pub fn unknown(app: &AppId) -> Self {
        Self {
            app: app.clone(),
            state: None,
            generation: None,
            reason: None,
            ready: false,
            waiting: Vec::new(),
            uptime_ms: None,
            requests: None,
            components: Vec::new(),
            moving: None,
        }
    }
}

/// How far a move is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveProgress {
    /// From which backend.
    pub from: BackendName,
    /// To which one.
    pub to: BackendName,
    /// Keys, or objects, that were copied; what changed meanwhile counts each time.
    pub copied: u64,
    /// The bytes of their values or contents.
    pub bytes: u64,
}

/// A part of a host that an app waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Which part, such as `backend orders`.
    pub part: String,
    /// Why it is not ready.
    pub reason: String,
}

/// A component of an app that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentStatus {
    /// Which one.
    pub component: ComponentName,
    /// How it is, if it is a service.
    pub service: Option<ServiceState>,
    /// Its requests. Absent: nobody counts.
    pub requests: Option<Requests>,
}

/// Requests over HTTP since the app was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Requests {
    /// Those that have ended.
    pub served: u64,
    /// Those of them that failed: their status is 500 or above, or they ended without one.
    pub failed: u64,
    /// Those under way.
    pub in_flight: u64,
}

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ServiceState {
    /// It is about to be started for the first time.
    Starting,
    /// An instance runs.
    Running {
        /// Which instance: the id that its log lines carry.
        run: String,
        /// How often it was started again.
        restarts: u64,
    },
    /// It ended and waits to be started again.
    Restarting {
        /// How it ended.
        reason: String,
        /// How long it waits in all, in milliseconds.
        after_ms: u64,
        /// How often it was started again before.
        restarts: u64,
    },
    /// It has used up its budget and is not started again.
    Failed {
        /// How it ended at last.
        reason: String,
    },
    /// It ended well and is not started again.
    Completed,
}

impl std::ops::AddAssign for Requests {
    fn add_assign(&mut self, other: Self) {
        self.served += other.served;
        self.failed += other.failed;
        self.in_flight += other.in_flight;
    }
}
