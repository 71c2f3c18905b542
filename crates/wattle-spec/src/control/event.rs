//! What a host reports, as it is told to whoever follows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Moment;
use crate::report::Report;

/// A report with who says it and when. Two of the same boot with the same number are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its number since the host began, from 0, without gaps over all apps.
    pub number: u64,
    /// When it happened.
    pub time: Moment,
    /// The name of the machine.
    pub host: String,
    /// Which start of the host, as a text that no other start has.
    pub boot: String,
    /// What happened.
    #[serde(flatten)]
    pub report: Report,
}
