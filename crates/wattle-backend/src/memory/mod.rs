//! State and messages in the memory of the host: gone when it stops.

mod blobs;
mod bus;
mod key_value;

pub use blobs::MemoryBlobs;
pub use bus::MemoryBus;
pub use key_value::MemoryKeyValue;

/// What a store holds at most unless it is told otherwise, in bytes.
pub const DEFAULT_CAPACITY_BYTES: usize = 256 << 20;
