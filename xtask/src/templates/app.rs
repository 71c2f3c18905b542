//! One app made from a template, in a temporary directory.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Template;
use crate::{ci, process, root, serve};

/// With a hyphen, which not every language takes in every place.
const NAME: &str = "my-app";
/// The template whose component takes the walk through registries. The tests of artifacts walk it with a guest.
const WALKED: &str = "http-rust";
/// Where those tests find another component than that guest (see `crates/wattle/tests/it/artifacts_walk.rs`).
const WATTLE_WALKED: &str = "WATTLE_WALKED";

/// It is removed when this is dropped.
pub(super) struct App<'a> {
    directory: PathBuf,
    wattle: &'a Path,
    template: &'a Template,
    /// What a shell sources to find the tools.
    tools: PathBuf,
}

impl<'a> App<'a> {
    pub(super) fn make(wattle: &'a Path, template: &'a Template, tools: PathBuf) -> Result<Self> {
        eprintln!("-- {}", template.name);
        let directory = env::temp_dir().join(format!("wattle-templates-{}", std::process::id()));
        fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
        let app = Self { directory, wattle, template, tools };
        let mut new = Command::new(wattle);
        process::run(new.args(["new", NAME, "--template", &template.name]).current_dir(&app.directory))?;
        Ok(app)
    }

    /// Does what a person would: sets it up, tests it, builds it, runs it.
    pub(super) fn tried(&self) -> Result<()> {
        if let Some(setup) = &self.template.setup {
            self.shell(setup)?;
        }
        self.shell(&self.template.test)?;
        self.shell("wattle build")?;
        let run = self.template.run.replace("{{crate}}", NAME);
        match run.split(' ').nth(1) {
            Some("up") => {
                let mut up = Command::new(self.wattle);
                up.args(["up", "--listen", "127.0.0.1:0"]).current_dir(self.directory.join(NAME));
                let answer = serve::answer(&mut up, "/there")?;
                ensure!(answer == "Hello from /there\n", "it answered {answer:?}");
            }
            _ => {
                let said = process::read(&mut self.command(&run))?;
                ensure!(said == "Hello, Ada\n", "it said {said:?}");
            }
        }
        if self.template.name == WALKED {
            self.walked()?;
        }
        eprintln!("templates: {} works", self.template.name);
        Ok(())
    }

    /// Serves what was built, pushes it, looks at it, pulls it, and serves it again.
    fn walked(&self) -> Result<()> {
        let directory = self.directory.join(NAME);
        let manifest = fs::read_to_string(directory.join("wattle.toml")).context("read the app's wattle.toml")?;
        let source = manifest.lines().find_map(|line| line.strip_prefix("source = \"")?.strip_suffix('"'));
        let component = directory.join(source.context("the app's wattle.toml names no source")?);
        let mut test = Command::new("cargo");
        test.args(["test", "--workspace", "--test", "it", "artifacts_walk::"]).current_dir(root());
        if env::var_os("CI").is_some() {
            test.env(ci::WATTLE_REQUIRE_SERVERS, "1");
        }
        process::run(test.env(WATTLE_WALKED, component))
    }

    fn shell(&self, command: &str) -> Result<()> {
        eprintln!("$ {command}");
        let status = self.command(command).status().context("start sh")?;
        ensure!(status.success(), "{}: `{command}` failed: {status}", self.template.name);
        Ok(())
    }

    /// A command line in the app, with its tools and the `wattle` under test. Results are where the manifest says, so
    /// no other target directory may be set.
    fn command(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#". "$0" && wattle() { "$WATTLE" "$@"; } && eval "$1""#]).arg(&self.tools).arg(line);
        shell.env("WATTLE", self.wattle).env_remove("CARGO_TARGET_DIR").current_dir(self.directory.join(NAME));
        shell
    }
}

impl Drop for App<'_> {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.directory);
    }
}
