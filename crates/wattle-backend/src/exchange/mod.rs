//! Messages within this process: who listens, what waits for whom, and who gets it.
//!
//! ```text
//! publish ──> patterns ──> group (room, line) ──> listener ──> receipt
//! request ──> replies            └── shelf, where messages are kept
//! ```
//!
//! Invariants: nothing waits while a lock is held; what waits is bounded in each group; nothing is spawned, the
//! listeners themselves look when something comes again.

mod group;
mod line;
mod listener;
mod options;
mod patterns;
mod receipt;
mod replies;
mod switchboard;

pub(crate) use group::{Group, Room, Shelf};
pub(crate) use line::Item;
pub use options::BusOptions;
pub(crate) use switchboard::{Exchange, Hearers, size_of};
