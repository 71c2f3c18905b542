//! The threads that read what the cache does not have: a page that is not in memory takes as long as the disk does.

use std::sync::Arc;

use super::engine::Engine;
use super::queue::Queue;

/// A read that somebody waits for.
pub(super) type Read = Box<dyn FnOnce(&Engine) + Send>;

/// Reads in the order in which they came in.
pub(super) type Reads = Queue<Read>;

/// Reads until the queue is closed and empty.
pub(super) fn run(engine: Arc<Engine>, reads: Arc<Reads>) {
    while let Some(read) = reads.pop(1).pop() {
        (read.item)(&engine);
    }
}
