//! Backends: where the state of capabilities is kept, or where their bytes go.

mod nats;
mod settings;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::nats::{NatsAuth, NatsServer, NatsServerError, NatsSpec, NatsTls, SERVER_DEFAULT};
use crate::quota::Quota;
use crate::resolve::State;

/// What the variables with secrets begin with if nothing else was said.
pub const PREFIX_DEFAULT: &str = "WATTLE_SECRET_";

/// A backend that a manifest or a host names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendSpec {
    /// The engine behind it.
    pub engine: EngineSpec,
    /// Who shares its state.
    pub scope: Scope,
    /// What one app may keep there, as far as it was said.
    pub quota: Quota,
}

/// The engine of a backend with all that it takes to open it: two backends of equal engines share one connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EngineSpec {
    /// In the memory of the host: gone when it stops.
    Memory,
    /// In the data directory of the host.
    Disk,
    /// On NATS with JetStream.
    Nats(Arc<NatsSpec>),
    /// In environment variables of the host whose names begin with a prefix. For secrets.
    Environment {
        /// What the names begin with.
        prefix: String,
    },
    /// In files of a directory that only their owner may read. For secrets.
    Files {
        /// The directory.
        directory: PathBuf,
    },
}

/// The word for an engine, the `type` of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackendKind {
    /// In the memory of the host: gone when it stops.
    Memory,
    /// In the data directory of the host.
    Disk,
    /// On NATS with JetStream.
    Nats,
    /// Secrets in environment variables of the host.
    Environment,
    /// Secrets in files that only their owner may read.
    Files,
}

/// Every type of backend.
pub const ALL_KINDS: [BackendKind; 5] =
    [BackendKind::Memory, BackendKind::Disk, BackendKind::Nats, BackendKind::Environment, BackendKind::Files];

/// Who shares a backend's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Every app has its own.
    #[default]
    App,
    /// All apps that name it see the same.
    Shared,
}

impl BackendSpec {
    /// A backend in which every app has its own.
    pub fn own(engine: EngineSpec) -> Self {
        Self { engine, scope: Scope::App, quota: Quota::default() }
    }

    /// The same with its relative paths starting from `base`.
    pub fn based(self, base: &Path) -> Self {
        let engine = match self.engine {
            EngineSpec::Nats(nats) => EngineSpec::Nats(Arc::new(nats.based(base))),
            EngineSpec::Files { directory } => EngineSpec::Files { directory: base.join(directory) },
            engine @ (EngineSpec::Memory | EngineSpec::Disk | EngineSpec::Environment { .. }) => engine,
        };
        Self { engine, ..self }
    }
}

impl EngineSpec {
    /// The word for it.
    pub fn kind(&self) -> BackendKind {
        match self {
            EngineSpec::Memory => BackendKind::Memory,
            EngineSpec::Disk => BackendKind::Disk,
            EngineSpec::Nats(_) => BackendKind::Nats,
            EngineSpec::Environment { .. } => BackendKind::Environment,
            EngineSpec::Files { .. } => BackendKind::Files,
        }
    }
}

impl BackendKind {
    /// Whether it can stand behind interfaces with that kind of state.
    pub fn keeps(self, state: State) -> bool {
        match self {
            BackendKind::Memory | BackendKind::Disk => state != State::Log,
            BackendKind::Nats => true,
            BackendKind::Environment | BackendKind::Files => state == State::Secrets,
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            BackendKind::Memory => "memory",
            BackendKind::Disk => "disk",
            BackendKind::Nats => "nats",
            BackendKind::Environment => "environment",
            BackendKind::Files => "files",
        })
    }
}
