//! Spans and numbers as the messages of OTLP (<https://opentelemetry.io/docs/specs/otlp/>).

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, SpanFlags, Status};
use prost::Message as _;

use super::shard::BOUNDS;
use super::snapshot::{Family, Kind as Shape, Point, Unit, Value as Number};
use super::tracer::{Finished, Kind, Origin, Value};

/// The first byte of the flags of W3C.
const SAMPLED: u32 = 1;

/// Whose spans and numbers they are.
pub(super) struct Sender(Resource);

impl Sender {
    pub(super) fn new(service_name: &str) -> Self {
        let attributes = vec![
            text("service.name", service_name),
            text("service.version", env!("CARGO_PKG_VERSION")),
            attribute("process.pid", any_value::Value::IntValue(std::process::id().into())),
        ];
        Self(Resource { attributes, ..Resource::default() })
    }

    /// The message that tells of `spans`.
    pub(super) fn traces(&self, spans: Vec<Finished>) -> Vec<u8> {
        let spans = spans.into_iter().map(span).collect();
        let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
        let spans = ResourceSpans { resource: Some(self.0.clone()), scope_spans, ..ResourceSpans::default() };
        ExportTraceServiceRequest { resource_spans: vec![spans] }.encode_to_vec()
    }

    /// The message that tells of `families`.
    pub(super) fn metrics(&self, families: &[Family], now: SystemTime) -> Vec<u8> {
        let told = families.iter().filter(|family| !family.points.is_empty());
        let metrics = told.map(|family| metric(family, now)).collect();
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }];
        let metrics = ResourceMetrics { resource: Some(self.0.clone()), scope_metrics, ..ResourceMetrics::default() };
        ExportMetricsServiceRequest { resource_metrics: vec![metrics] }.encode_to_vec()
    }
}

fn scope() -> InstrumentationScope {
    let version = env!("CARGO_PKG_VERSION").into();
    InstrumentationScope { name: "wattle".into(), version, ..InstrumentationScope::default() }
}

fn attribute(key: impl Into<String>, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: impl Into<String>, value: impl Into<String>) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.into()))
}

fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

fn span(span: Finished) -> Span {
    let parent = match span.parent {
        None => Vec::new(),
        Some(Origin::Here(id) | Origin::Elsewhere(id)) => id.to_be_bytes().to_vec(),
    };
    let remote = match span.parent {
        Some(Origin::Elsewhere(_)) => SpanFlags::ContextIsRemoteMask as u32,
        _ => 0,
    };
    let attributes = span.attributes.into_iter().map(|(key, value)| match value {
        Value::Text(value) => text(key, value),
        Value::Number(value) => attribute(key, any_value::Value::IntValue(value)),
    });
    let kind = match span.kind {
        Kind::Server => SpanKind::Server,
        Kind::Client => SpanKind::Client,
        Kind::Internal => SpanKind::Internal,
        Kind::Producer => SpanKind::Producer,
        Kind::Consumer => SpanKind::Consumer,
    };
    Span {
        trace_id: span.context.trace.to_be_bytes().to_vec(),
        span_id: span.context.span.to_be_bytes().to_vec(),
        trace_state: span.state.map(String::from).unwrap_or_default(),
        parent_span_id: parent,
        flags: SAMPLED | SpanFlags::ContextHasIsRemoteMask as u32 | remote,
        name: span.name.into_owned(),
        kind: kind.into(),
        start_time_unix_nano: nanos(span.began),
        end_time_unix_nano: nanos(span.ended.max(span.began)),
        attributes: attributes.collect(),
        status: span.failed.then(|| Status { code: StatusCode::Error.into(), message: String::new() }),
        ..Span::default()
    }
}

fn metric(family: &Family, now: SystemTime) -> Metric {
    let cumulative = AggregationTemporality::Cumulative.into();
    let numbers = || family.points.iter().map(|point| number(point, now)).collect();
    let data = match family.kind {
        Shape::Histogram => {
            let data_points = family.points.iter().filter_map(|point| distribution(point, now)).collect();
            Data::Histogram(Histogram { data_points, aggregation_temporality: cumulative })
        }
        Shape::Gauge => Data::Gauge(Gauge { data_points: numbers() }),
        Shape::Counter => {
            Data::Sum(Sum { data_points: numbers(), aggregation_temporality: cumulative, is_monotonic: true })
        }
    };
    let unit = match family.unit {
        Some(Unit::Seconds) => "s",
        Some(Unit::Bytes) => "By",
        None => "1",
    };
    Metric {
        name: family.name.into(),
        description: family.help.into(),
        unit: unit.into(),
        data: Some(data),
        ..Metric::default()
    }
}

fn labels(point: &Point) -> Vec<KeyValue> {
    point.labels.iter().map(|(key, value)| text(format!("wattle.{key}"), value)).collect()
}

fn number(point: &Point, now: SystemTime) -> NumberDataPoint {
    let value = match point.value {
        Number::Total(count) => number_data_point::Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX)),
        Number::Level(level) => number_data_point::Value::AsInt(level),
        Number::Sum(sum) | Number::Distribution { sum, .. } => number_data_point::Value::AsDouble(sum),
    };
    NumberDataPoint {
        attributes: labels(point),
        start_time_unix_nano: nanos(point.since),
        time_unix_nano: nanos(now),
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn distribution(point: &Point, now: SystemTime) -> Option<HistogramDataPoint> {
    let Number::Distribution { buckets, sum } = &point.value else { return None };
    Some(HistogramDataPoint {
        attributes: labels(point),
        start_time_unix_nano: nanos(point.since),
        time_unix_nano: nanos(now),
        count: buckets.iter().sum(),
        sum: Some(*sum),
        bucket_counts: buckets.clone(),
        explicit_bounds: BOUNDS.to_vec(),
        ..HistogramDataPoint::default()
    })
}
