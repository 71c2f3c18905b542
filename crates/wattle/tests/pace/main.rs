//! What is measured of the real binary: a program of its own, as its tests need the machine for themselves. Figures are
//! told; what ends a test is far from them, as CI's machines are not alike.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod density;
mod pull;
mod standing;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many times longer something may take before that is a fault: CI's machines have other things to do, and its binary
/// is not optimised.
const ALLOWANCE: u32 = 10;

/// Names a binary that is shipped: `cargo xtask dist` makes it.
const WATTLE_DIST: &str = "WATTLE_DIST";

/// The binary that is measured: the one that is shipped, if there is one, or that of this build, which is not optimised.
fn wattle() -> String {
    std::env::var(WATTLE_DIST).unwrap_or_else(|_| env!("CARGO_BIN_EXE_wattle").to_owned())
}

fn is_shipped() -> bool {
    std::env::var_os(WATTLE_DIST).is_some()
}

/// Nothing else is measured for as long as this is held.
fn alone() -> MutexGuard<'static, ()> {
    static MEASURING: Mutex<()> = Mutex::new(());
    MEASURING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the variable `name` says, or else `few`.
fn number_of(name: &str, few: usize) -> usize {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(few)
}

/// What all but that part of `times` took at most, which are in order.
fn all_but(times: &[Duration], part: f64) -> Duration {
    times[times.len() - 1 - (times.len() as f64 * part) as usize]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
