//! What is measured of the real binary: a program of its own, as its tests need the machine for themselves. Figures are
//! told; what ends a test is far from them, as CI's machines are not alike.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod density;
mod pull;

use std::sync::{Mutex, MutexGuard, PoisonError};

use wattle_testkit::Program;

const WATTLE: Program = Program::new(env!("CARGO_BIN_EXE_wattle"));

/// Nothing else is measured for as long as this is held.
fn alone() -> MutexGuard<'static, ()> {
    static MEASURING: Mutex<()> = Mutex::new(());
    MEASURING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::print_stderr, reason = "whoever reads the output of the tests should know")]
fn say(what: &str) {
    eprintln!("{what}");
}
