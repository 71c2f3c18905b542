//! A bounded queue from async callers to threads that block: who pushes waits for room, who pops waits for work.
//!
//! The bound is memory: an item holds its room until whoever popped it is done with it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::BackendError;

/// Room is counted in units of this many bytes.
const UNIT_BYTES: usize = 1 << 10;
/// What an item takes beside its bytes, so that the number of items is bounded too.
const ITEM_BYTES: usize = 16 << 10;

/// A queue of items with a bound on their bytes.
pub(super) struct Queue<T> {
    room: Arc<Semaphore>,
    capacity_units: usize,
    state: Mutex<State<T>>,
    filled: Condvar,
}

struct State<T> {
    items: VecDeque<Queued<T>>,
    closed: bool,
}

/// An item and the room it takes.
pub(super) struct Queued<T> {
    pub(super) item: T,
    _room: OwnedSemaphorePermit,
}

impl<T> Queue<T> {
    /// An empty queue of at most `capacity_bytes`, where each item takes 16 KiB beside its own.
    pub(super) fn new(capacity_bytes: usize) -> Self {
        let capacity_units = capacity_bytes.max(ITEM_BYTES).div_ceil(UNIT_BYTES).min(u32::MAX as usize);
        Self {
            room: Arc::new(Semaphore::new(capacity_units)),
            capacity_units,
            state: Mutex::new(State { items: VecDeque::new(), closed: false }),
            filled: Condvar::new(),
        }
    }

    /// Adds an item that holds `bytes`, when there is room for it. One larger than the queue waits until it is empty.
    pub(super) async fn push(&self, item: T, bytes: usize) -> Result<(), BackendError> {
        let units = (bytes + ITEM_BYTES).div_ceil(UNIT_BYTES).min(self.capacity_units);
        let units = u32::try_from(units).expect("invariant: the capacity fits in 32 bits");
        let room = self.room.clone().acquire_many_owned(units).await.map_err(|_| BackendError::Closed)?;
        let mut state = self.lock();
        if state.closed {
            return Err(BackendError::Closed);
        }
        state.items.push_back(Queued { item, _room: room });
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Blocks until there are items and takes at most `limit` of them. None: the queue is closed and empty.
    pub(super) fn pop(&self, limit: usize) -> Vec<Queued<T>> {
        let state = self.lock();
        let waited = self.filled.wait_while(state, |state| state.items.is_empty() && !state.closed);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let count = state.items.len().min(limit);
        state.items.drain(..count).collect()
    }

    /// Takes no more items; those that are in it can still be popped.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.filled.notify_all();
    }

    /// Whether it takes no more items.
    pub(super) fn is_closed(&self) -> bool {
        self.room.is_closed()
    }

    // Nothing panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn who_pushes_waits_for_room() {
        let queue = Queue::new(3 * ITEM_BYTES);
        for item in 0..3 {
            queue.push(item, 0).await.expect("there is room");
        }
        let mut fourth = Box::pin(queue.push(3, 0));
        assert!((&mut fourth).now_or_never().is_none(), "there is no room");
        let popped = queue.pop(1);
        assert!((&mut fourth).now_or_never().is_none(), "who popped is not done with it");
        drop(popped);
        fourth.now_or_never().expect("there is room now").expect("it is open");
        let rest: Vec<_> = queue.pop(10).into_iter().map(|queued| queued.item).collect();
        assert_eq!(rest, [1, 2, 3]);
    }

    #[tokio::test]
    async fn an_item_larger_than_the_queue_takes_all_of_it() {
        let queue = Queue::new(2 * ITEM_BYTES);
        queue.push('a', 1 << 30).await.expect("the queue is empty");
        assert!(Box::pin(queue.push('b', 0)).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_closed_queue_gives_what_it_has_and_takes_nothing() {
        let queue = Queue::new(ITEM_BYTES);
        queue.push('a', 0).await.expect("there is room");
        let mut waiting = Box::pin(queue.push('b', 0));
        assert!((&mut waiting).now_or_never().is_none());
        queue.close();
        assert!(matches!(waiting.await, Err(BackendError::Closed)));
        assert!(matches!(queue.push('c', 0).await, Err(BackendError::Closed)));
        assert_eq!(queue.pop(2).len(), 1);
        assert!(queue.pop(2).is_empty());
    }
}
