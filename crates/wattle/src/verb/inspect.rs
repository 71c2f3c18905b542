//! `wattle inspect`: what a Wasm file or an artifact is, what it imports and exports, and what it could therefore touch.

mod remote;

use std::fmt::Write;

use serde::Serialize;
use wattle_spec::digest::Digest;
use wattle_spec::limits::HostLimits;
use wattle_spec::manifest::Source;
use wattle_spec::shape::{Kind, Shape, reach};
use wit_component::{DecodedWasm, WitPrinter};

use super::{print, print_json};
use crate::cli::Inspect;
use crate::input::component;
use crate::problem::Problem;

/// What `--json` prints.
#[derive(Serialize)]
struct Inspected {
    digest: String,
    size_bytes: u64,
    kind: &'static str,
    imports: Vec<String>,
    exports: Vec<String>,
    touches: Vec<String>,
}

pub(crate) fn run(arguments: &Inspect) -> Result<(), Problem> {
    // A file goes first, whatever it is called.
    let source = arguments.what.to_str().filter(|_| !arguments.what.exists()).and_then(|text| text.parse().ok());
    match source {
        Some(Source::Registry(reference)) if arguments.wit => Err(Problem::NoLayer { reference }),
        Some(Source::Registry(reference)) => remote::run(arguments, &reference),
        Some(Source::File(_)) | None => file(arguments),
    }
}

fn file(arguments: &Inspect) -> Result<(), Problem> {
    let (bytes, shape) = component(&arguments.what, HostLimits::default().compile_size)?;
    if arguments.wit {
        return print(&wit(arguments, &bytes, &shape)?);
    }
    let inspected = Inspected {
        digest: Digest::of(&bytes).to_string(),
        size_bytes: bytes.len() as u64,
        kind: match shape.kind {
            Kind::Module => "module",
            Kind::Component02 => "component-0.2",
            Kind::Component03 => "component-0.3",
        },
        imports: shape.imports.iter().map(ToString::to_string).collect(),
        exports: shape.exports.iter().map(ToString::to_string).collect(),
        touches: reach(&shape.imports),
    };
    match arguments.json {
        true => print_json(&inspected),
        false => print(&page(&inspected, &shape)),
    }
}

fn page(inspected: &Inspected, shape: &Shape) -> String {
    let Inspected { digest, size_bytes, imports, exports, touches, .. } = inspected;
    let mut page = String::new();
    let _ = writeln!(page, "digest   {digest}");
    let _ = writeln!(page, "size     {size_bytes} bytes{}", readable(*size_bytes));
    let _ = writeln!(page, "kind     {}", shape.kind);
    for (title, items) in [("imports", imports), ("exports", exports), ("touches", touches)] {
        section(&mut page, title, items.iter().cloned());
    }
    page
}

/// Adds `items` below each other, beside their title.
fn section(page: &mut String, title: &str, items: impl IntoIterator<Item = String>) {
    let mut items = items.into_iter();
    let _ = writeln!(page, "{title:9}{}", items.next().unwrap_or_else(|| "nothing".into()));
    for item in items {
        let _ = writeln!(page, "         {item}");
    }
}

fn readable(bytes: u64) -> String {
    match bytes {
        0..1024 => String::new(),
        1024..1_048_576 => format!(" ({:.1} KiB)", bytes as f64 / 1024.0),
        _ => format!(" ({:.1} MiB)", bytes as f64 / 1_048_576.0),
    }
}

fn wit(arguments: &Inspect, bytes: &[u8], shape: &Shape) -> Result<String, Problem> {
    let path = || arguments.what.clone();
    if shape.kind == Kind::Module {
        return Err(Problem::NoWit(path()));
    }
    let failed = |error: anyhow::Error| Problem::Wit { path: path(), reason: format!("{error:#}") };
    let decoded = wit_component::decode(bytes).map_err(failed)?;
    let main = decoded.package();
    let others: Vec<_> = decoded.resolve().packages.iter().map(|(id, _)| id).filter(|id| *id != main).collect();
    let mut printer = WitPrinter::default();
    let nested = match &decoded {
        DecodedWasm::WitPackage(..) | DecodedWasm::Component(..) => others,
    };
    printer.print(decoded.resolve(), main, &nested).map_err(failed)?;
    Ok(printer.output.to_string())
}
