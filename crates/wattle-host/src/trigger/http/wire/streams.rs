//! The requests under way on a connection of HTTP/2, and since when it rests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use wattle_spec::limits::HostLimits;

/// The streams of one connection.
pub(in crate::trigger::http) struct Streams {
    state: Mutex<State>,
    rested: Notify,
    first: Duration,
    idle: Duration,
}

struct State {
    open: u32,
    /// How many have a piece of an answer that the client does not take.
    standing: u32,
    /// When the last stream was opened or ended.
    since: Instant,
    served: bool,
    /// When a piece of an answer was written, or first stood still.
    written: Instant,
}

/// A request under way. It ends with this.
pub(in crate::trigger::http) struct OpenStream {
    streams: Arc<Streams>,
    standing: AtomicBool,
}

impl Streams {
    pub(in crate::trigger::http) fn new(limits: &HostLimits) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self {
            state: Mutex::new(State { open: 0, standing: 0, since: now, served: false, written: now }),
            rested: Notify::new(),
            first: limits.header_timeout,
            idle: limits.idle_timeout,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// A request has arrived.
    pub(in crate::trigger::http) fn open(self: &Arc<Self>) -> Arc<OpenStream> {
        let mut state = self.lock();
        state.open += 1;
        state.served = true;
        Arc::new(OpenStream { streams: self.clone(), standing: AtomicBool::new(false) })
    }

    /// Waits until the connection has rested for too long; before its first request that is as long as a head may take.
    pub(in crate::trigger::http) async fn idle(&self) {
        loop {
            let until = {
                let state = self.lock();
                let patience = if state.served { self.idle } else { self.first };
                (state.open == 0).then(|| state.since + patience)
            };
            match until {
                Some(until) if until <= Instant::now() => return,
                Some(until) => sleep_until(until).await,
                None => self.rested.notified().await,
            }
        }
    }

    /// Bytes of an answer were written.
    pub(super) fn written(&self) {
        self.lock().written = Instant::now();
    }

    /// Since when answers stand still because the client does not take them.
    pub(super) fn standing_since(&self) -> Option<Instant> {
        let state = self.lock();
        (state.standing > 0).then_some(state.written)
    }
}

impl OpenStream {
    /// The client must take a piece of the answer now.
    pub(in crate::trigger::http) fn handed_over(&self) {
        if !self.standing.swap(true, Ordering::Relaxed) {
            let mut state = self.streams.lock();
            state.standing += 1;
            if state.standing == 1 {
                state.written = Instant::now();
            }
        }
    }

    /// There is room for more of the answer.
    pub(in crate::trigger::http) fn asked(&self) {
        if self.standing.swap(false, Ordering::Relaxed) {
            self.streams.lock().standing -= 1;
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.asked();
        let mut state = self.streams.lock();
        state.open -= 1;
        if state.open == 0 {
            state.since = Instant::now();
            self.streams.rested.notify_one();
        }
    }
}
