//! One call of a component: who is called, why, until when. It travels by value; there is no ambient "current" one.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::time::error::Elapsed;
use tokio::time::timeout_at;

use crate::telemetry::Trace;

/// One call of a component.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Which request, or which run of a command, it is.
    pub request: RequestId,
    /// What called the component.
    pub trigger: TriggerKind,
    /// When it must have ended. `None`: it may go on for as long as its app, or whoever waits for it, does.
    pub deadline: Option<Instant>,
    /// The trace that it belongs to. `None`: nobody asked for traces.
    pub trace: Option<Trace>,
    /// The requests inside of its app that led to it.
    pub chain: Chain,
}

/// Requests that components send to their own app, each of them because of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chain {
    /// How many they are: none for what comes from outside.
    pub(crate) length: u32,
    /// The request, or run, that sent the last of them.
    pub(crate) sender: Option<RequestId>,
}

/// How many requests inside may lead from one to the next.
pub(crate) const CHAIN_MAX: u32 = 32;

impl Chain {
    /// The chain with one more, which `sender` sends. `None`: it would be too long.
    pub(crate) fn next(self, sender: RequestId) -> Option<Self> {
        (self.length < CHAIN_MAX).then(|| Self { length: self.length + 1, sender: Some(sender) })
    }
}

/// What calls a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerKind {
    /// A request.
    Http,
    /// A schedule.
    Cron,
    /// A message.
    Message,
    /// The start of its app: a service.
    Service,
    /// A person, or the program that embeds the host.
    Command,
    /// Another component of its app.
    Component,
    /// The host itself, which wants to see whether it starts.
    Trial,
}

impl Invocation {
    /// What `work` gives, unless its deadline comes first.
    pub(crate) async fn within<F: Future>(&self, work: F) -> Result<F::Output, Elapsed> {
        match self.deadline {
            Some(deadline) => timeout_at(deadline.into(), work).await,
            None => Ok(work.await),
        }
    }
}

impl fmt::Display for TriggerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TriggerKind::Http => "http",
            TriggerKind::Cron => "cron",
            TriggerKind::Message => "message",
            TriggerKind::Service => "service",
            TriggerKind::Command => "command",
            TriggerKind::Component => "component",
            TriggerKind::Trial => "trial",
        })
    }
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

    /// A number from 0 to 1 that nobody can guess.
    pub(crate) fn chance(self) -> f64 {
        self.0 as f64 / u64::MAX as f64
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
