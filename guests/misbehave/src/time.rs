//! Requests that take their time.

use std::time::{Duration, Instant};

use wasip2::clocks::monotonic_clock;

use crate::answer::number;

/// An hour in milliseconds: longer than any test.
pub const HOUR_MS: u64 = 3_600_000;

/// Never comes back and calls nobody.
pub fn loop_forever() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// Waits in the host.
pub fn sleep_ms(ms: u64) {
    monotonic_clock::subscribe_duration(ms * 1_000_000).block();
}

/// Waits in the host for `ms` (100).
pub fn sleep(query: &str) -> String {
    let ms = number(query, "ms", 100);
    sleep_ms(ms);
    format!("slept {ms} ms\n")
}

/// Computes for `ms` (100).
pub fn spin(query: &str) -> String {
    let ms = number(query, "ms", 100);
    let (start, duration) = (Instant::now(), Duration::from_millis(ms));
    let mut turns = 0_u64;
    while start.elapsed() < duration {
        turns = (0..10_000).fold(turns, |turns, _| std::hint::black_box(turns) + 1);
    }
    format!("{turns} turns in {ms} ms\n")
}
