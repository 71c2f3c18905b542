//! Round trips to the server that many who have sent something share: one confirms all that was sent before it.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// The round trips of one connection, one at a time.
#[derive(Default)]
pub(super) struct RoundTrips {
    /// How many have asked for one.
    asked: AtomicU64,
    /// How many of them have had theirs.
    confirmed: Mutex<u64>,
}

impl RoundTrips {
    /// Returns when a round trip is over that began after this was called: its own, `trip`, or that of somebody else.
    pub(super) async fn share<E>(&self, trip: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        let mine = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut confirmed = self.confirmed.lock().await;
        if *confirmed < mine {
            let asked = self.asked.load(Ordering::SeqCst);
            trip.await?;
            *confirmed = asked;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::future::join_all;
    use tokio::task::yield_now;

    use super::*;

    /// A hundred at once need two: the one that is under way when the others come, and one for all of them.
    #[tokio::test]
    async fn many_share_one() {
        let (trips, made) = (RoundTrips::default(), AtomicU64::new(0));
        let trip = || async {
            made.fetch_add(1, Ordering::SeqCst);
            yield_now().await;
            Ok::<_, Infallible>(())
        };
        let ended = join_all((0..100).map(|_| trips.share(trip()))).await;
        assert!(ended.iter().all(Result::is_ok));
        assert_eq!(made.load(Ordering::SeqCst), 2);
    }

    /// Who comes after the last one has begun does not take it for theirs; one that fails confirms nothing.
    #[tokio::test]
    async fn each_begins_after_it_was_asked_for() {
        let trips = RoundTrips::default();
        assert_eq!(trips.share(async { Err("lost") }).await, Err("lost"));
        for _ in 0..2 {
            let mut was_made = false;
            let trip = async {
                was_made = true;
                Ok::<_, Infallible>(())
            };
            trips.share(trip).await.unwrap();
            assert!(was_made);
        }
    }
}
