//! What the numbers are at one moment, in the form that both ways of telling them are made from.

use std::time::SystemTime;

use super::called::CallEnd;
use super::delivered::Fate;
use super::host_call::{FUNCTIONS_OF, Outcome};
use super::metrics::Series;
use super::shard::{BOUNDS, STATUSES};
use super::{Telemetry, process};
use crate::answer::ErrorCode;

/// Numbers of one kind.
pub(super) struct Family {
    /// With full stops between its words, without its unit.
    pub(super) name: &'static str,
    pub(super) unit: Option<Unit>,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) points: Vec<Point>,
}

/// How numbers change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// They only grow.
    Counter,
    /// They go up and down.
    Gauge,
    /// They are distributions.
    Histogram,
}

/// What is counted, if not things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Bytes,
}

/// One number.
pub(super) struct Point {
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) since: SystemTime,
    pub(super) value: Value,
}

/// How much.
pub(super) enum Value {
    /// It only grows.
    Total(u64),
    /// The same of a fraction.
    Sum(f64),
    /// It goes up and down.
    Level(i64),
    /// How often a value fell below each of [`BOUNDS`] and not below the one before, and above them all; and their sum.
    Distribution { buckets: Vec<u64>, sum: f64 },
}

impl Family {
    fn new(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self { name, unit: None, kind, help, points: Vec::new() }
    }

    fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Counter, name, help)
    }

    fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Gauge, name, help)
    }

    fn in_unit(self, unit: Unit) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// Adds a point of `series`, with one more label.
    fn add(&mut self, series: &Series, more: Option<(&'static str, &'static str)>, value: Value) {
        let own = [("app", &series.app), ("component", &series.component)];
        let own = own.into_iter().filter_map(|(label, name)| Some((label, name.clone()?)));
        let labels = own.chain(more.map(|(label, value)| (label, value.to_owned()))).collect();
        self.points.push(Point { labels, since: series.since, value });
    }
}

/// All families that there are, those without points included.
pub(super) fn take(telemetry: &Telemetry) -> Vec<Family> {
    let series = telemetry.metrics.all();
    let mut families = of_requests(&series);
    families.extend(of_instances(&series));
    families.extend(of_messages(&series));
    families.extend(of_calls(&series));
    families.extend(of_host_calls(&series));
    families.extend(of_host(telemetry));
    families
}

fn of_requests(series: &[impl AsRef<Series>]) -> Vec<Family> {
    let mut requests = Family::counter("wattle.requests", "Requests that have ended, by the class of their status");
    let help = "Time from a request's head to the end of its answer";
    let mut durations = Family::new(Kind::Histogram, "wattle.request.duration", help).in_unit(Unit::Seconds);
    let mut in_flight = Family::gauge("wattle.requests.in_flight", "Requests under way in an app");
    let mut failures =
        Family::counter("wattle.failures", "Requests that no component or folder answered, or not to the end");
    for series in series.iter().map(AsRef::as_ref) {
        for (index, status) in STATUSES.iter().enumerate() {
            let count = series.sum(|shard| &shard.requests[index]);
            if count > 0 {
                requests.add(series, Some(("status", status)), Value::Total(count));
            }
        }
        let buckets = (0..=BOUNDS.len()).map(|index| series.sum(|shard| &shard.durations[index])).collect();
        let sum = series.sum(|shard| &shard.duration_us) as f64 / 1e6;
        durations.add(series, None, Value::Distribution { buckets, sum });
        in_flight.add(series, None, Value::Level(series.level(|shard| &shard.in_flight)));
        for code in ErrorCode::ALL {
            let count = series.sum(|shard| &shard.failures[*code as usize]);
            if count > 0 {
                failures.add(series, Some(("code", code.as_str())), Value::Total(count));
            }
        }
    }
    vec![requests, durations, in_flight, failures]
}

fn of_instances(series: &[impl AsRef<Series>]) -> Vec<Family> {
    let mut made = Family::counter("wattle.instances.made", "Instances made of a component");
    let mut warm = Family::gauge("wattle.instances.warm", "Instances that are kept to be used again");
    let help = "Linear memory of the instances of a component that are there";
    let mut memory = Family::gauge("wattle.instances.memory", help).in_unit(Unit::Bytes);
    let help =
        "Time that cores worked for instances of a component: what they compute, and what the host does for them";
    let mut cpu = Family::counter("wattle.cpu", help).in_unit(Unit::Seconds);
    let mut lines = Family::counter("wattle.log_lines.dropped", "Lines of a guest above log-lines-per-second");
    for series in series.iter().map(AsRef::as_ref).filter(|series| series.component.is_some()) {
        made.add(series, None, Value::Total(series.sum(|shard| &shard.instances_made)));
        warm.add(series, None, Value::Level(series.level(|shard| &shard.instances_warm)));
        memory.add(series, None, Value::Level(series.level(|shard| &shard.memory)));
        cpu.add(series, None, Value::Sum(series.sum(|shard| &shard.cpu_ns) as f64 / 1e9));
        lines.add(series, None, Value::Total(series.sum(|shard| &shard.log_lines_dropped)));
    }
    vec![made, warm, memory, cpu, lines]
}

