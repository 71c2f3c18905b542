//! Places: how much of something may be under way at a time, and which limit says so. That they run short is told before
//! they have run out.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, Semaphore};

/// When something runs short: with so many of a hundred taken. Of fewer than twenty, that would be all of them.
const SHORT_PERCENT: u64 = 95;
const WATCHED_MIN: u64 = 20;
/// With so many of a hundred taken there is room again.
const ROOM_PERCENT: u64 = 50;

/// Finds out when something runs short, once, and when there is room again.
#[derive(Default)]
pub(crate) struct Watermark {
    is_short: AtomicBool,
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crossed {
    /// It runs short.
    Short,
    /// There is room again.
    Room,
}

impl Watermark {
    /// So many of `count` are `used` now. `None`: there is nothing new in that.
    pub(crate) fn at(&self, used: u64, count: u64) -> Option<Crossed> {
        if count < WATCHED_MIN {
            return None;
        }
        let is_short = self.is_short.load(Ordering::Relaxed);
        if !is_short && used * 100 >= count * SHORT_PERCENT {
            return (!self.is_short.swap(true, Ordering::Relaxed)).then_some(Crossed::Short);
        }
        if is_short && used * 100 <= count * ROOM_PERCENT {
            return self.is_short.swap(false, Ordering::Relaxed).then_some(Crossed::Room);
        }
        None
    }
}

/// A number of places.
pub(crate) struct Places {
    limit: &'static str,
    /// Who shares them.
    of: String,
    count: u32,
    free: Semaphore,
    /// That all are free again.
    emptied: Notify,
    watermark: Watermark,
}

/// One of them: given back when it is dropped.
pub(crate) struct Place(Arc<Places>);

impl Places {
    /// As many as the `limit` says, for what is called `of`.
    pub(crate) fn new(limit: &'static str, of: impl ToString, count: u32) -> Arc<Self> {
        let free = Semaphore::new(count as usize);
        let (emptied, watermark) = (Notify::new(), Watermark::default());
        Arc::new(Self { limit, of: of.to_string(), count, free, emptied, watermark })
    }

    /// Waits for one.
    pub(crate) async fn enter(self: &Arc<Self>) -> Place {
        self.free.acquire().await.expect("invariant: nobody closes it").forget();
        self.watch();
        Place(self.clone())
    }

    /// Takes one, if one is free.
    pub(crate) fn try_enter(self: &Arc<Self>) -> Option<Place> {
        self.free.try_acquire().ok()?.forget();
        self.watch();
        Some(Place(self.clone()))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Whether one is free.
    pub(crate) fn has_room(&self) -> bool {
        self.free.available_permits() > 0
    }

    /// Waits until every one is free. Others take places meanwhile: what is under way may need more of them to end.
    pub(crate) async fn all_free(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.are_free() {
                return;
            }
            emptied.await;
        }
    }

    /// Whether every one is free.
    pub(crate) fn are_free(&self) -> bool {
        self.free.available_permits() == self.count as usize
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        (self.count as usize).saturating_sub(self.free.available_permits())
    }

    fn watch(&self) {
        let (of, limit, count) = (&self.of, self.limit, u64::from(self.count));
        let used = self.taken() as u64;
        match self.watermark.at(used, count) {
            Some(Crossed::Short) => tracing::warn!("{of} runs short of places: {used} of {count} are taken ({limit})"),
            Some(Crossed::Room) => tracing::info!("{of} has room again: {used} of {count} places are taken ({limit})"),
            None => {}
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.free.add_permits(1);
        if self.0.are_free() {
            self.0.emptied.notify_waiters();
        }
        self.0.watch();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// Who waits for all to be free keeps none from whoever needs one meanwhile.
    #[test]
    fn waiting_for_all_takes_none() {
        let places = Places::new("places", "a test", 2);
        let first = places.try_enter().expect("it is free");
        let mut all = pin!(places.all_free());
        assert!(all.as_mut().now_or_never().is_none());
        let second = places.try_enter().expect("it is free");
        drop(first);
        assert!(all.as_mut().now_or_never().is_none());
        drop(second);
        assert!(all.now_or_never().is_some());
    }

    #[test]
    fn each_change_is_told_once() {
        let watermark = Watermark::default();
        let told: Vec<_> = [18, 19, 20, 18, 19, 11, 10, 0, 19].map(|used| watermark.at(used, 20)).into();
        let (short, room) = (Some(Crossed::Short), Some(Crossed::Room));
        assert_eq!(told, [None, short, None, None, None, None, room, None, short]);
        assert_eq!(Watermark::default().at(19, 19), None);
    }
}
