//! What is left of an earlier request in the same instance, and what must never be left of another one.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use core::arch::wasm32::{memory_grow, memory_size};

/// What is looked for. It is only ever an operand in code, so memory holds it only where it was left.
const CANARY: u64 = 0xC0FF_EE15_5AFE_1D0C;
const WASM_PAGE: usize = 64 * 1024;

static REQUESTS: AtomicU64 = AtomicU64::new(0);
static LEFT: AtomicU64 = AtomicU64::new(0);

/// Counts a request.
pub fn count() {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
}

/// Tells how many requests this instance has seen.
pub fn report() -> String {
    format!("{}\n", REQUESTS.load(Ordering::Relaxed))
}

/// Leaves the canary in a static and in 16 MiB of heap, at both ends of what a fresh instance would use.
pub fn leave_canary() -> String {
    black_box(&LEFT).store(CANARY, Ordering::Relaxed);
    black_box(vec![CANARY; 2 << 20].leak());
    "left\n".to_owned()
}

/// Tells how often the canary is in memory, after growing by 16 MiB.
pub fn scan_memory() -> String {
    memory_grow::<0>(256);
    let words = memory_size::<0>() * WASM_PAGE / size_of::<u64>();
    // SAFETY: the memory is that long, aligned and always readable. The reads are volatile because the compiler
    // believes that this memory belongs to others.
    let found = (1..words)
        .filter(|&word| unsafe { core::ptr::with_exposed_provenance::<u64>(word * 8).read_volatile() } == CANARY);
    format!("{}\n", found.count())
}
