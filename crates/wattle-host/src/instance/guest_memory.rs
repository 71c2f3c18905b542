//! The linear memory of all instances of a host. What is kept for services and what the others hold are together never more
//! than there may be, and the instances of one app never take all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wattle_spec::units::ByteSize;

/// The instances of an app hold at most so many times what is left for the others: one app alone gets three quarters, two get
/// three sevenths each, and so on. There is always something left for the next one.
const SHARE: u64 = 3;

/// Memory that instances share.
pub(crate) struct GuestMemory {
    most: u64,
    /// For those who do not ask for each piece.
    kept: AtomicU64,
    /// By those who do.
    held: AtomicU64,
}

/// What the instances of one app hold of it.
pub(crate) struct AppMemory {
    all: Arc<GuestMemory>,
    held: AtomicU64,
}

impl GuestMemory {
    /// So much of it.
    pub(crate) fn new(most: ByteSize) -> Arc<Self> {
        Arc::new(Self { most: most.0, kept: AtomicU64::new(0), held: AtomicU64::new(0) })
    }

    /// How much there is.
    pub(crate) fn most(&self) -> ByteSize {
        ByteSize(self.most)
    }

    /// Keeps so much for those who do not ask, from now on. What the others hold already, they hold.
    pub(crate) fn keep(&self, bytes: u64) {
        self.kept.store(bytes, Ordering::Relaxed);
    }

    /// For one app.
    pub(crate) fn of_app(self: &Arc<Self>) -> Arc<AppMemory> {
        Arc::new(AppMemory { all: self.clone(), held: AtomicU64::new(0) })
    }
}

impl AppMemory {
    /// Takes `bytes`, if there are as many and enough is left.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let free = self.all.most.saturating_sub(self.all.kept.load(Ordering::Relaxed));
        // What others of this app take at the same time may be missed: then there is a little less left.
        let own = self.held.load(Ordering::Relaxed).saturating_add(bytes);
        let taken = |held: u64| {
            let held = held.checked_add(bytes)?;
            let left = free.checked_sub(held)?;
            (own <= left.saturating_mul(SHARE)).then_some(held)
        };
        let is_taken = self.all.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok();
        if is_taken {
            self.held.fetch_add(bytes, Ordering::Relaxed);
        }
        is_taken
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes as u64, Ordering::Relaxed);
        self.all.held.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much `memory` gives in pieces of 1, until it gives no more.
    fn all_of(memory: &AppMemory) -> usize {
        (0..).take_while(|_| memory.take(1)).count()
    }

    #[test]
    fn something_is_left_for_the_next_one() {
        let memory = GuestMemory::new(ByteSize(1000));
        let [one, two, three] = [(); 3].map(|()| memory.of_app());
        assert_eq!([all_of(&one), all_of(&two), all_of(&three)], [750, 187, 47]);
        one.give_back(750);
        assert_eq!([all_of(&two), all_of(&three), all_of(&one)], [527, 167, 54]);
    }

    #[test]
    fn never_more_than_there_is() {
        let memory = GuestMemory::new(ByteSize(1000));
        let one = memory.of_app();
        assert!(!one.take(1001) && !one.take(751) && one.take(750));
        memory.keep(600);
        assert!(!memory.of_app().take(1), "what is held is more than what is left by now");
        one.give_back(750);
        assert_eq!(all_of(&one), 300);
        memory.keep(2000);
        assert!(!one.take(1) && !memory.of_app().take(1));
    }
}
