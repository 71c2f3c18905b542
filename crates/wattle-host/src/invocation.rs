//! One call of a component: who is called, why, until when. It travels by value; there is no ambient "current" one.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::telemetry::Trace;

/// One call of a component.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Which request it serves.
    pub request: RequestId,
    /// When it must have ended.
    pub deadline: Instant,
    /// The trace that it belongs to. `None`: nobody asked for traces.
    pub trace: Option<Trace>,
}

/// The identity of a request: unique on this host since it booted, and unlikely to be met on another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) u64);

static BOOT: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
static NEXT: AtomicU64 = AtomicU64::new(0);

impl RequestId {
    /// A new one.
    pub fn next() -> Self {
        // An odd multiplier permutes the 64-bit numbers, so no two of a boot are equal, and neighbours look unalike.
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(BOOT.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// The 16 hex digits that stand in headers and logs.
    pub fn digits(self) -> [u8; 16] {
        let mut digits = [0; 16];
        for (place, digit) in digits.iter_mut().enumerate() {
            let nibble = (self.0 >> (60 - 4 * place)) & 0xf;
            *digit = b"0123456789abcdef"[nibble as usize];
        }
        digits
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
