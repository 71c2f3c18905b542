//! How many requests this instance has seen, and how many at once.

use std::sync::atomic::{AtomicU64, Ordering};

static SEEN: AtomicU64 = AtomicU64::new(0);
static INSIDE: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);

/// A request that is inside until this is dropped.
pub struct Counted(());

pub fn enter() -> Counted {
    SEEN.fetch_add(1, Ordering::Relaxed);
    let inside = INSIDE.fetch_add(1, Ordering::Relaxed) + 1;
    MOST.fetch_max(inside, Ordering::Relaxed);
    Counted(())
}

impl Drop for Counted {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::Relaxed);
    }
}

pub fn report() -> String {
    format!("{} requests, {} at once\n", SEEN.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed))
}
