//! State on the disk of one host: a data directory that one process owns, and keys and values in one file of it.
//!
//! ```text
//! store (KeyValue) ── hit ──> cache
//!   │ read ──> queue ──> reader threads ──┐
//!   │ write ─> queue ──> writer thread ───┴──> engine (redb) ──> state_file
//! ```
//!
//! Invariants: no thread of a caller ever calls into redb or the file system; a write is acknowledged only after the
//! disk confirmed it; what is read was checked against its checksum.

mod atomic_file;
mod batch;
mod cache;
pub mod data_dir;
mod data_dir_error;
mod database;
mod ending;
mod engine;
#[cfg(feature = "conformance")]
pub mod faults;
mod overlay;
mod queue;
mod reader;
mod record;
mod state_file;
mod storage_error;
mod store;
mod table_key;
mod writer;

pub use data_dir::DataDir;
pub use data_dir_error::DataDirError;
pub use store::{DiskKeyValue, DiskOptions};
