//! `cargo xtask tidy`: the rules of the source tree that no compiler checks.
//!
//! A rule returns what breaks it, one line each; all rules run before the command fails.

mod dependencies;
mod files;
mod guests;

use anyhow::{Result, ensure};

/// What breaks a rule: where and how.
type Breach = String;

pub(crate) fn run() -> Result<()> {
    let breaches = [dependencies::check()?, files::check()?, guests::check()?].concat();
    for breach in &breaches {
        eprintln!("tidy: {breach}");
    }
    ensure!(breaches.is_empty(), "the tree breaks {} rules", breaches.len());
    Ok(())
}
