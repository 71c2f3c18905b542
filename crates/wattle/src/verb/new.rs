//! `wattle new`: an app from a template, and the list of templates.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use wattle_spec::name::AppName;

use super::stop::{self, Stop};
use super::{print, print_json, tell};
use crate::cli::New;
use crate::problem::Problem;
use crate::scaffold;
use crate::template::{TEMPLATES, Template, filled_in};

/// What `--list --json` prints for each template.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    summary: &'static str,
    needs: &'static str,
    setup: Option<&'static str>,
    test: &'static str,
    run: &'static str,
}

pub(crate) fn run(arguments: &New) -> Result<(), Problem> {
    match &arguments.name {
        Some(name) => create(name, arguments),
        None if arguments.json => print_json(&TEMPLATES.iter().map(listed).collect::<Vec<_>>()),
        None => print(&list()),
    }
}

fn create(name: &str, arguments: &New) -> Result<(), Problem> {
    let template = Template::named(&arguments.template).expect("invariant: clap takes the names of templates only");
    let app: AppName = name.parse().map_err(|source| Problem::Name { name: name.into(), source })?;
    let directory = arguments.dir.clone().unwrap_or_else(|| PathBuf::from(app.as_str()));
    stop::runtime()?.block_on(write(template, app.clone(), directory.clone()))?;
    tell(&next_steps(template, &app, &directory));
    Ok(())
}

/// Signals wait until a file is written: whoever sends one gets either the whole app or nothing.
async fn write(template: &'static Template, app: AppName, directory: PathBuf) -> Result<(), Problem> {
    let mut stop = Stop::install()?;
    let stopped = Arc::new(AtomicBool::new(false));
    let told = stopped.clone();
    let mut writing = tokio::task::spawn_blocking(move || scaffold::write(template, &app, &directory, &told));
    let written = tokio::select! {
        written = &mut writing => written,
        exit = stop.asked() => {
            stopped.store(true, Ordering::Relaxed);
            writing.await.map(|written| written.map_err(|problem| problem.stopped_by(exit)))
        }
    };
    written.expect("invariant: writing an app does not panic")
}

fn next_steps(template: &Template, app: &AppName, directory: &Path) -> String {
    let shown = directory.display();
    let run = filled_in(template.run, app);
    let commands = [Some(format!("cd {}", quoted(directory))), template.setup.map(Into::into)];
    let commands = commands.into_iter().flatten().chain(["wattle build".into(), run]);
    let lines: String = commands.map(|command| format!("  {command}\n")).collect();
    format!("created {shown} from the template {}; it needs {}\n\n{lines}", template.name, template.needs)
}

/// The path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        text
    } else {
        format!("-- '{}'", text.replace('\'', r"'\''"))
    }
}

fn listed(template: &Template) -> Listed {
    let Template { name, summary, needs, setup, test, run, files: _ } = *template;
    Listed { name, summary, needs, setup, test, run }
}

fn list() -> String {
    TEMPLATES.iter().map(|template| format!("{:14}{}\n", template.name, template.summary)).collect()
}
