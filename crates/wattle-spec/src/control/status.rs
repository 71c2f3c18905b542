//! How a host and its apps are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ActionProgress, AppState, Progress};
use crate::name::{AppId, BackendName, ComponentName};

/// A host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Whether an action that takes long says how far it is, to whoever asks so (`progress=true`).
    #[serde(default)]
    pub tells_progress: bool,
    /// Its apps by name, those that start included.
    pub apps: Vec<AppStatus>,
    /// The actions that start or update an app and are under way, on a host that remembers its apps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub under_way: Vec<ActionProgress>,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// How far its start or its update is, if one is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Whether everything is ready that it depends on.
    pub ready: bool,
    /// What is not.
    pub waiting: Vec<Waiting>,
    /// How long it has run, in milliseconds. Absent: it starts.
    pub uptime_ms: Option<u64>,
    /// Its requests, of components and of folders. Absent: nobody counts.
    pub requests: Option<Requests>,
    /// What it has done lately, with its folders. Absent: nobody counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
    /// The instances of its components. Absent: nobody counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<Instances>,
    /// The machine code of its components that is in memory, in bytes. Absent: none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_bytes: Option<u64>,
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
            progress: None,
            ready: false,
            waiting: Vec::new(),
            uptime_ms: None,
            requests: None,
            rates: None,
            instances: None,
            code_bytes: None,
            components: Vec::new(),
            moving: None,
        }
    }
}

/// How far a move is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// Which part, such as `backend orders`.
    pub part: String,
    /// Why it is not ready.
    pub reason: String,
}

/// A component of an app that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentStatus {
    /// Which one.
    pub component: ComponentName,
    /// How it is, if it is a service.
    pub service: Option<ServiceState>,
    /// Its requests. Absent: nobody counts.
    pub requests: Option<Requests>,
    /// What it has done lately. Absent: nobody counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
    /// Its instances. Absent: nobody counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<Instances>,
    /// How much memory each of its instances may hold, in bytes: its limit `memory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<u64>,
    /// Its machine code, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_bytes: Option<u64>,
}

/// Requests over HTTP since the app was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Requests {
    /// Those that have ended.
    pub served: u64,
    /// Those of them that failed: their status is 500 or above, or they ended without one.
    pub failed: u64,
    /// Those under way.
    pub in_flight: u64,
}

/// What was done lately: in the last minute, or since it runs if that is shorter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rates {
    /// Over how long, in milliseconds: a minute, and up to a few seconds more.
    pub window_ms: u64,
    /// Requests over HTTP that ended, for each second.
    pub requests_per_second: f64,
    /// Those of them that failed, for each second.
    pub failed_per_second: f64,
    /// In which time 99 of 100 of them ended, in milliseconds: estimated from the buckets of the histogram of durations, within
    /// which they are taken to be spread evenly. Above the last bound it is that bound. Absent: none ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// How much of one core its instances kept busy, in percent. On several cores it can be more than 100.
    pub cpu_percent: f64,
}

/// The instances that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Instances {
    /// How many.
    pub count: u64,
    /// The linear memory that they hold together, in bytes.
    pub memory_bytes: u64,
    /// The most that one instance has held since the app runs, in bytes. The limit `memory` is for each.
    pub largest_bytes: u64,
}

/// How a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

impl std::ops::AddAssign for Instances {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.memory_bytes += other.memory_bytes;
        self.largest_bytes = self.largest_bytes.max(other.largest_bytes);
    }
}
