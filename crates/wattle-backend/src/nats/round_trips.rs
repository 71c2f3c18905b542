//! Round trips to the server that many who have sent something share: one confirms all that was sent before it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Client, PublishError, SubscribeError, Subscriber};
use futures::StreamExt as _;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::task::yield_now;

use crate::error::BackendError;

/// How many may wait to be confirmed at a time: fewer than the events of refusals that the client keeps for us.
const PLACES: usize = 100;

/// The round trips of one connection, one at a time.
pub(super) struct RoundTrips {
    places: Semaphore,
    queue: Mutex<Queue>,
    runtime: Handle,
}

/// Who waits for the next one.
#[derive(Default)]
struct Queue {
    waiting: Vec<oneshot::Sender<Result<(), BackendError>>>,
    /// Whether a task is there that makes them.
    is_served: bool,
}

/// Messages to ourselves.
pub(super) struct Echo {
    pub(super) inbox: String,
    heard: Subscriber,
    sent: u64,
}

impl RoundTrips {
    /// Those of a connection that lives on `runtime`.
    pub(super) fn new(runtime: Handle) -> Arc<Self> {
        Arc::new(Self { places: Semaphore::new(PLACES), queue: Mutex::default(), runtime })
    }

    /// A place for something that is sent and is to be confirmed, to be held until it is.
    pub(super) async fn place(&self) -> SemaphorePermit<'_> {
        self.places.acquire().await.expect("invariant: nobody closes it")
    }

    /// Returns when a round trip is over that began after this was called, made by `trip` or by that of somebody else.
    pub(super) async fn share<T, F>(self: &Arc<Self>, trip: T) -> Result<(), BackendError>
    where
        T: Fn() -> F + Send + 'static,
        F: Future<Output = Result<(), BackendError>> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let was_served = {
            let mut queue = self.queue();
            queue.waiting.push(tell);
            std::mem::replace(&mut queue.is_served, true)
        };
        if !was_served {
            // Of nobody who may stop waiting.
            self.runtime.spawn(self.clone().serve(trip));
        }
        told.await.unwrap_or(Err(BackendError::Closed))
    }

    /// Makes them until nobody waits for one.
    async fn serve<F>(self: Arc<Self>, trip: impl Fn() -> F)
    where
        F: Future<Output = Result<(), BackendError>>,
    {
        while let Some(waiting) = self.next() {
            let made = trip().await;
            // What the server said before its answer is on its way through another task.
            yield_now().await;
            for tell in waiting {
                // Who does not wait any more is not told.
                let _ = tell.send(made.clone());
            }
        }
    }

    /// Who waits for the next one; `None`: nobody, and somebody else makes the one after.
    fn next(&self) -> Option<Vec<oneshot::Sender<Result<(), BackendError>>>> {
        let mut queue = self.queue();
        queue.is_served = !queue.waiting.is_empty();
        queue.is_served.then(|| std::mem::take(&mut queue.waiting))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Whole at every point where a panic could come.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
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
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::future::join_all;

    use super::*;

    /// A hundred at once need two at most: the one that is under way when the others come, and one for all of them.
    #[tokio::test]
    async fn many_share_one() {
        let (trips, made) = (RoundTrips::new(Handle::current()), Arc::new(AtomicU64::new(0)));
        let share = || {
            let made = made.clone();
            trips.share(move || {
                made.fetch_add(1, Ordering::SeqCst);
                async {
                    yield_now().await;
                    Ok(())
                }
            })
        };
        let ended = join_all((0..100).map(|_| share())).await;
        assert!(ended.iter().all(Result::is_ok));
        assert!((1..=2).contains(&made.load(Ordering::SeqCst)), "{made:?}");
    }

    /// Who comes after one has begun does not take it for theirs; one that fails confirms nothing.
    #[tokio::test]
    async fn each_begins_after_it_was_asked_for() {
        let (trips, made) = (RoundTrips::new(Handle::current()), Arc::new(AtomicU64::new(0)));
        let failed = trips.share(async || Err(BackendError::Closed)).await;
        assert!(matches!(failed, Err(BackendError::Closed)), "{failed:?}");
        for number in 1..=3 {
            let count = made.clone();
            let trip = move || {
                count.fetch_add(1, Ordering::SeqCst);
                async { Ok(()) }
            };
            trips.share(trip).await.expect("a trip");
            assert_eq!(made.load(Ordering::SeqCst), number);
        }
    }
}
