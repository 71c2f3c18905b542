//! `wattle apply`: has a host run apps, or newer versions of them.

use std::path::Path;

use wattle_spec::control::Action;

use super::lifecycle::told;
use super::{print, print_json, stop};
use crate::app_file::is_reference;
use crate::cli::Apply;
use crate::control::{Asked, Hosts};
use crate::problem::Problem;
use crate::report;

pub(crate) fn run(arguments: &Apply) -> Result<(), Problem> {
    stop::runtime()?.block_on(async {
        let host = Hosts::find(arguments.asking.control.as_deref()).await?.that_takes_apps()?;
        let (mut all, mut failed) = (Vec::new(), None);
        for what in &arguments.what {
            // The others are applied all the same.
            match one(&host, what, arguments).await {
                Ok(done) => {
                    if !arguments.asking.json {
                        print(&told(&done))?;
                    }
                    all.push(done);
                }
                Err(problem) => {
                    if let Some(before) = failed.replace(problem) {
                        report::problem(&before);
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

async fn one(host: &Asked, what: &Path, arguments: &Apply) -> Result<wattle_spec::control::Done, Problem> {
    let action = Action::Apply {
        source: source(what)?,
        namespace: arguments.namespace.clone(),
        pull: arguments.pull,
        locked: arguments.locked,
        generation: arguments.generation,
    };
    host.client.act(&action, Some).await.map_err(|error| host.client.problem(error))
}

/// What is named, for whoever stands somewhere else.
fn source(what: &Path) -> Result<String, Problem> {
    if is_reference(what) {
        return Ok(what.display().to_string());
    }
    let path = std::path::absolute(what).map_err(|source| Problem::NoPlace { path: what.into(), source })?;
    path.into_os_string().into_string().map_err(|path| Problem::NotText { what: path.display().to_string() })
}
