//! A collector of OpenTelemetry (OTLP over HTTP, with the official messages) that keeps what it is told. Any collector
//! would do; this one can be asked.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, SpanFlags, status};
use prost::Message as _;

use crate::upstream::{Request, Upstream, answer};
use crate::wait::until;

/// A collector. It serves until the process ends.
pub struct Collector {
    upstream: Upstream,
    taken: Arc<Mutex<Taken>>,
}

/// What it was told so far.
#[derive(Default)]
struct Taken {
    /// How many more requests are refused.
    busy: usize,
    spans: Vec<SeenSpan>,
    numbers: BTreeMap<String, f64>,
    heads: Vec<String>,
    bytes: Vec<u8>,
}

/// A span as a collector sees it. Identities are hex digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSpan {
    /// The service that tells of it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// What it stands for, as in `Server`.
    pub kind: &'static str,
    /// Its trace.
    pub trace: String,
    /// Its own identity.
    pub id: String,
    /// The span it belongs to; empty if there is none.
    pub parent: String,
    /// Whether that is said to be somewhere else.
    pub is_parent_remote: bool,
    /// What its trace carries for others.
    pub state: String,
    /// What is said of it.
    pub attributes: BTreeMap<String, String>,
    /// Whether it failed.
    pub failed: bool,
    /// How long it took, in nanoseconds.
    pub nanos: u64,
}

impl fmt::Display for SeenSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes: Vec<_> = self.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
        write!(f, "{}{}: {}", self.name, if self.failed { " (failed)" } else { "" }, attributes.join(", "))
    }
}

impl Collector {
    /// Starts one on a free port.
    pub fn start() -> Self {
        Self::busy_at_first(0)
    }

    /// Starts one that answers its first requests, as many as `count`, with 503.
    pub fn busy_at_first(count: usize) -> Self {
        let taken = Arc::new(Mutex::new(Taken { busy: count, ..Taken::default() }));
        let kept = taken.clone();
        let upstream = Upstream::start(move |mut connection| {
            while let Some(request) = connection.request()? {
                let status = lock(&kept).take(&request);
                std::io::Write::write_all(&mut connection.stream, &answer(status, ""))?;
            }
            Ok(())
        });
        Self { upstream, taken }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.upstream.address()
    }

    /// Its URL, as `endpoint` takes it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<SeenSpan> {
        lock(&self.taken).spans.clone()
    }

    /// Waits for a span called `name` of `service`.
    ///
    /// # Panics
    ///
    /// If none comes.
    #[track_caller]
    pub fn span(&self, service: &str, name: &str) -> SeenSpan {
        until(&format!("there is a span {name} of {service}"), || {
            self.spans().into_iter().find(|span| span.name == name && span.service == service)
        })
    }

    /// The number last told under `name`, a name with its labels: `wattle.requests{wattle.app="default/a"}`. That of a
    /// histogram is its count.
    pub fn number(&self, name: &str) -> Option<f64> {
        lock(&self.taken).numbers.get(name).copied()
    }

    /// The names of all numbers so far.
    pub fn numbers(&self) -> Vec<String> {
        lock(&self.taken).numbers.keys().cloned().collect()
    }

    /// The heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.taken).heads.clone()
    }

    /// Whether `text` is anywhere in what it was told.
    pub fn has_seen(&self, text: &str) -> bool {
        lock(&self.taken).bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().expect("invariant: nothing panics while it holds this lock")
}

impl Taken {
    /// The status of the answer.
    fn take(&mut self, request: &Request) -> &'static str {
        if self.busy > 0 {
            self.busy -= 1;
            return "503 Service Unavailable";
        }
        self.heads.push(request.head.clone());
        self.bytes.extend(&request.body);
        let path = request.head.split(' ').nth(1).unwrap_or_default().to_owned();
        let taken = match path.rsplit_once("/v1/").map(|(_, signal)| signal) {
            Some("traces") => self.take_spans(&request.body),
            Some("metrics") => self.take_numbers(&request.body),
            _ => return "404 Not Found",
        };
        if taken.is_some() { "200 OK" } else { "400 Bad Request" }
    }

    fn take_spans(&mut self, body: &[u8]) -> Option<()> {
        for told in ExportTraceServiceRequest::decode(body).ok()?.resource_spans {
            let resource = attributes(&told.resource?.attributes);
            let service = resource.get("service.name").cloned().unwrap_or_default();
            let spans = told.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.spans.extend(spans.map(|span| seen(&service, span)));
        }
        Some(())
    }

    fn take_numbers(&mut self, body: &[u8]) -> Option<()> {
        let told = ExportMetricsServiceRequest::decode(body).ok()?.resource_metrics;
        for metric in told.into_iter().flat_map(|told| told.scope_metrics).flat_map(|scope| scope.metrics) {
            let points: Vec<(Vec<KeyValue>, f64)> = match metric.data? {
                metric::Data::Sum(sum) => sum.data_points.into_iter().map(number).collect(),
                metric::Data::Gauge(gauge) => gauge.data_points.into_iter().map(number).collect(),
                metric::Data::Histogram(histogram) => {
                    let points = histogram.data_points.into_iter();
                    points.map(|point| (point.attributes, point.count as f64)).collect()
                }
                _ => return None,
            };
            for (labels, value) in points {
                self.numbers.insert(format!("{}{}", metric.name, braced(&attributes(&labels))), value);
            }
        }
        Some(())
    }
}

fn number(point: opentelemetry_proto::tonic::metrics::v1::NumberDataPoint) -> (Vec<KeyValue>, f64) {
    let value = match point.value {
        Some(number_data_point::Value::AsInt(number)) => number as f64,
        Some(number_data_point::Value::AsDouble(number)) => number,
        None => f64::NAN,
    };
    (point.attributes, value)
}

fn braced(labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
    format!("{{{}}}", labels.join(","))
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    };
    pairs.iter().map(|pair| (pair.key.clone(), text(pair).unwrap_or_default())).collect()
}

fn kind(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "Unspecified",
        SpanKind::Internal => "Internal",
        SpanKind::Server => "Server",
        SpanKind::Client => "Client",
        SpanKind::Producer => "Producer",
        SpanKind::Consumer => "Consumer",
    }
}

fn seen(service: &str, span: Span) -> SeenSpan {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    SeenSpan {
        service: service.into(),
        kind: kind(span.kind()),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        is_parent_remote: span.flags & SpanFlags::ContextIsRemoteMask as u32 != 0,
        state: span.trace_state,
        attributes: attributes(&span.attributes),
        failed: span.status.is_some_and(|status| status.code() == status::StatusCode::Error),
        nanos: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano),
        name: span.name,
    }
}
