//! A subscriber: what comes for it, until it listens no more.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::Exchange;
use super::group::Group;
use super::line::{MemberId, Turn};
use super::receipt::Taken;
use crate::bus::{Deliveries, Delivery};
use crate::error::BackendError;

/// A member of a group. Dropped, it leaves.
pub(super) struct Listener {
    pub(super) exchange: Arc<Exchange>,
    pub(super) group: Arc<Group>,
    pub(super) member: MemberId,
    pub(super) bell: Arc<Notify>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.exchange.leave(&self.group, self.member);
    }
}

impl Listener {
    /// What it hears.
    pub(super) fn deliveries(self) -> Deliveries {
        stream::unfold(self, async |listener| Some((listener.next().await?, listener))).boxed()
    }

    async fn next(&self) -> Option<Result<Delivery, BackendError>> {
        loop {
            match self.group.change(|line, now| line.take(self.member, now)) {
                Turn::Ended => return None,
                Turn::Dropped(count) => {
                    return Some(Err(BackendError::MessagesDropped { pattern: self.group.pattern.to_string(), count }));
                }
                Turn::Take(ticket) => {
                    if let Some(delivery) = Taken::new(self.group.clone(), ticket).delivery().await {
                        return Some(delivery);
                    }
                }
                // Whether the bell rang or the time has come is seen in the next round.
                Turn::Wait(until) => drop(timeout_at(until, self.bell.notified()).await),
            }
        }
    }
}
