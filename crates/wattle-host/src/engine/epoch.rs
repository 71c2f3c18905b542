//! The clock that interrupts guests: one thread that moves the epoch of every engine on, once per tick.
//!
//! It rests while every thread that runs guests does, so that an idle host costs nothing, however many instances it keeps. While
//! no turn of a guest takes long it ticks slowly: each tick takes a core from whoever has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use wasmtime::Engine;

/// How long a guest may compute before others on its core get their turn, while some do.
pub const TICK: Duration = Duration::from_millis(1);

/// The same for the first that does.
const SLOW_TICK: Duration = Duration::from_millis(4);

/// When no guest has computed for a tick for so long, the clock ticks slowly, and when nobody has worked, it rests.
const LAPSE: Duration = Duration::from_millis(50);

/// Ticks until it is dropped.
pub(crate) struct EpochClock {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    stop: AtomicBool,
    /// How many threads work that run guests.
    working: AtomicUsize,
    resting: AtomicBool,
    /// Whether a guest has computed for a tick since this was looked at.
    computing: AtomicBool,
    is_slow: AtomicBool,
}

/// Keeps a clock going.
#[derive(Clone)]
pub(super) struct Ticker {
    state: Arc<State>,
    thread: Thread,
}

/// A thread for which the clock ticks.
pub(super) struct Ticking(Ticker);

impl EpochClock {
    pub(super) fn start(engines: Vec<Engine>) -> Self {
        let state = Arc::<State>::default();
        let of_thread = state.clone();
        let thread = std::thread::Builder::new().name("wattle-epoch".into()).spawn(move || of_thread.tick(&engines));
        Self { state, thread: Some(thread.expect("invariant: a thread can be started while a host is built")) }
    }

    pub(super) fn ticker(&self) -> Ticker {
        let thread = self.thread.as_ref().expect("invariant: the thread is joined by drop alone");
        Ticker { state: self.state.clone(), thread: thread.thread().clone() }
    }
}

impl State {
    fn tick(&self, engines: &[Engine]) {
        let (mut computed, mut worked) = (Instant::now(), Instant::now());
        while !self.stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            if self.computing.swap(false, Ordering::Relaxed) {
                computed = now;
            }
            if self.working.load(Ordering::Relaxed) > 0 {
                worked = now;
            } else if now - worked > LAPSE {
                self.rest();
                worked = Instant::now();
            }
            let is_slow = now - computed > LAPSE;
            self.is_slow.store(is_slow, Ordering::Relaxed);
            std::thread::park_timeout(if is_slow { SLOW_TICK } else { TICK });
            engines.iter().for_each(Engine::increment_epoch);
        }
    }

    // Whoever counts itself in looks at `resting` afterwards, we set it before we look at the count: one sees the other.
    fn rest(&self) {
        self.resting.store(true, Ordering::SeqCst);
        while self.working.load(Ordering::SeqCst) == 0 && !self.stop.load(Ordering::Relaxed) {
            std::thread::park();
        }
        self.resting.store(false, Ordering::SeqCst);
    }
}

impl Ticker {
    /// This thread works from now on, until what is returned is dropped. In between it may be [counted out](Self::count_out).
    pub(super) fn tick(&self) -> Ticking {
        self.count_in();
        Ticking(self.clone())
    }

    /// A thread works, which did not.
    pub(super) fn count_in(&self) {
        self.state.working.fetch_add(1, Ordering::SeqCst);
        if self.state.resting.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    /// A guest has computed for a tick. The next one is soon.
    pub(super) fn somebody_computes(&self) {
        self.state.computing.store(true, Ordering::Relaxed);
        if self.state.is_slow.swap(false, Ordering::Relaxed) {
            self.thread.unpark();
        }
    }

    /// A thread does not work any more: it runs no guest until it does.
    pub(super) fn count_out(&self) {
        self.state.working.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.count_out();
    }
}

impl Drop for EpochClock {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
