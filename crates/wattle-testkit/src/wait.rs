//! Waiting for something to become true, with a deadline: the only way in which a test waits.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for what should happen at once. Long, because machines that run tests are busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How often something is measured, at most.
const TRIES: usize = 5;

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(2);

/// Calls `probe` until it gives something.
///
/// # Panics
///
/// If it has given nothing after [`PATIENCE`]; `what` says what was waited for.
#[track_caller]
pub fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    match within(PATIENCE, &mut probe) {
        Some(value) => value,
        None => panic!("waited {PATIENCE:?} in vain until {what}"),
    }
}

/// Calls `probe` until it gives something, but for no longer than `patience`.
pub fn within<T>(patience: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        match probe() {
            None if Instant::now() < deadline => thread::sleep(STEP),
            outcome => return outcome,
        }
    }
}

/// The least that `measure` gives, which is asked again, a few times, unless that is below `enough`: what else goes on here
/// makes what is measured more, never less.
pub fn at_best(enough: Duration, mut measure: impl FnMut() -> Duration) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..TRIES {
        best = best.min(measure());
        if best < enough {
            break;
        }
    }
    best
}
