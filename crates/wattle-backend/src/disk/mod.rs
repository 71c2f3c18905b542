//! State on the disk of one host: a data directory that one process owns, with keys and values, blobs, and messages.
//!
//! ```text
//! store (KeyValue) ──┐
//! bus (Bus) ─────────┤
//! blobs (Blobs) ─────┴─> rows ── hit ──> cache
//!   │                      │ read ──> workers ──────────────┐
//!   │                      │ write ─> queue ──> writer ─────┴──> engine (redb) ──> state_file
//!   └─> workers ──> files of contents
//! ```
//!
//! Invariants: no thread of a caller ever calls into redb or the file system, but to open a store and to close it; a
//! write is acknowledged only after the disk confirmed it; what is read was checked against its checksum.

mod atomic_file;
pub mod backup;
mod batch;
mod blobs;
mod bus;
mod cache;
mod counted;
pub mod data_dir;
mod data_dir_error;
mod database;
mod ending;
mod engine;
#[cfg(feature = "conformance")]
pub mod faults;
mod format;
mod migration;
mod options;
mod overlay;
mod owner_tag;
mod queue;
mod record;
mod rows;
mod state_file;
mod storage_error;
mod store;
mod table_key;
mod workers;
mod writer;

pub use backup::BackupError;
pub use blobs::DiskBlobs;
pub use bus::DiskBus;
pub use data_dir::{DataDir, FileDraft};
pub use data_dir_error::DataDirError;
pub use format::FORMAT_VERSION;
pub use migration::{Migrated, Migration, MigrationFailure};
pub use options::DiskOptions;
pub use store::DiskKeyValue;
