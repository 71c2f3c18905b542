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
mod engine;
#[cfg(feature = "conformance")]
pub mod faults;
mod options;
mod overlay;
mod queue;
mod record;
mod rows;
mod state_file;
mod storage_error;
mod store;
mod table_key;
mod workers;
mod writer;

pub use data_dir::DataDir;
pub use data_dir_error::DataDirError;
pub use options::DiskOptions;
pub use store::DiskKeyValue;
