//! `wattle build`: the build commands of an app's components, and whether what they left is what the app needs.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use wattle_spec::manifest::{Manifest, Source};
use wattle_spec::name::ComponentName;

use super::check::counted;
use super::stop::{self, Stop};
use super::{print, tell};
use crate::app_file::{self, AppFile, ReadHost};
use crate::artifacts::Asking;
use crate::build_tool;
use crate::cli::Build;
use crate::problem::Problem;

/// How long a build that was told to end may take for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// One command to run.
struct Step<'a> {
    component: &'a ComponentName,
    command: &'a str,
}

pub(crate) fn run(arguments: &Build) -> Result<(), Problem> {
    let (base, manifest) = app_file::manifest(&arguments.path)?;
    let steps = steps(&manifest);
    if steps.is_empty() {
        tell("nothing to build: no component has a `build`\n");
    }
    stop::runtime()?.block_on(build(&steps, &base))?;
    find_results(&manifest, &base)?;
    let file = AppFile::read_on(&arguments.path, ReadHost::of(arguments.config.as_deref())?, Asking::Nobody)?;
    let app = file.resolve()?;
    print(&format!(
        "{}: app {} is built ({}, {})\n",
        file.file.display(),
        file.name(),
        counted(app.components.len(), "component"),
        counted(app.routes.len(), "route"),
    ))
}

/// The commands as the manifest orders them. One that several components share is run once.
fn steps(manifest: &Manifest) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for (name, entry) in manifest.entries() {
        if let Some(build) = &entry.build {
            let at = build.span.as_ref().map(|span| span.start);
            steps.push((at, Step { component: &name.value, command: build.value.trim() }));
        }
    }
    steps.sort_by_key(|(at, _)| *at);
    let mut steps: Vec<Step<'_>> = steps.into_iter().map(|(_, step)| step).collect();
    let mut seen = std::collections::BTreeSet::new();
    steps.retain(|step| seen.insert(step.command));
    steps
}

async fn build(steps: &[Step<'_>], base: &Path) -> Result<(), Problem> {
    let mut stop = Stop::install()?;
    for step in steps {
        tell(&format!("building {}: {}\n", step.component, step.command));
        let status = ended(step, base, &mut stop).await?;
        if !status.success() {
            return Err(Problem::Build {
                component: step.component.clone(),
                status,
                hint: build_tool::hint(step.command, base, status),
            });
        }
    }
    Ok(())
}

/// Runs a command to its end, in a process group of its own so that all of it can be stopped. What it prints is for
/// people, and it can ask them nothing.
async fn ended(step: &Step<'_>, base: &Path, stop: &mut Stop) -> Result<ExitStatus, Problem> {
    let mut command = Command::new("sh");
    command.args(["-c", step.command]).current_dir(base).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(io::stderr());
    let failed = |source| Problem::System { operation: "run a build command with `sh`", source };
    let mut child = command.spawn().map_err(failed)?;
    tokio::select! {
        status = child.wait() => status.map_err(failed),
        exit = stop.asked() => {
            end(&mut child, stop).await;
            Err(Problem::Stopped(exit))
        }
    }
}

/// Asks the command and all that it started to end, and ends what does not.
async fn end(child: &mut Child, stop: &mut Stop) {
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let send = |signal| group.map(|group| kill_process_group(group, signal));
    send(Signal::INT);
    tokio::select! {
        _ = child.wait() => {}
        () = tokio::time::sleep(PATIENCE) => {}
        _ = stop.asked() => {}
    }
    send(Signal::KILL);
    let _ = child.wait().await;
}

fn find_results(manifest: &Manifest, base: &Path) -> Result<(), Problem> {
    for (name, entry) in manifest.entries() {
        let Source::File(path) = &entry.source.value else { continue };
        let path = base.join(path);
        if entry.build.is_some() && !path.exists() {
            return Err(Problem::NotBuilt { component: name.value.clone(), path });
        }
    }
    Ok(())
}
