//! Servers and tools of others that are installed on this machine, or not.

use std::path::PathBuf;
use std::{env, fs};

use tempfile::TempDir;

/// Set: a test that lacks its server fails instead of saying so.
const WATTLE_REQUIRE_SERVERS: &str = "WATTLE_REQUIRE_SERVERS";

/// The program that the environment variable `variable` names, or the first of `names` on the PATH. `None` where there
/// is none and a test may do without: it has been said, and the test ends.
#[track_caller]
pub(crate) fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from);
    let paths = env::var_os("PATH").unwrap_or_default();
    // Debian keeps some among what only administrators run.
    let directories: Vec<PathBuf> = env::split_paths(&paths).chain([PathBuf::from("/usr/sbin")]).collect();
    let on_path = |name: &&str| directories.iter().map(|directory| directory.join(name)).find(|path| path.is_file());
    let found = named.or_else(|| names.iter().find_map(on_path));
    if found.is_none() {
        lacking(names.first().copied().unwrap_or(variable), variable);
    }
    found
}

/// Writes a file that a server is started with.
pub(crate) fn write(dir: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, content).expect("write a file for a server");
    path
}

/// Says that the test ends as there is no `name` on the PATH or in the environment variable `variable`.
#[track_caller]
pub(crate) fn lacking(name: &str, variable: &str) {
    let required = env::var_os(WATTLE_REQUIRE_SERVERS).is_some();
    assert!(!required, "there is no {name} on the PATH or in {variable}");
    say_skipped(name, variable);
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests is to know what they did not show")]
fn say_skipped(name: &str, variable: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("skipped {test}: there is no {name} on the PATH or in {variable}");
}
