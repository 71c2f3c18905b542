//! What runs the tasks of a thread that runs guests: the clock ticks whenever it does not wait.
//!
//! Guests run on these alone. On another runtime nothing might tick, and nobody could interrupt them.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::epoch::Ticker;
use super::turns::Turns;

/// A runtime for one thread.
pub(crate) struct GuestRuntime {
    runtime: Runtime,
    ticker: Ticker,
    turns: Turns,
}

impl GuestRuntime {
    pub(super) fn new(ticker: Ticker) -> io::Result<Self> {
        let (waits, goes_on) = (ticker.clone(), ticker.clone());
        let mut builder = Builder::new_current_thread();
        builder.on_thread_park(move || waits.count_out()).on_thread_unpark(move || goes_on.count_in());
        let runtime = builder.enable_all().build()?;
        let (turns, let_through) = Turns::new(ticker.clone());
        runtime.spawn(let_through);
        Ok(Self { runtime, ticker, turns })
    }

    /// Runs `task` to its end on this thread, and others that are spawned meanwhile.
    pub(crate) fn block_on<F: Future>(&self, task: F) -> F::Output {
        let _ticking = self.ticker.tick();
        self.turns.enter();
        self.runtime.block_on(task)
    }

    /// Ends what was spawned. Nobody waits for it.
    pub(crate) fn end(self) {
        self.runtime.shutdown_background();
    }

    /// The same, but waits so long for work on other threads.
    pub(crate) fn end_within(self, patience: Duration) {
        self.runtime.shutdown_timeout(patience);
    }
}
