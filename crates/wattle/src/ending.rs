//! An end that an action asks for, as a signal does, and how it was.

use tokio::sync::watch;
use wattle_spec::control::Cut;

/// Whether a host is to end, and how it has.
#[derive(Default)]
pub(crate) struct Ending {
    asked: watch::Sender<bool>,
    /// What was cut, if anything. `None`: it has not ended.
    ended: watch::Sender<Option<Option<Cut>>>,
}

impl Ending {
    /// Asks for the end, and waits until nothing of the host runs any more. What of it was cut.
    pub(crate) async fn ask(&self) -> Option<Cut> {
        self.asked.send_replace(true);
        let mut ended = self.ended.subscribe();
        // The sender is there as long as this is.
        ended.wait_for(Option::is_some).await.ok().and_then(|ended| *ended).flatten()
    }

    /// Waits until somebody asks.
    pub(crate) async fn asked(&self) {
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }

    /// Tells whoever asked, or does so from now on, how it has ended.
    pub(crate) fn tell(&self, cut: Option<Cut>) {
        self.ended.send_replace(Some(cut));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn asked_and_told() {
        let ending = Ending::default();
        assert!(ending.asked().now_or_never().is_none());
        assert!(ending.ask().now_or_never().is_none());
        assert!(ending.asked().now_or_never().is_some());
        let cut = Some(Cut { requests: 1, connections: 2 });
        ending.tell(cut);
        assert_eq!(ending.ask().now_or_never(), Some(cut));
    }
}
