//! `cargo xtask templates`: makes an app from each template of `wattle new`, runs its test, builds it with its usual
//! tools, and asks it for an answer.
//!
//! A template whose tools cannot be had here is skipped, and said to be; where `CI` is set that is a failure.

mod app;

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::{guests, process, programs, root};
use app::App;

/// How `tools.sh` ends where something cannot be had.
const LACKING: i32 = 3;

/// A template as `wattle new --list --json` tells of it.
#[derive(Deserialize)]
struct Template {
    name: String,
    setup: Option<String>,
    test: String,
    run: String,
}

/// `cargo xtask templates`, with what follows it.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    // With the examples, so that its parts have the features that they have for the tests.
    process::run(Command::new("cargo").args(["build", "--workspace", "--bins", "--examples"]).current_dir(root()))?;
    let wattle = programs("debug")?.join("wattle");
    let list = process::read(Command::new(&wattle).args(["new", "--list", "--json"]))?;
    let templates: Vec<Template> = serde_json::from_str(&list).context("read the list of templates")?;
    if let Some(name) = names.iter().find(|name| !templates.iter().any(|template| template.name == **name)) {
        bail!("no template is called `{name}`\nhint: wattle new --list");
    }
    let mut skipped = Vec::new();
    for template in templates.iter().filter(|template| names.is_empty() || names.contains(&template.name.as_str())) {
        match tools(&template.name)? {
            Some(env) => App::make(&wattle, template, env)?.tried()?,
            None => skipped.push(template.name.as_str()),
        }
    }
    ensure!(skipped.is_empty() || env::var_os("CI").is_none(), "not tried: {}", skipped.join(", "));
    for name in skipped {
        eprintln!("templates: SKIPPED {name}: its tools cannot be had here");
    }
    Ok(())
}

/// Sets up what a template needs. The result is a file for a shell to source; `None`: it cannot be had.
fn tools(template: &str) -> Result<Option<PathBuf>> {
    let directory = match env::var_os("WATTLE_TEMPLATE_TOOLS") {
        Some(directory) => PathBuf::from(directory),
        None => guests::home()?.join(".cache/wattle/template-tools"),
    };
    let mut script = Command::new(root().join("xtask/src/templates/tools.sh"));
    script.arg(&directory).arg(template).arg(guests::toolchain_directory()?);
    let status = script.status().context("start tools.sh")?;
    match status.code() {
        Some(0) => Ok(Some(directory.join(format!("env.{template}")))),
        Some(LACKING) => Ok(None),
        _ => bail!("setting up the tools of {template} failed: {status}"),
    }
}
