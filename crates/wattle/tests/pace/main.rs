//! What is measured of the real binary: a program of its own, as its tests need the machine for themselves. Figures are
//! told; what ends a test is far from them, as CI's machines are not alike.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod density;
mod pull;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The binary that is measured: the one that `WATTLE_DIST` names (`cargo xtask dist` makes it), or that of this build,
/// which is not optimised.
fn wattle() -> String {
    std::env::var("WATTLE_DIST").unwrap_or_else(|_| env!("CARGO_BIN_EXE_wattle").to_owned())
}

/// Nothing else is measured for as long as this is held.
fn alone() -> MutexGuard<'static, ()> {
    static MEASURING: Mutex<()> = Mutex::new(());
    MEASURING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::print_stderr, reason = "whoever reads the output of the tests should know")]
fn say(what: &str) {
    eprintln!("{what}");
}
