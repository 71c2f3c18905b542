//! Greed: memory, stack, handles, and calls of the host without end.

use std::hint::black_box;

use wasip2::clocks::monotonic_clock;
use wasip2::http::types::Fields;
use wasip2::io::poll;
use wasip2::random::random::get_random_bytes;

use crate::answer::number;
use crate::bindings::store;

const MIB: usize = 1 << 20;

/// Calls the host without end.
pub fn loop_get() -> ! {
    let bucket = store::open("default").expect("a key-value store is linked");
    loop {
        _ = bucket.get("key");
    }
}

/// Takes memory piece by piece and touches every page, until there is none.
pub fn alloc() -> String {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut piece = Vec::new();
        if pieces.try_reserve(1).is_err() || piece.try_reserve_exact(MIB).is_err() {
            let taken = pieces.len();
            drop(pieces); // to have memory for the answer
            return format!("{taken} MiB\n");
        }
        piece.resize(MIB, 1);
        pieces.push(black_box(piece));
    }
}

/// Grows the memory page by page (64 KiB) until that fails.
pub fn grow() -> String {
    let mut pages = 0;
    while core::arch::wasm32::memory_grow::<0>(1) != usize::MAX {
        pages += 1;
    }
    format!("{pages} pages\n")
}

/// Holds `n` resources (1,000,000).
pub fn table(query: &str) -> String {
    let held: Vec<Fields> = (0..number(query, "n", 1_000_000)).map(|_| Fields::new()).collect();
    format!("{} resources\n", held.len())
}

/// Holds `n` timers (1,000,000) that are due, then waits for all of them at once.
pub fn pollables(query: &str) -> String {
    let timers: Vec<_> = (0..number(query, "n", 1_000_000)).map(|_| monotonic_clock::subscribe_duration(0)).collect();
    let ready = poll::poll(&timers.iter().collect::<Vec<_>>());
    format!("{} of {} timers\n", ready.len(), timers.len())
}

/// Overflows the stack.
pub fn recurse() -> String {
    format!("{} levels\n", deeper(0))
}

#[expect(unconditional_recursion, reason = "this is the misdeed")]
fn deeper(level: u64) -> u64 {
    deeper(black_box(level) + 1) + 1
}

/// Asks for `n` random bytes (2^40) in one call.
pub fn random(query: &str) -> String {
    format!("{} bytes\n", get_random_bytes(number(query, "n", 1 << 40)).len())
}
