//! The clock that interrupts guests: one thread that moves the epoch of every engine on, once per tick.
//!
//! It rests while there is no instance, so that an idle host costs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// How long a guest may compute before others on its core get their turn.
pub const TICK: Duration = Duration::from_millis(1);

/// Without an instance for so many ticks, the clock rests.
const QUIET_TICKS: u32 = 50;

/// Ticks until it is dropped.
pub(crate) struct EpochClock {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    stop: AtomicBool,
    instances: AtomicUsize,
    resting: AtomicBool,
}

/// Keeps a clock going.
#[derive(Clone)]
pub(crate) struct Ticker {
    state: Arc<State>,
    thread: Thread,
}

/// An instance for which the clock ticks.
pub(crate) struct Ticking(Arc<State>);

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
        let mut quiet = 0;
        while !self.stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(TICK);
            engines.iter().for_each(Engine::increment_epoch);
            quiet = if self.instances.load(Ordering::Relaxed) == 0 { quiet + 1 } else { 0 };
            if quiet > QUIET_TICKS {
                self.rest();
                quiet = 0;
            }
        }
    }

    // Whoever counts itself in looks at `resting` afterwards, we set it before we look at the count: one sees the other.
    fn rest(&self) {
        self.resting.store(true, Ordering::SeqCst);
        while self.instances.load(Ordering::SeqCst) == 0 && !self.stop.load(Ordering::Relaxed) {
            std::thread::park();
        }
        self.resting.store(false, Ordering::SeqCst);
    }
}

impl Ticker {
    /// Counts an instance in.
    pub(crate) fn tick(&self) -> Ticking {
        if self.state.instances.fetch_add(1, Ordering::SeqCst) == 0 && self.state.resting.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Ticking(self.state.clone())
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.instances.fetch_sub(1, Ordering::Relaxed);
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
