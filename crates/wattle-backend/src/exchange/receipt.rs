//! What a subscriber has taken and not yet settled.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use super::group::{Group, Shelf};
use super::line::Ticket;
use crate::bus::{Delivery, Message, Receipt, Settlement};
use crate::error::BackendError;

/// After how long a message comes again whose delivery was dropped: at once would be a loop if each of them is.
const PAUSE_AFTER_DROP: Duration = Duration::from_secs(1);

/// A message that a member has taken. Dropped before it is settled, the message comes again.
pub(super) struct Taken {
    group: Arc<Group>,
    ticket: Ticket,
    settled: bool,
}

impl Taken {
    /// What `ticket` stands for in `group`.
    pub(super) fn new(group: Arc<Group>, ticket: Ticket) -> Self {
        Self { group, ticket, settled: false }
    }

    /// The message to deliver, read from the shelf if it has to be. None: it was settled meanwhile.
    pub(super) async fn delivery(mut self) -> Option<Result<Delivery, BackendError>> {
        let message = match (self.ticket.message.take(), self.shelf()) {
            (Some(message), _) => message,
            (None, Some((shelf, number))) => match shelf.read(number).await {
                Ok(Some(message)) => message,
                Ok(None) => {
                    self.forget();
                    return None;
                }
                Err(error) => {
                    self.unreadable(&error);
                    return Some(Err(error));
                }
            },
            (None, None) => unreachable!("invariant: a message is in memory or on a shelf"),
        };
        Some(Ok(self.deliver(message)))
    }

    fn deliver(self, message: Message) -> Delivery {
        let attempt = NonZeroU32::new(self.ticket.attempt).unwrap_or(NonZeroU32::MIN);
        Delivery { message, attempt, receipt: Box::new(self) }
    }

    fn shelf(&self) -> Option<(Arc<dyn Shelf>, u64)> {
        Some((self.group.shelf.clone()?, self.ticket.kept?))
    }

    /// What is damaged is left where it is and not tried again by this process, what could not be read now is.
    fn unreadable(&mut self, error: &BackendError) {
        match error {
            BackendError::Corrupt { .. } => self.forget(),
            _ => self.delay(self.group.settle_within),
        }
    }

    fn forget(&mut self) {
        self.settled = true;
        self.group.change(|line, now| line.remove(self.ticket.number, now));
    }

    fn delay(&mut self, span: Duration) {
        self.settled = true;
        let Ticket { number, attempt, .. } = self.ticket;
        self.group.change(|line, now| line.delay(number, attempt, after(now, span), now));
    }
}

/// A span that no clock can add is as good as a hundred years.
fn after(now: tokio::time::Instant, span: Duration) -> tokio::time::Instant {
    now.checked_add(span).unwrap_or_else(|| now + Duration::from_secs(100 * 365 * 24 * 3600))
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.settled {
            self.delay(PAUSE_AFTER_DROP);
        }
    }
}

impl Receipt for Taken {
    fn settle(mut self: Box<Self>, settlement: Settlement) -> BoxFuture<'static, Result<(), BackendError>> {
        async move {
            match (settlement, self.shelf()) {
                (_, None) => {}
                (Settlement::Done, Some((shelf, number))) => shelf.remove(number).await?,
                (Settlement::Retry(span), Some((shelf, number))) => {
                    shelf.delay(number, self.ticket.attempt, span).await?;
                }
            }
            match settlement {
                Settlement::Done => self.forget(),
                Settlement::Retry(span) => self.delay(span),
            }
            Ok(())
        }
        .boxed()
    }

    fn keep(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        self.group.change(|line, now| line.extend(self.ticket.number, self.ticket.attempt, now));
        ready(Ok(())).boxed()
    }
}
