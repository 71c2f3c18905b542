//! The numbers as OpenMetrics text, for whoever comes to read them.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit as TextUnit};

use super::Telemetry;
use super::shard::BOUNDS;
use super::snapshot::{self, Family, Kind, Unit, Value};

/// The media type of [`render`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All numbers as text.
pub(crate) fn render(telemetry: &Arc<Telemetry>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(All(telemetry.clone())));
    let mut text = String::new();
    text::encode(&mut text, &registry).expect("invariant: writing to a string does not fail");
    text
}

struct All(Arc<Telemetry>);

impl fmt::Debug for All {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("All")
    }
}

impl Collector for All {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        snapshot::take(&self.0).iter().try_for_each(|family| {
            let name = family.name.replace('.', "_");
            let unit = family.unit.map(|unit| match unit {
                Unit::Seconds => TextUnit::Seconds,
                Unit::Bytes => TextUnit::Bytes,
            });
            let metric = encoder.encode_descriptor(&name, family.help, unit.as_ref(), type_of(family))?;
            encode_points(metric, family)
        })
    }
}

fn type_of(family: &Family) -> MetricType {
    match family.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    }
}

fn encode_points(mut metric: MetricEncoder<'_>, family: &Family) -> fmt::Result {
    family.points.iter().try_for_each(|point| match point.labels.is_empty() {
        true => encode_value(&mut metric, &point.value),
        false => encode_value(&mut metric.encode_family(&point.labels)?, &point.value),
    })
}

fn encode_value(metric: &mut MetricEncoder<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Total(count) => metric.encode_counter::<NoLabelSet, u64, u64>(count, None),
        Value::Sum(sum) => metric.encode_counter::<NoLabelSet, f64, u64>(sum, None),
        Value::Level(level) => metric.encode_gauge(level),
        Value::Distribution { buckets, sum } => {
            let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
            let bounded: Vec<(f64, u64)> = bounds.zip(buckets.iter().copied()).collect();
            metric.encode_histogram::<NoLabelSet>(*sum, buckets.iter().sum(), &bounded, None)
        }
    }
}
