//! Values in, snapshots out: the manifest, the host's file, shapes, routes and links.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod artifact_reference;
mod case;
mod choices;
mod cron;
mod fuzzed;
mod health;
mod hierarchy;
mod host_file;
mod labels;
mod manifest;
mod mask;
mod moving;
mod network;
mod policy;
mod quota;
mod relink;
mod resolve;
mod route;
mod schema;
mod service;
mod shape;
mod siblings;
mod subject;
mod telemetry;
mod triggers;
mod values;

use wattle_spec::fault::{Fault, Place};

/// Faults as a person reads them: `line:col message`, other places, `hint:`.
fn render(text: &str, faults: &[Fault]) -> String {
    let mut out = String::new();
    for fault in faults {
        let place = fault.place(text).map_or("-".into(), |place| place.to_string());
        out += &format!("{place} {}\n", fault.message);
        for related in &fault.related {
            out += &format!("  {} {}\n", Place::of(text, related.span.start), related.label);
        }
        for line in fault.hint.iter().flat_map(|hint| hint.lines()) {
            out += &format!("  hint: {line}\n");
        }
    }
    out
}
