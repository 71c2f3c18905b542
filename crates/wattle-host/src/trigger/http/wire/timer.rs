//! A timer that is set again when it fires too early, so that progress only notes an instant.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

#[derive(Default)]
pub(super) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready once `deadline` has passed; else the task is woken then, or earlier.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

/// How long writing may stand still.
pub(super) struct Stall {
    timer: Timer,
    since: Option<Instant>,
    limit: Duration,
}

impl Stall {
    pub(super) fn new(limit: Duration) -> Self {
        Self { timer: Timer::default(), since: None, limit }
    }

    /// What became of a write; an error once there was none for too long.
    pub(super) fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.since = None;
            return written;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        self.timer.poll(cx, since + self.limit).map(|()| Err(timed_out()))
    }
}

pub(super) fn timed_out() -> io::Error {
    io::ErrorKind::TimedOut.into()
}
