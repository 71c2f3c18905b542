//! How much may wait, and for how long.

use std::time::Duration;

/// What a bus in this process may hold, and how patient it is.
#[derive(Debug, Clone)]
pub struct BusOptions {
    /// What waits for one group or is not yet settled by it, in bytes, where each message counts half a KiB beside its
    /// own and what is begun of a KiB is counted whole.
    pub group_bytes: usize,
    /// The same for one subscriber of [`Everyone`](crate::bus::Audience::Everyone). What is more is dropped.
    pub listener_bytes: usize,
    /// How long a publisher waits for room in a group of which somebody listens, before it is refused. Where nobody
    /// does it is refused at once.
    pub publish_patience: Duration,
    /// How long a delivery may go unsettled before the message comes again. [`Receipt::keep`](crate::bus::Receipt::keep)
    /// begins this time anew.
    pub settle_within: Duration,
}

impl Default for BusOptions {
    fn default() -> Self {
        Self {
            group_bytes: 64 << 20,
            listener_bytes: 16 << 20,
            publish_patience: Duration::from_secs(5),
            settle_within: Duration::from_secs(30),
        }
    }
}
