//! `wattle apply`: has a host run apps, or newer versions of them.

use std::path::Path;

use futures::{StreamExt as _, stream};
use wattle_spec::control::{Action, Done};

use super::awaited::Awaited;
use super::lifecycle::told;
use super::{print, print_json, stop};
use crate::app_file::is_reference;
use crate::cli::Apply;
use crate::control::{Asked, HostAddress, Hosts};
use crate::problem::Problem;
use crate::report;

/// How many apps the host is asked for at a time; it has its own bounds.
const AT_ONCE: usize = 8;

pub(crate) fn run(arguments: &Apply) -> Result<(), Problem> {
    stop::runtime()?.block_on(async {
        let host = Hosts::find(&arguments.asking.reach()).await?.that_takes_apps()?;
        let (awaited, mut all, mut failed) = (Awaited::default(), Vec::new(), None);
        // Told in the order in which they are named.
        let mut answers =
            stream::iter(&arguments.what).map(|what| one(&host, what, arguments, &awaited)).buffered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            // The others are applied all the same.
            match answer {
                Ok(done) => {
                    if !arguments.asking.json {
                        awaited.aside(|| print(&told(&done)))?;
                    }
                    all.push(done);
                }
                Err(problem) => {
                    if let Some(before) = failed.replace(problem) {
                        awaited.aside(|| report::problem(&before));
                    }
                }
            }
        }
        if arguments.asking.json {
            print_json(&all)?;
        }
        failed.map_or(Ok(()), Err)
    })
}

async fn one(host: &Asked, what: &Path, arguments: &Apply, awaited: &Awaited) -> Result<Done, Problem> {
    let action = Action::Apply {
        source: source(what, &host.client.address)?,
        namespace: arguments.namespace.clone(),
        pull: arguments.pull,
        locked: arguments.locked,
        generation: arguments.generation,
    };
    awaited.act(host, &what.display().to_string(), &action).await
}

/// What is named, for a `host` that stands somewhere else.
fn source(what: &Path, host: &HostAddress) -> Result<String, Problem> {
    if is_reference(what) {
        return Ok(what.display().to_string());
    }
    if let HostAddress::Elsewhere(_) = host {
        return Err(Problem::Elsewhere { path: what.into(), host: host.clone() });
    }
    let path = std::path::absolute(what).map_err(|source| Problem::NoPlace { path: what.into(), source })?;
    path.into_os_string().into_string().map_err(|path| Problem::NotText { what: path.display().to_string() })
}
