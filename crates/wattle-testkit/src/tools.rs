//! The tools of others: those for artifacts, each as a command in the directory of an app, and those that measure. `None`
//! where it is not installed: the test says what it skips and ends.
//!
//! They find nothing of the person who runs the tests: no credentials, no settings, no caches.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::app::App;
use crate::installed;

/// Names the programs, where they are not on the PATH.
const WATTLE_WKG: &str = "WATTLE_WKG";
const WATTLE_SKOPEO: &str = "WATTLE_SKOPEO";
const WATTLE_ORAS: &str = "WATTLE_ORAS";
const WATTLE_CURL: &str = "WATTLE_CURL";
const WATTLE_VALGRIND: &str = "WATTLE_VALGRIND";
const WATTLE_STRACE: &str = "WATTLE_STRACE";
const WATTLE_UNSHARE: &str = "WATTLE_UNSHARE";

/// `wkg`, of the Bytecode Alliance, told to speak plain HTTP with `registry`.
#[track_caller]
pub fn wkg(app: &App, registry: &str) -> Option<Command> {
    let mut wkg = command(&installed::program(WATTLE_WKG, &["wkg"])?, app);
    wkg.env("WKG_OCI_INSECURE", registry);
    Some(wkg)
}

/// `skopeo`, of the containers project.
#[track_caller]
pub fn skopeo(app: &App) -> Option<Command> {
    let mut skopeo = command(&installed::program(WATTLE_SKOPEO, &["skopeo"])?, app);
    // Which images may be trusted is the affair of whoever set this machine up.
    skopeo.arg("--insecure-policy");
    Some(skopeo)
}

/// A Python program that has the ORAS client as `oras`, with `program` to run. The environment variable names a Python,
/// as there is no command of that client.
#[track_caller]
pub fn oras(app: &App, program: &str) -> Option<Command> {
    let python = installed::program(WATTLE_ORAS, &["python3"])?;
    let imported = command(&python, app).args(["-c", "import oras.client"]).stderr(Stdio::null()).status();
    if !imported.is_ok_and(|status| status.success()) {
        installed::lacking("Python with the package oras", WATTLE_ORAS);
        return None;
    }
    let mut oras = command(&python, app);
    oras.args(["-c", program]);
    Some(oras)
}

/// `curl`, which fetches.
#[track_caller]
pub fn curl(app: &App) -> Option<Command> {
    let mut curl = command(&installed::program(WATTLE_CURL, &["curl"])?, app);
    // Whatever else somebody has in their settings, and no proxy on the way to this machine.
    curl.args(["--disable", "--silent", "--fail", "--noproxy", "*"]);
    Some(curl)
}

/// `valgrind`, which counts instructions.
#[track_caller]
pub fn valgrind() -> Option<Command> {
    installed::program(WATTLE_VALGRIND, &["valgrind"]).map(Command::new)
}

/// `strace`, which tells of system calls.
#[track_caller]
pub fn strace() -> Option<Command> {
    installed::program(WATTLE_STRACE, &["strace"]).map(Command::new)
}

/// A shell that runs `script` with the arguments `$0`, `$1` and so on, as the owner of what it mounts, which nobody else sees.
#[track_caller]
pub fn mounting(app: &App, script: &str) -> Option<Command> {
    let unshare = || Some(command(&installed::program(WATTLE_UNSHARE, &["unshare"])?, app));
    let namespaces = ["--user", "--map-root-user", "--mount"];
    let allowed = unshare()?.args(namespaces).arg("true").stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        installed::lacking("unshare that may make a namespace", WATTLE_UNSHARE);
        return None;
    }
    let mut shell = unshare()?;
    shell.args(namespaces).args(["sh", "-e", "-c", script]).env("XDG_CACHE_HOME", app.cache_dir());
    Some(shell)
}

fn command(program: &Path, app: &App) -> Command {
    let mut command = Command::new(program);
    let path = env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", app.path()).env("XDG_RUNTIME_DIR", app.runtime_dir());
    command.current_dir(app.path()).stdin(Stdio::null());
    command
}
