//! Turns of the guests of one thread, and who goes on when some were interrupted by the clock.
//!
//! Whoever has just begun when the clock ticks goes on as soon as all that was ready had its turn. Those that have computed for
//! longer queue up: one of them goes on each time that the thread looks for what its sockets and timers have. So whatever has
//! little to do waits for a tick or two, however many compute.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

use super::epoch::{TICK, Ticker};

/// Who is interrupted within so long has just begun.
const BEGINNING: Duration = Duration::from_micros(500);

thread_local! {
    /// When the turn began that somebody has now.
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
    static TURNS: RefCell<Option<Turns>> = const { RefCell::new(None) };
}

/// How the guests of a thread are interrupted, and go on.
#[derive(Clone)]
pub(super) struct Turns {
    clock: Ticker,
    queue: mpsc::UnboundedSender<Waiting>,
}

/// Is told when it goes on.
type Waiting = oneshot::Sender<()>;

/// One turn of a guest: its code runs until it waits for something, is interrupted, or has done what it was to do.
pub(crate) struct Turn {
    began: Instant,
}

impl Turns {
    /// With what lets those through that wait, which must run on the same thread.
    pub(super) fn new(clock: Ticker) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, waiting) = mpsc::unbounded_channel();
        (Self { clock, queue }, let_through(waiting))
    }

    /// This thread has these from now on.
    pub(super) fn enter(&self) {
        TURNS.set(Some(self.clone()));
    }

    fn queue_up(&self) -> oneshot::Receiver<()> {
        self.clock.somebody_computes();
        let (goes_on, queued) = oneshot::channel();
        // If nobody lets anybody through any more, the thread ends.
        let _ = self.queue.send(goes_on);
        queued
    }
}

async fn let_through(mut waiting: mpsc::UnboundedReceiver<Waiting>) {
    while let Some(next) = waiting.recv().await {
        // Nobody waits for an instance that was dropped meanwhile.
        if !next.is_closed() {
            yield_now().await;
            let _ = next.send(());
        }
    }
}

impl Turn {
    pub(crate) fn begin() -> Self {
        let began = Instant::now();
        BEGAN.set(Some(began));
        Self { began }
    }

    /// How long it was.
    pub(crate) fn end(self) -> Duration {
        BEGAN.set(None);
        let took = self.began.elapsed();
        if took >= TICK {
            TURNS.with_borrow(|turns| turns.iter().for_each(|turns| turns.clock.somebody_computes()));
        }
        took
    }
}

/// Waits until a guest that was interrupted may go on.
pub(crate) async fn next_turn() {
    let has_begun = BEGAN.get().is_none_or(|began| began.elapsed() < BEGINNING);
    let queued = if has_begun { None } else { TURNS.with_borrow(|turns| turns.as_ref().map(Turns::queue_up)) };
    match queued {
        Some(queued) => drop(queued.await),
        // The engine's own `Yield` wakes itself at once and starves sockets and timers of a current-thread runtime.
        None => yield_now().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use tokio::task::JoinHandle;

    use super::super::GuestRuntime;
    use super::super::epoch::EpochClock;
    use super::*;

    /// How often each of some guests has computed.
    type Counts = Arc<[AtomicUsize; 5]>;

    fn all(counts: &Counts) -> [usize; 5] {
        counts.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    fn sum(counts: &Counts) -> usize {
        all(counts).into_iter().sum()
    }

    fn computes_long() {
        let _turn = Turn::begin();
        let began = Instant::now();
        while began.elapsed() < BEGINNING {}
    }

    /// Starts guests that compute, and returns when all of them queue.
    async fn guests(counts: &Counts) -> Vec<JoinHandle<()>> {
        let guest = |number: usize| {
            let counts = counts.clone();
            tokio::spawn(async move {
                loop {
                    counts[number].fetch_add(1, Ordering::Relaxed);
                    computes_long();
                    next_turn().await;
                }
            })
        };
        let guests = (0..counts.len()).map(guest).collect();
        while sum(counts) < 2 * counts.len() {
            yield_now().await;
        }
        guests
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        let clock = EpochClock::start(Vec::new());
        let runtime = GuestRuntime::new(clock.ticker()).expect("a runtime");
        let done = runtime.block_on(test);
        runtime.end();
        done
    }

    /// However many compute, only one of them does each time that the thread has looked, and each as often as the others.
    #[test]
    fn one_of_many() {
        let counts = Counts::default();
        run(async {
            guests(&counts).await;
            for _ in 0..10 * counts.len() {
                let before = sum(&counts);
                yield_now().await;
                assert!(sum(&counts) <= before + 1, "{:?}", all(&counts));
            }
            let [least, most] = [all(&counts).into_iter().min(), all(&counts).into_iter().max()];
            assert!(least > Some(10) && most.zip(least).is_some_and(|(most, least)| most - least < 3), "{counts:?}");
        });
    }

    /// Whoever has just begun does not wait for those that compute.
    #[test]
    fn one_that_has_begun() {
        let counts = Counts::default();
        run(async {
            guests(&counts).await;
            for _ in 0..10 {
                let before = sum(&counts);
                let _turn = Turn::begin();
                next_turn().await;
                assert!(sum(&counts) <= before + 1, "{:?}", all(&counts));
            }
        });
    }

    /// One that is not looked after when it may go on, and one that is dropped: the others go on.
    #[test]
    fn those_that_do_not_go_on() {
        let counts = Counts::default();
        run(async {
            let guests = guests(&counts).await;
            computes_long();
            let mut forgotten = std::pin::pin!(next_turn());
            assert!(forgotten.as_mut().now_or_never().is_none());
            guests[0].abort();
            let before = all(&counts);
            while all(&counts)[1..].iter().zip(&before[1..]).any(|(now, before)| *now < before + 3) {
                yield_now().await;
            }
            forgotten.await;
        });
    }
}
