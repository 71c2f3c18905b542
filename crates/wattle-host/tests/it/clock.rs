//! A clock that goes only when a test says so.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use tokio::sync::watch;
use wattle_host::Clock;

/// The longest sleep between two looks at the clock.
const NAP: Duration = Duration::from_secs(1);

/// A clock on the wall and the one that only goes forward.
#[derive(Clone)]
pub(crate) struct HeldClock {
    wall: Arc<Mutex<DateTime<Utc>>>,
    passed: Arc<watch::Sender<Duration>>,
    /// How many short sleeps have begun.
    naps: Arc<AtomicUsize>,
}

impl HeldClock {
    pub(crate) fn at(wall: &str) -> Self {
        Self { wall: Arc::new(Mutex::new(wall.parse().unwrap())), passed: Arc::default(), naps: Arc::default() }
    }

    /// Sets the clock on the wall, while no time passes.
    pub(crate) fn set(&self, wall: &str) {
        *self.wall.lock().unwrap() = wall.parse().unwrap();
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, span: Duration) {
        *self.wall.lock().unwrap() += TimeDelta::from_std(span).unwrap();
        self.passed.send_modify(|passed| *passed += span);
    }

    /// How often somebody who looks at the clock again and again has gone to sleep.
    pub(crate) fn naps(&self) -> usize {
        self.naps.load(Ordering::Relaxed)
    }

    /// Sets the clock and lets the longest nap end.
    pub(crate) fn jump(&self, wall: &str) {
        self.set(wall);
        self.pass(NAP);
    }
}

impl Clock for HeldClock {
    fn now(&self) -> DateTime<Utc> {
        *self.wall.lock().unwrap()
    }

    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        let mut passed = self.passed.subscribe();
        let end = *passed.borrow() + span;
        if span <= NAP {
            self.naps.fetch_add(1, Ordering::Relaxed);
        }
        Box::pin(async move {
            passed.wait_for(|passed| *passed >= end).await.unwrap();
        })
    }
}
