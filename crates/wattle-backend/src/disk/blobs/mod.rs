//! Blobs on disk: an index in one file, each content in a file of its own.
//!
//! ```text
//! write ─> threads that write ─> contents ─> synced ─> rows (index) ─> acknowledged
//! read  ─> rows (index) ─> threads that read ─> contents ─> blocks, checked
//! what was replaced or removed ─> sweeper
//! ```
//!
//! The index decides what there is: a content is complete and synced before the index has it.

mod block;
mod content_id;
mod contents;
mod counted;
mod files;
mod index;
mod new_content;
mod operations;
mod store;
mod sweeper;

pub use store::DiskBlobs;
