//! Who goes on when guests of one thread were interrupted by the clock.
//!
//! Whoever was interrupted for the first time goes on as soon as all that was ready had its turn: the tick met it by chance.
//! Those that compute from one tick to the next pass a turnstile, one of them each time that the thread looks for what its
//! sockets and timers have. So whatever has little to do waits for one tick at most, however many compute.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::yield_now;

use super::epoch::Ticker;

thread_local! {
    /// Whoever has it is let through when the thread has looked.
    static TURNSTILE: Arc<Mutex<()>> = Arc::default();
    /// Who went on last.
    static LAST: Cell<Option<GuestId>> = const { Cell::new(None) };
    /// What interrupts the guests of this thread.
    static CLOCK: RefCell<Option<Ticker>> = const { RefCell::new(None) };
}

/// Tells apart the guests that live at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct GuestId(usize);

impl GuestId {
    /// That of the guest which is kept there.
    pub(crate) fn of<T>(guest: &T) -> Self {
        Self(std::ptr::from_ref(guest).addr())
    }
}

/// Guests of this thread are interrupted by `clock`, from now on.
pub(super) fn by(clock: &Ticker) {
    CLOCK.set(Some(clock.clone()));
}

/// Waits until a guest that was interrupted may go on.
pub(crate) async fn turn(guest: GuestId) {
    // Between its last turn and now, this thread did nothing else.
    let computes = LAST.get() == Some(guest);
    let turnstile = TURNSTILE.with(Arc::clone);
    let mut passing = None;
    if computes {
        CLOCK.with_borrow(|clock| clock.iter().for_each(Ticker::somebody_computes));
        passing = Some(turnstile.lock().await);
    }
    // The engine's own `Yield` wakes itself at once and starves sockets and timers of a current-thread runtime.
    yield_now().await;
    drop(passing);
    LAST.set(Some(guest));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::runtime::Builder;

    use super::*;

    /// However many compute, only one of them does each time that the thread has looked.
    #[test]
    fn one_of_many() {
        let turns: Arc<[AtomicUsize; 5]> = Arc::default();
        let all = || turns.each_ref().map(|turns| turns.load(Ordering::Relaxed));
        let sum = || all().iter().sum::<usize>();
        Builder::new_current_thread().build().expect("a runtime").block_on(async {
            for number in 0..turns.len() {
                let turns = turns.clone();
                tokio::spawn(async move {
                    loop {
                        turns[number].fetch_add(1, Ordering::Relaxed);
                        turn(GuestId::of(&turns[number])).await;
                    }
                });
            }
            // The first time it may be by chance.
            while sum() < 3 * turns.len() {
                yield_now().await;
            }
            for _ in 0..10 * turns.len() {
                let before = sum();
                yield_now().await;
                assert!(sum() <= before + 1, "{:?}", all());
            }
            let [least, most] = [all().into_iter().min(), all().into_iter().max()].map(Option::unwrap_or_default);
            assert!(least > 10 && most - least < 3, "{:?}", all());
        });
    }
}
