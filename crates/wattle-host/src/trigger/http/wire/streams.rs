//! The requests under way on a connection of HTTP/2, and since when it rests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use wattle_spec::limits::HostLimits;

/// How many times longer than the connection one answer may stand still: it shares the connection with the others.
const BEHIND_OTHERS: u32 = 4;

/// The streams of one connection.
pub(in crate::trigger::http) struct Streams {
    state: Mutex<State>,
    rested: Notify,
    first: Duration,
    idle: Duration,
}

struct State {
    open: u32,
    /// How many were ever opened.
    opened: u64,
    /// The streams with a piece of an answer that the client has not taken, and since when.
    standing: BTreeMap<u64, Instant>,
    /// When the last stream ended.
    since: Instant,
    served: bool,
    /// When a piece of an answer was written, or first stood still.
    written: Instant,
}

/// A request under way. It ends with this.
pub(in crate::trigger::http) struct OpenStream {
    streams: Arc<Streams>,
    number: u64,
}

impl Streams {
    pub(in crate::trigger::http) fn new(limits: &HostLimits) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self {
            state: Mutex::new(State {
                open: 0,
                opened: 0,
                standing: BTreeMap::new(),
                since: now,
                served: false,
                written: now,
            }),
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
        state.opened += 1;
        state.served = true;
        Arc::new(OpenStream { streams: self.clone(), number: state.opened })
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

    /// Waits until no request is under way.
    pub(in crate::trigger::http) async fn none(&self) {
        while self.lock().open > 0 {
            self.rested.notified().await;
        }
    }

    /// Until when the client must take something of the answers that stand still: `patience` after it last took
    /// something of any, and a few times that for each, which may have waited behind the others.
    pub(super) fn stands_until(&self, patience: Duration) -> Option<Instant> {
        let state = self.lock();
        let oldest = *state.standing.values().min()?;
        Some((state.written + patience).min(oldest + patience * BEHIND_OTHERS))
    }
}

impl OpenStream {
    /// The client must take a piece of the answer now.
    pub(in crate::trigger::http) fn handed_over(&self) {
        let (mut state, now) = (self.streams.lock(), Instant::now());
        if state.standing.is_empty() {
            state.written = now;
        }
        state.standing.entry(self.number).or_insert(now);
    }

    /// There is room for more of the answer.
    pub(in crate::trigger::http) fn asked(&self) {
        self.streams.lock().standing.remove(&self.number);
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut state = self.streams.lock();
        state.standing.remove(&self.number);
        state.open -= 1;
        if state.open == 0 {
            state.since = Instant::now();
            self.streams.rested.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer that nobody takes does not stand for ever because another one moves.
    #[test]
    fn one_stream_may_stand_while_others_move() {
        let (streams, patience) = (Streams::new(&HostLimits::default()), Duration::from_secs(1));
        let (stands, moves) = (streams.open(), streams.open());
        assert_eq!(streams.stands_until(patience), None);
        let began = Instant::now();
        stands.handed_over();
        for _ in 0..10 {
            moves.handed_over();
            streams.lock().written = Instant::now() + patience * 100;
            moves.asked();
        }
        let until = streams.stands_until(patience).expect("one stands");
        assert!(until >= began + patience * BEHIND_OTHERS && until <= Instant::now() + patience * BEHIND_OTHERS);
        drop(stands);
        assert_eq!(streams.stands_until(patience), None);
    }
}
