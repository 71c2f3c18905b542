//! The end of what does not end by itself.

use tokio::sync::watch;

/// Ends what is under way, whether it is done or not.
#[derive(Default)]
pub(crate) struct Cut(watch::Sender<bool>);

impl Cut {
    /// What is under way ends now, and what begins after this, too.
    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }

    /// Waits for it. Looked at only by who has to wait anyway, this costs the others nothing.
    pub(crate) async fn comes(&self) {
        // The sender is there as long as this is.
        let _ = self.0.subscribe().wait_for(|is_cut| *is_cut).await;
    }
}
