//! `[telemetry]` of `host.toml` as written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CollectorUrl, Interval, Parent, Ratio, Sampling, Secret, TelemetrySpec};
use crate::document::{FieldName, Text, keyed};

/// `[telemetry]` as written. The variables of OpenTelemetry in the environment come before it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub(crate) struct TelemetryEntry {
    /// The base URL of a collector that takes OTLP over HTTP. Without one nothing is told.
    endpoint: Option<CollectorUrl>,
    /// Header fields for the collector, such as credentials. Their values are shown nowhere.
    #[serde(default)]
    #[schemars(schema_with = "keyed::<FieldName, Text>")]
    headers: BTreeMap<FieldName, Text>,
    /// How many of the traces that begin here are told. For those that began elsewhere the caller's decision counts.
    #[schemars(extend("default" = "100%"))]
    ratio: Option<Ratio>,
    /// How often metrics are told.
    #[schemars(extend("default" = "60s"))]
    interval: Option<Interval>,
    /// What this host is called there.
    #[schemars(extend("default" = "wattle"))]
    service_name: Option<String>,
    /// Whether the requests and messages that components send carry the trace that they belong to, unless they bring
    /// their own.
    #[schemars(extend("default" = true))]
    propagate: Option<bool>,
}

impl TelemetryEntry {
    pub(crate) fn resolved(self) -> TelemetrySpec {
        let default = TelemetrySpec::default();
        TelemetrySpec {
            endpoint: self.endpoint,
            headers: self.headers.into_iter().map(|(FieldName(name), Text(value))| (name, Secret(value))).collect(),
            sampling: Sampling { ratio: self.ratio.unwrap_or(default.sampling.ratio), parent: Parent::Followed },
            interval: self.interval.map_or(default.interval, |Interval(interval)| interval),
            service_name: self.service_name.unwrap_or(default.service_name),
            propagate: self.propagate.unwrap_or(default.propagate),
        }
    }
}