fn of_messages(series: &[impl AsRef<Series>]) -> Vec<Family> {
    let help = "Messages that a component was called with, each time, by what became of them";
    let mut messages = Family::counter("wattle.messages", help);
    let mut in_flight = Family::gauge("wattle.messages.in_flight", "Messages that are being handled");
    for series in series.iter().map(AsRef::as_ref) {
        let counts = Fate::ALL.map(|fate| (fate, series.sum(|shard| &shard.messages[fate as usize])));
        for (fate, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            messages.add(series, Some(("outcome", fate.as_str())), Value::Total(count));
        }
        let level = series.level(|shard| &shard.messages_in_flight);
        if level > 0 || counts.iter().any(|(_, count)| *count > 0) {
            in_flight.add(series, None, Value::Level(level));
        }
    }
    vec![messages, in_flight]
}

fn of_calls(series: &[impl AsRef<Series>]) -> Vec<Family> {
    let help = "Calls of a component by others of its app, by how they ended";
    let mut calls = Family::counter("wattle.calls", help);
    let mut in_flight = Family::gauge("wattle.calls.in_flight", "Calls of a component that somebody waits for");
    for series in series.iter().map(AsRef::as_ref) {
        let counts = CallEnd::ALL.map(|end| (end, series.sum(|shard| &shard.calls[end as usize])));
        for (end, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            calls.add(series, Some(("outcome", end.as_str())), Value::Total(count));
        }
        let level = series.level(|shard| &shard.calls_in_flight);
        if level > 0 || counts.iter().any(|(_, count)| *count > 0) {
            in_flight.add(series, None, Value::Level(level));
        }
    }
    vec![calls, in_flight]
}

fn of_host_calls(series: &[impl AsRef<Series>]) -> Vec<Family> {
    let mut calls = Family::counter("wattle.host_calls", "Calls of host functions that a backend answers");
    let mut outgoing = Family::counter("wattle.outgoing_requests", "Requests that components sent");
    for series in series.iter().map(AsRef::as_ref) {
        for (interface, name) in FUNCTIONS_OF.iter().enumerate() {
            for outcome in Outcome::ALL {
                let count = series.sum(|shard| &shard.host_calls[interface][outcome as usize]);
                if count > 0 {
                    calls.add(series, Some(("interface", name)), Value::Total(count));
                    calls.label_last("outcome", outcome.as_str());
                }
            }
        }
        for (index, status) in STATUSES.iter().enumerate() {
            let count = series.sum(|shard| &shard.outgoing[index]);
            if count > 0 {
                outgoing.add(series, Some(("status", status)), Value::Total(count));
            }
        }
    }
    vec![calls, outgoing]
}

impl Family {
    fn label_last(&mut self, label: &'static str, value: &str) {
        if let Some(point) = self.points.last_mut() {
            point.labels.push((label, value.to_owned()));
        }
    }
}

fn of_host(telemetry: &Telemetry) -> Vec<Family> {
    let whole = |mut family: Family, value: Option<Value>| {
        let point = |value| Point { labels: Vec::new(), since: telemetry.since, value };
        family.points.extend(value.map(point));
        family
    };
    let dropped = telemetry.tracer.as_ref().map(|tracer| Value::Total(tracer.dropped()));
    let usage = process::usage();
    vec![
        whole(Family::counter("wattle.telemetry.spans_dropped", "Spans that no collector was told of"), dropped),
        whole(
            Family::gauge("process.resident_memory", "Memory of the host that is in use").in_unit(Unit::Bytes),
            usage.as_ref().map(|usage| Value::Level(usage.resident_bytes)),
        ),
        whole(
            Family::counter("process.cpu", "Processor time that the host has used").in_unit(Unit::Seconds),
            usage.as_ref().map(|usage| Value::Sum(usage.cpu_seconds)),
        ),
    ]
}
