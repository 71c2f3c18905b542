//! `cargo xtask ci`: every check in order, with timings; the first failure ends it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{embed, guests, process, root, templates, tidy};

/// Where the tests find the guests that were built here (see `wattle_testkit::guests`).
const WATTLE_GUESTS: &str = "WATTLE_GUESTS";
/// Says that servers and tools of others must be there. Without it tests that lack one say so and pass.
pub(crate) const WATTLE_REQUIRE_SERVERS: &str = "WATTLE_REQUIRE_SERVERS";

/// How many apps `pace::density` has a host hold. Without it a few.
const WATTLE_DENSITY: &str = "WATTLE_DENSITY";

type Step = (&'static str, fn(&Path) -> Result<()>);

/// Cheap checks first. The argument is the directory of the fresh guests.
const STEPS: &[Step] = &[
    ("format", |_| cargo(&["fmt", "--all", "--check"])),
    ("format example", |_| cargo(&["fmt", "--check", "--manifest-path", "examples/embed/Cargo.toml"])),
    ("format fuzz", |_| cargo(&["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"])),
    ("format guests", |_| cargo(&["fmt", "--all", "--check", "--manifest-path", "guests/Cargo.toml"])),
    ("tidy", |_| tidy::run()),
    ("guests committed", |_| guests::check()),
    ("clippy", |_| cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])),
    ("doc", |_| {
        let mut doc = cargo_command(&["doc", "--workspace", "--no-deps"]);
        process::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
    }),
    ("guests from source", guests::fresh),
    ("test", |fresh| {
        let mut test = cargo_command(&["test", "--workspace"]);
        test.env(WATTLE_GUESTS, fresh).env(WATTLE_REQUIRE_SERVERS, "1");
        test.env(WATTLE_DENSITY, "1000");
        process::run(&mut test)
    }),
    ("embed", |fresh| embed::run(fresh, embed::Build::Here)),
    ("templates", |_| templates::run(&[])),
];

pub(crate) fn run() -> Result<()> {
    let fresh = Fresh::new();
    let mut timings = Vec::new();
    let start = Instant::now();
    for (name, step) in STEPS {
        eprintln!("== {name}");
        let begun = Instant::now();
        let outcome = step(&fresh.0);
        timings.push((*name, begun.elapsed()));
        if outcome.is_err() {
            summarise(&timings, start.elapsed());
            return outcome.with_context(|| format!("step `{name}`"));
        }
    }
    summarise(&timings, start.elapsed());
    Ok(())
}

fn summarise(timings: &[(&str, Duration)], total: Duration) {
    eprintln!("== summary");
    for (name, duration) in timings.iter().copied().chain([("total", total)]) {
        eprintln!("{name:20} {:7.1} s", duration.as_secs_f64());
    }
}

fn cargo(arguments: &[&str]) -> Result<()> {
    process::run(&mut cargo_command(arguments))
}

fn cargo_command(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).current_dir(root());
    cargo
}

/// A directory for the guests of this run, removed when it ends.
struct Fresh(PathBuf);

impl Fresh {
    fn new() -> Fresh {
        Fresh(env::temp_dir().join(format!("wattle-guests-{}", std::process::id())))
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}
