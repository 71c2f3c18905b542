//! Health as written: `[health]`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::Written;
use crate::health::{HealthCheck, TIMEOUT_DEFAULT};
use crate::route::RequestPath;
use crate::units::Span;

/// What the app is asked for before it takes requests, as written: `health = { path = "/healthz", timeout = "30s" }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct HealthEntry {
    /// The path that `GET` asks the app's own routes for, without a socket. An answer from 200 to 299 says that it is
    /// well; until there is one it is asked again.
    pub path: Written<RequestPath>,
    /// How long it is asked again. Then the app is not started, and one that is to be updated stays as it is.
    #[schemars(extend("format" = "time-limit", "default" = "30s"))]
    pub timeout: Option<Span>,
}

impl HealthEntry {
    /// The check that is meant.
    pub fn resolved(&self) -> HealthCheck {
        let timeout = self.timeout.map_or(TIMEOUT_DEFAULT, |Span(span)| span);
        HealthCheck { path: self.path.value.clone(), timeout }
    }
}
