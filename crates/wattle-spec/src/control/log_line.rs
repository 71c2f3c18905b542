//! Lines of a host's log, as they are told to whoever follows it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Moment;
use crate::name::{AppId, ComponentName};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// Its number since the host began, from 0, without gaps over all apps.
    pub number: u64,
    /// When it was written.
    pub time: Moment,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// Who says it.
    pub from: Speaker,
    /// Which app it is about, if it is about one.
    pub app: Option<AppId>,
    /// Which of its components.
    pub component: Option<ComponentName>,
    /// What is said.
    pub message: String,
    /// What is known beside it, such as the request or the run.
    pub fields: BTreeMap<String, String>,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Speaker {
    /// A component.
    Guest,
    /// The host.
    Host,
}

/// Lines that were no longer kept when their reader came to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lost {
    /// How many, whichever app they were about.
    pub lost: u64,
}
