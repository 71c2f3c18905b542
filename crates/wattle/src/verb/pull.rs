//! `wattle pull`: an artifact out of a registry, checked and kept, and into a file or a folder if somebody wants it there.

mod app;

use std::io::{self, Write};
use std::path::Path;

use chrono::Utc;
use serde::Serialize;
use wattle_artifact::fetch::{Artifacts, Fetched, Resolved, Wanted};
use wattle_artifact::progress::Progress;
use wattle_spec::digest::Digest;
use wattle_spec::manifest::Pull as When;
use wattle_spec::shape::Shape;

use super::{bar, print, print_json, runtime};
use crate::artifacts::{app_limits, component_limit, host_of, of_host};
use crate::cli::Pull;
use crate::policy::Signers;
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
    let Pull { reference, component, .. } = arguments;
    let host = host_of(&arguments.reaching, reference)?;
    let signers = Signers::of(&host.policy)?;
    let progress = Progress::default();
    let artifacts = of_host(&host)?.observed(progress.clone());
    let runtime = runtime()?;
    // What is kept is as good as what runs: with its signatures, if a policy wants them.
    let (resolved, is_app) = runtime.block_on(async {
        let resolved = artifacts.resolve(reference, When::Always, None).await?;
        signers.check(&artifacts, reference, resolved.digest, Utc::now()).await?;
        let is_app = artifacts.is_app(reference, resolved).await?;
        Ok::<_, Problem>((resolved, is_app))
    })?;
    match is_app && component.is_none() {
        true if arguments.output.as_deref() == Some(Path::new("-")) => Err(Problem::AppToStdout),
        true => {
            let fetch = artifacts.app(reference, resolved, app_limits(&host));
            app::pulled(arguments, &runtime.block_on(bar::beside("pulling", progress, fetch))?, &host, &signers)
        }
        false => {
            let fetch = fetch(arguments, &artifacts, resolved);
            write(arguments, &runtime.block_on(bar::beside("pulling", progress, fetch))?)
        }
    }
}

async fn fetch(arguments: &Pull, artifacts: &Artifacts, resolved: Resolved) -> Result<Fetched, Problem> {
    let wanted = Wanted { component: arguments.component.as_deref(), max: component_limit(&arguments.reaching)?.0 };
    Ok(artifacts.component(&arguments.reference, resolved, wanted).await?)
}

fn write(arguments: &Pull, fetched: &Fetched) -> Result<(), Problem> {
    // What is no Wasm is not given out as such.
    Shape::read(&fetched.wasm)
        .map_err(|source| Problem::NoComponent { reference: fetched.reference.clone(), source })?;
    match arguments.output.as_deref() {
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
