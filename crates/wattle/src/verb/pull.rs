//! `wattle pull`: an artifact out of a registry, checked and kept, and into a file if somebody wants it there.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use wattle_artifact::fetch::Wanted;
use wattle_spec::digest::Digest;
use wattle_spec::manifest::Pull as When;
use wattle_spec::shape::Shape;

use super::{print, print_json, runtime};
use crate::artifacts::{artifacts, component_limit};
use crate::cli::Pull;
use crate::problem::Problem;
use crate::whole_file;

/// What `--json` prints.
#[derive(Serialize)]
struct Pulled {
    reference: String,
    manifest: String,
    digest: String,
    size_bytes: usize,
}

pub(crate) fn run(arguments: &Pull) -> Result<(), Problem> {
    let Pull { reference, component, output, .. } = arguments;
    let artifacts = artifacts(&arguments.reaching, reference)?;
    let wanted = Wanted { component: component.as_deref(), max: component_limit(&arguments.reaching)?.0 };
    let fetched = runtime()?.block_on(async {
        let resolved = artifacts.resolve(reference, When::Always, None).await?;
        artifacts.component(reference, resolved, wanted).await
    })?;
    // What is no Wasm is not given out as such.
    Shape::read(&fetched.wasm)
        .map_err(|source| Problem::NoComponent { reference: fetched.reference.clone(), source })?;
    match output.as_deref() {
        Some(path) if path == Path::new("-") => {
            let written = io::stdout().lock().write_all(&fetched.wasm);
            return written.map_err(|source| Problem::System { operation: "write to stdout", source });
        }
        Some(path) => whole_file::write(path, &fetched.wasm).map_err(|source| Problem::File {
            operation: "write",
            path: path.into(),
            source,
        })?,
        None => {}
    }
    match arguments.json {
        true => print_json(&Pulled {
            reference: fetched.reference.to_string(),
            manifest: fetched.manifest.to_string(),
            digest: Digest::of(&fetched.wasm).to_string(),
            size_bytes: fetched.wasm.len(),
        }),
        false => print(&format!("{}\n", fetched.reference)),
    }
}
