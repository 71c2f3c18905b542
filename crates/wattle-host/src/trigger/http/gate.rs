//! What connections come in by: how far its end is, and how many of them are inside.
//!
//! Each listener has a gate of its own, so that one can end while the others go on.

use tokio::sync::watch;

/// How far the end of a listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It has not begun.
    Open,
    /// No new connections; those there are end after their next answer.
    Draining,
    /// Connections that rest are closed.
    Closing,
    /// Connections are cut, whatever they do.
    Cut,
}

/// What the connections of one listener came in by.
pub(crate) struct Gate {
    stage: watch::Sender<Stage>,
    inside: watch::Sender<()>,
}

/// A connection that came in. It counts until this is dropped.
pub(super) struct Entered(#[expect(dead_code, reason = "that it is there is what counts")] watch::Receiver<()>);

impl Gate {
    pub(super) fn new() -> Self {
        Self { stage: watch::Sender::new(Stage::Open), inside: watch::Sender::new(()) }
    }

    /// A connection comes in.
    pub(super) fn enter(&self) -> Entered {
        Entered(self.inside.subscribe())
    }

    /// How many connections are inside.
    pub(super) fn count(&self) -> usize {
        self.inside.receiver_count()
    }

    /// Waits until nobody is inside.
    pub(super) async fn empty(&self) {
        self.inside.closed().await;
    }

    /// Goes on to `stage`. There is no way back.
    pub(super) fn advance(&self, stage: Stage) {
        self.stage.send_if_modified(|now| {
            let is_later = *now < stage;
            *now = stage.max(*now);
            is_later
        });
    }

    /// Whether its end has begun.
    pub(super) fn is_ending(&self) -> bool {
        *self.stage.borrow() != Stage::Open
    }

    /// Waits until its end is as far as `stage`.
    pub(super) async fn reaches(&self, stage: Stage) {
        // The sender is there as long as this is.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn who_is_inside() {
        let gate = Gate::new();
        assert!(gate.empty().now_or_never().is_some());
        let (one, other) = (gate.enter(), gate.enter());
        assert_eq!(gate.count(), 2);
        drop(one);
        assert!(gate.empty().now_or_never().is_none());
        drop(other);
        assert_eq!((gate.count(), gate.empty().now_or_never()), (0, Some(())));
    }

    #[test]
    fn an_end_goes_on() {
        let gate = Gate::new();
        assert!(!gate.is_ending());
        gate.advance(Stage::Closing);
        gate.advance(Stage::Draining);
        assert!(gate.is_ending());
        assert!(gate.reaches(Stage::Closing).now_or_never().is_some());
        assert!(gate.reaches(Stage::Cut).now_or_never().is_none());
    }
}
