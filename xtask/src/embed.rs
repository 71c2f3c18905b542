//! `cargo xtask embed`: builds the example of a program outside of this workspace, and asks it for an answer.
//!
//! A build in its own workspace makes the engine anew, with other features, which takes many minutes: `--alone` does that, and
//! CI builds the same source with what the tests were built with.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{process, programs, root, serve, target_directory};

const EXAMPLE: &str = "examples/embed/Cargo.toml";

/// How many sides the die has that is rolled.
const SIDES: u32 = 20;

/// How it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// As an example of the crate that it embeds.
    Here,
    /// In its own workspace, as everybody else's.
    Alone,
}

/// Has it serve the component `croupier.wasm` of the directory `guests`.
pub(crate) fn run(guests: &Path, built: Build) -> Result<()> {
    same_versions()?;
    let mut build = Command::new("cargo");
    // All of the workspace, so that its parts have the features that they had for the tests.
    let (options, place): (&[_], _) = match built {
        Build::Here => (&["build", "--workspace", "--example", "embed"], "examples/embed"),
        Build::Alone => (&["build", "--locked", "--config", "Cargo.toml", "--manifest-path", EXAMPLE], "embed"),
    };
    process::run(build.args(options).arg("--target-dir").arg(target_directory()).current_dir(root()))?;
    let mut example = Command::new(programs("debug")?.join(place));
    let answer = serve::answer(example.arg(guests.join("croupier.wasm")), &format!("/{SIDES}"))?;
    let shown = answer.trim().parse::<u32>().ok();
    ensure!(shown.is_some_and(|shown| (1..=SIDES).contains(&shown)), "the die shows {answer:?}");
    eprintln!("embed: a die with {SIDES} sides shows {}", answer.trim());
    Ok(())
}

/// Its lock file has all that it needs, and no version that the workspace's has not: what is tried is what the tests tried.
fn same_versions() -> Result<()> {
    let mut metadata = Command::new("cargo");
    metadata.args(["metadata", "--locked", "--format-version", "1", "--manifest-path", EXAMPLE]).current_dir(root());
    process::read(&mut metadata).with_context(|| format!("examples/embed/Cargo.lock is not that of {EXAMPLE}"))?;
    let (ours, its) = (locked("Cargo.lock")?, locked("examples/embed/Cargo.lock")?);
    let others: Vec<_> = its.difference(&ours).filter(|(name, _)| name != "embed").collect();
    ensure!(
        others.is_empty(),
        "examples/embed/Cargo.lock has versions that Cargo.lock has not: {others:?}\n\
         hint: cp Cargo.lock examples/embed/ and cargo metadata --manifest-path {EXAMPLE}"
    );
    Ok(())
}

/// The packages of a lock file, with their versions.
fn locked(path: &str) -> Result<BTreeSet<(String, String)>> {
    let text = fs::read_to_string(root().join(path)).with_context(|| format!("read {path}"))?;
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
    let pairs = text.lines().zip(text.lines().skip(1));
    Ok(pairs.filter_map(|(name, version)| Some((value(name, "name = ")?, value(version, "version = ")?))).collect())
}
