//! `cargo xtask guests`: builds the guest programs, and knows which of the committed ones are out of date.
//!
//! The built files are committed, because building them takes a compiler for another target. `guests/built/lock.json`
//! holds what each was built from, so that a change without a rebuild is found by comparing digests.

mod build;
mod lock;
mod source;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use build::build;
pub(crate) use build::{home, toolchain_directory};
use lock::Lock;
pub(crate) use source::Guest;

use crate::root;

/// `cargo xtask guests`, with what follows it.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let guests = Guest::all()?;
    match options {
        ["--check"] => check(),
        ["--fresh", directory] => fresh(Path::new(directory)),
        ["--all"] => rebuild(&guests),
        [] => rebuild(&stale(&guests)?),
        names => rebuild(&named(&guests, names)?),
    }
}

/// Fails if a guest was changed and not rebuilt; needs no compiler.
pub(crate) fn check() -> Result<()> {
    let guests = Guest::all()?;
    let stale: Vec<String> = stale(&guests)?.into_iter().map(|guest| guest.name).collect();
    ensure!(stale.is_empty(), "changed and not rebuilt: {}\nhint: cargo xtask guests", stale.join(", "));
    let lock = Lock::read()?;
    match lock.names().find(|name| !guests.iter().any(|guest| guest.name == **name)) {
        Some(orphan) => bail!("built, but without a source: {orphan}\nhint: cargo xtask guests"),
        None => Ok(()),
    }
}

/// Builds all guests from their sources into a directory.
pub(crate) fn fresh(directory: &Path) -> Result<()> {
    build(&Guest::all()?, directory)
}

fn rebuild(guests: &[Guest]) -> Result<()> {
    let built = root().join("guests/built");
    if guests.is_empty() {
        eprintln!("guests: all are up to date");
    } else {
        build(guests, &built)?;
    }
    let mut lock = Lock::read()?;
    let all = Guest::all()?;
    for name in lock.retain(|name| all.iter().any(|guest| guest.name == name)) {
        fs::remove_file(built.join(format!("{name}.wasm")))
            .with_context(|| format!("remove the built guest {name}"))?;
    }
    for guest in guests {
        let file = fs::read(guest.built()).with_context(|| format!("read {}", guest.built().display()))?;
        eprintln!("guests: {:16} {:>7} bytes", guest.name, file.len());
        lock.record(guest, &file)?;
    }
    lock.write()
}

fn stale(guests: &[Guest]) -> Result<Vec<Guest>> {
    let lock = Lock::read()?;
    let mut stale = Vec::new();
    for guest in guests {
        if !lock.is_current(guest)? {
            stale.push(guest.clone());
        }
    }
    Ok(stale)
}

fn named(guests: &[Guest], names: &[&str]) -> Result<Vec<Guest>> {
    let find = |name: &&str| match guests.iter().find(|guest| guest.name == *name) {
        Some(guest) => Ok(guest.clone()),
        None => bail!("no guest is called `{name}`\nhint: ls guests guests/wat"),
    };
    names.iter().map(find).collect()
}
