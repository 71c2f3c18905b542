//! What a host tells of itself: to which collector, how much of it, how often.

mod collector;
mod entry;
mod environment;
mod interval;
mod ratio;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use collector::{CollectorUrl, CollectorUrlError};
pub(crate) use entry::TelemetryEntry;
pub use environment::{TelemetryVariableError, VARIABLES};
pub(crate) use interval::Interval;
pub use ratio::{Ratio, RatioError};

/// What a host tells a collector of OpenTelemetry (OTLP over HTTP).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetrySpec {
    /// Where the collector is. `None`: nobody is told anything.
    pub endpoint: Option<CollectorUrl>,
    /// Header fields of every request to the collector, by name.
    pub headers: BTreeMap<String, Secret>,
    /// Which traces are told.
    pub sampling: Sampling,
    /// How often metrics are told.
    pub interval: Duration,
    /// What this host is called there.
    pub service_name: String,
    /// Whether requests and messages of components carry the trace that they belong to.
    pub propagate: bool,
}

/// Which traces are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// How many of those that begin here.
    pub ratio: Ratio,
    /// What counts for those that began elsewhere.
    pub parent: Parent,
}

/// Whether the caller's decision counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// A trace that the caller tells of is told here too, and no other of its traces.
    Followed,
    /// Ours counts for every trace.
    Ignored,
}

/// A text that nobody is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Default for TelemetrySpec {
    /// Nobody is told; if somebody were, of every trace that its caller does not hold back, and every minute.
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: BTreeMap::new(),
            sampling: Sampling { ratio: Ratio::ALL, parent: Parent::Followed },
            interval: Duration::from_secs(60),
            service_name: "wattle".into(),
            propagate: true,
        }
    }
}
