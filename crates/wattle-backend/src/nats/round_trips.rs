//! Round trips to the server that many who have sent something share: one confirms all that was sent before it.

use std::sync::atomic::{AtomicU64, Ordering};

use async_nats::{Client, PublishError, SubscribeError, Subscriber};
use futures::StreamExt as _;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

/// How many may wait to be confirmed at a time: fewer than the events of refusals that the client keeps for us.
const PLACES: usize = 100;

/// The round trips of one connection, one at a time.
pub(super) struct RoundTrips {
    places: Semaphore,
    /// How many have asked for one.
    asked: AtomicU64,
    turn: Mutex<Turn>,
}

/// Whose turn it is to make one has this.
#[derive(Default)]
struct Turn {
    /// How many of those who asked have had theirs.
    confirmed: u64,
    /// What the trips are made with; `None`: before the first.
    echo: Option<Echo>,
}

/// Messages to ourselves.
pub(super) struct Echo {
    pub(super) inbox: String,
    heard: Subscriber,
    sent: u64,
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self { places: Semaphore::new(PLACES), asked: AtomicU64::default(), turn: Mutex::default() }
    }
}

impl RoundTrips {
    /// A place for something that is sent and is to be confirmed, to be held until it is.
    pub(super) async fn place(&self) -> SemaphorePermit<'_> {
        self.places.acquire().await.expect("invariant: nobody closes it")
    }

    /// Returns when a round trip is over that began after this was called: its own, `trip`, or that of somebody else.
    pub(super) async fn share<E>(&self, trip: impl AsyncFnOnce(&mut Option<Echo>) -> Result<(), E>) -> Result<(), E> {
        let mine = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut turn = self.turn.lock().await;
        if turn.confirmed < mine {
            let asked = self.asked.load(Ordering::SeqCst);
            trip(&mut turn.echo).await?;
            turn.confirmed = asked;
        }
        Ok(())
    }
}

impl Echo {
    /// Listens for messages that nobody else sends.
    pub(super) async fn open(client: &Client) -> Result<Self, SubscribeError> {
        let inbox = client.new_inbox();
        let heard = client.subscribe(inbox.clone()).await?;
        Ok(Self { inbox, heard, sent: 0 })
    }

    /// Sends the next one: its number.
    pub(super) async fn send(&mut self, client: &Client) -> Result<u64, PublishError> {
        self.sent += 1;
        client.publish(self.inbox.clone(), self.sent.to_string().into()).await?;
        Ok(self.sent)
    }

    /// Waits for the one of that number, past those that nobody waited for to the end. Whether it came.
    pub(super) async fn hear(&mut self, number: u64) -> bool {
        let number = number.to_string();
        while let Some(heard) = self.heard.next().await {
            if heard.payload == number.as_bytes() {
                return true;
            }
        }
        false
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
        let ended = join_all((0..100).map(|_| trips.share(async |_: &mut Option<Echo>| trip().await))).await;
        assert!(ended.iter().all(Result::is_ok));
        assert_eq!(made.load(Ordering::SeqCst), 2);
    }

    /// Who comes after the last one has begun does not take it for theirs; one that fails confirms nothing.
    #[tokio::test]
    async fn each_begins_after_it_was_asked_for() {
        let trips = RoundTrips::default();
        assert_eq!(trips.share(async |_: &mut Option<Echo>| Err("lost")).await, Err("lost"));
        for _ in 0..2 {
            let mut was_made = false;
            let trip = async |_: &mut Option<Echo>| {
                was_made = true;
                Ok::<_, Infallible>(())
            };
            trips.share(trip).await.expect("a trip");
            assert!(was_made);
        }
    }
}
