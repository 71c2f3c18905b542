//! What one core counts of one component: additions to memory that no other core writes.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::called::CallEnd;
use super::delivered::Fate;
use super::host_call::{FUNCTIONS_OF, Outcome};
use crate::answer::ErrorCode;

/// Upper bounds of the buckets of durations, in seconds. There is one more bucket, without a bound.
pub(super) const BOUNDS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How requests end: by the first digit of their status, from 1; at 0, without an answer.
pub(super) const STATUSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// What one core has counted.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Shard {
    pub(super) requests: [AtomicU64; STATUSES.len()],
    pub(super) durations: [AtomicU64; BOUNDS.len() + 1],
    pub(super) duration_us: AtomicU64,
    pub(super) in_flight: AtomicI64,
    pub(super) instances_made: AtomicU64,
    pub(super) instances_warm: AtomicI64,
    /// Of those made, the ones that are there no more.
    pub(super) instances_dropped: AtomicU64,
    /// The linear memory of those that are there.
    pub(super) memory: AtomicI64,
    /// The most that one of them has had.
    pub(super) memory_largest: AtomicU64,
    /// How long the core worked for instances.
    pub(super) cpu_ns: AtomicU64,
    pub(super) failures: [AtomicU64; ErrorCode::ALL.len()],
    pub(super) host_calls: [[AtomicU64; Outcome::COUNT]; FUNCTIONS_OF.len()],
    pub(super) outgoing: [AtomicU64; STATUSES.len()],
    pub(super) messages: [AtomicU64; Fate::COUNT],
    pub(super) messages_in_flight: AtomicI64,
    pub(super) calls: [AtomicU64; CallEnd::COUNT],
    pub(super) calls_in_flight: AtomicI64,
    pub(super) log_lines_dropped: AtomicU64,
}

impl Shard {
    /// A request begins.
    pub(crate) fn request_began(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A request that had begun has ended.
    pub(crate) fn request_left(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// A request has ended, with this status or before there was one.
    pub(crate) fn request_ended(&self, status: Option<u16>, duration: Duration) {
        add(&self.requests[status_index(status)]);
        let seconds = duration.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        add(&self.durations[bucket]);
        self.duration_us.fetch_add(duration.as_micros() as u64, Ordering::Relaxed);
    }

    /// An instance was made.
    pub(crate) fn instance_made(&self) {
        add(&self.instances_made);
    }

    /// An instance can be used again from now on.
    pub(crate) fn instance_kept(&self) {
        self.instances_warm.fetch_add(1, Ordering::Relaxed);
    }

    /// It cannot any more.
    pub(crate) fn instance_gone(&self) {
        self.instances_warm.fetch_sub(1, Ordering::Relaxed);
    }

    /// An instance that was made has so many bytes more, and has `held` in all.
    pub(crate) fn memory_grew(&self, more: usize, held: usize) {
        self.memory.fetch_add(more as i64, Ordering::Relaxed);
        // It is rarely the largest, and then this only looks.
        if self.memory_largest.load(Ordering::Relaxed) < held as u64 {
            self.memory_largest.fetch_max(held as u64, Ordering::Relaxed);
        }
    }

    /// It did not become larger after all.
    pub(crate) fn memory_shrank(&self, less: usize) {
        self.memory.fetch_sub(less as i64, Ordering::Relaxed);
    }

    /// An instance that was made is there no more, and held so many bytes.
    pub(crate) fn instance_dropped(&self, held: usize) {
        self.memory_shrank(held);
        add(&self.instances_dropped);
    }

    /// The core has worked for an instance.
    pub(super) fn worked(&self, took: Duration) {
        self.cpu_ns.fetch_add(took.as_nanos() as u64, Ordering::Relaxed);
    }

    /// A request of the component was answered with this status, or not at all.
    pub(crate) fn outgoing_ended(&self, status: Option<u16>) {
        add(&self.outgoing[status_index(status)]);
    }
}

pub(super) fn add(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

fn status_index(status: Option<u16>) -> usize {
    status.map_or(0, |status| usize::from(status / 100)).min(STATUSES.len() - 1)
}
