//! Messages in the memory of the host: gone when it stops.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tokio::time::Instant;

use crate::backend::Backend;
use crate::bucket::Owner;
use crate::bus::{Bus, Deliveries, Message, Subscription};
use crate::error::BackendError;
use crate::exchange::{BusOptions, Exchange, Hearers, size_of};

/// A [`Bus`] in memory. A message is for those who listen when it is published: what still waits for a group when its
/// last subscriber leaves is dropped. Its methods are called, and its futures polled, within a Tokio runtime with a
/// clock. Dropping it ends what its subscribers hear.
pub struct MemoryBus {
    exchange: Arc<Exchange>,
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new(BusOptions::default())
    }
}

impl MemoryBus {
    /// A bus that nobody listens to yet.
    pub fn new(options: BusOptions) -> Self {
        Self { exchange: Arc::new(Exchange::new(options)) }
    }

    /// How many messages were dropped because a subscriber of everything did not keep up.
    pub fn dropped(&self) -> u64 {
        self.exchange.dropped()
    }
}

impl Drop for MemoryBus {
    fn drop(&mut self) {
        self.exchange.close();
    }
}

impl Backend for MemoryBus {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        ready(Ok(())).boxed()
    }
}

impl Bus for MemoryBus {
    fn publish(&self, owner: &Owner, message: Message) -> BoxFuture<'static, Result<(), BackendError>> {
        let (exchange, owner) = (self.exchange.clone(), owner.clone());
        async move {
            let size = size_of(&message)?;
            if exchange.answers(&owner, &message) {
                return Ok(());
            }
            let Hearers { groups, listeners } = exchange.hearers(&owner, &message.subject)?;
            let until = Instant::now() + exchange.options.publish_patience;
            let rooms = exchange.reserve(groups, size, until).await?;
            exchange.deliver(&message, rooms, &listeners);
            Ok(())
        }
        .boxed()
    }

    fn request(
        &self,
        owner: &Owner,
        message: Message,
        patience: Duration,
    ) -> BoxFuture<'static, Result<Message, BackendError>> {
        let (exchange, owner) = (self.exchange.clone(), owner.clone());
        async move { exchange.request(&owner, message, patience).await }.boxed()
    }

    fn subscribe(&self, subscription: Subscription) -> BoxFuture<'static, Result<Deliveries, BackendError>> {
        ready(self.exchange.join(subscription)).boxed()
    }

    fn keeps(&self) -> bool {
        false
    }
}
