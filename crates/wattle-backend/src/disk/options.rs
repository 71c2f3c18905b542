//! How much memory a store on disk may use, and how carefully it opens.

#[cfg(feature = "conformance")]
use super::faults::Faults;

/// How much memory a store may use, and how carefully it opens.
#[derive(Debug, Clone)]
pub struct DiskOptions {
    /// For entries that were read or written lately, in bytes.
    pub entry_cache_bytes: usize,
    /// For pages of the database file, in bytes.
    pub page_cache_bytes: usize,
    /// For writes that wait, in bytes; each counts 16 KiB beside its value. Who writes more waits.
    pub write_queue_bytes: usize,
    /// A file of at most this many bytes is read and checked as a whole when it is opened (about 1 ms per MiB). In a
    /// larger one every value is still checked when it is read, but a damaged key may look like a missing one.
    pub verify_max_bytes: u64,
    /// Makes the disk fail when a test says so.
    #[cfg(feature = "conformance")]
    pub faults: Faults,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            entry_cache_bytes: 16 << 20,
            page_cache_bytes: 16 << 20,
            write_queue_bytes: 64 << 20,
            verify_max_bytes: 64 << 20,
            #[cfg(feature = "conformance")]
            faults: Faults::default(),
        }
    }
}
