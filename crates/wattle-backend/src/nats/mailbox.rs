//! What waits for one subscriber: what JetStream gave it, and what came on core NATS, which cannot be asked to wait.

use std::collections::VecDeque;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::receipt::CoreReceipt;
use crate::bus::{Delivery, Message};
use crate::error::BackendError;

/// What of core NATS waits at most, in bytes and in messages. What comes beyond is dropped, counted and told.
const WAITING_MAX_BYTES: usize = 16 << 20;
const WAITING_MAX_MESSAGES: usize = 4096;

/// What waits for one subscriber.
pub(super) struct Mailbox {
    pattern: String,
    waiting: Mutex<Waiting>,
    came: Notify,
    /// For what may be delivered of core NATS and not yet settled.
    unsettled: Arc<Semaphore>,
    /// Where what comes again waits for its time.
    runtime: Handle,
}

#[derive(Default)]
struct Waiting {
    mail: VecDeque<Mail>,
    core_bytes: usize,
    core_messages: usize,
    dropped: u64,
    is_closed: bool,
}

enum Mail {
    /// From JetStream, which was asked for it.
    Kept(Box<Result<Delivery, BackendError>>),
    /// From core NATS.
    Core { message: Message, attempt: NonZeroU32 },
}

/// What comes next.
enum Next {
    Item(Box<Result<Delivery, BackendError>>),
    Core { message: Message, attempt: NonZeroU32 },
    Nothing,
    End,
}

impl Mailbox {
    pub(super) fn new(pattern: String, unsettled: NonZeroUsize, runtime: Handle) -> Arc<Self> {
        let unsettled = Arc::new(Semaphore::new(unsettled.get().min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { pattern, waiting: Mutex::default(), came: Notify::new(), unsettled, runtime })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whole at every point where a panic could come.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what JetStream gave, or an error to be told.
    pub(super) fn push(&self, item: Result<Delivery, BackendError>) {
        let mut waiting = self.waiting();
        if waiting.is_closed {
            // A delivery is given back when it is dropped, which must not be under the lock.
            drop(waiting);
            return drop(item);
        }
        waiting.mail.push_back(Mail::Kept(Box::new(item)));
        drop(waiting);
        self.came.notify_one();
    }

    /// Takes what came on core NATS, if there is room for it.
    pub(super) fn push_core(&self, message: Message, attempt: NonZeroU32) {
        let mut waiting = self.waiting();
        let bytes = waiting.core_bytes + message.size();
        if waiting.is_closed {
            return;
        }
        if bytes > WAITING_MAX_BYTES || waiting.core_messages >= WAITING_MAX_MESSAGES {
            waiting.dropped += 1;
        } else {
            waiting.core_bytes = bytes;
            waiting.core_messages += 1;
            waiting.mail.push_back(Mail::Core { message, attempt });
        }
        drop(waiting);
        self.came.notify_one();
    }

    /// Ends it when what waits was taken.
    pub(super) fn end(&self) {
        self.waiting().is_closed = true;
        self.came.notify_one();
    }

    /// Ends it at once: what JetStream gave goes back.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting();
        waiting.is_closed = true;
        let mail = std::mem::take(&mut waiting.mail);
        drop(waiting);
        drop(mail);
    }

    /// What comes next, when it comes; `None`: nothing more.
    pub(super) async fn next(self: &Arc<Self>) -> Option<Result<Delivery, BackendError>> {
        loop {
            match self.pop() {
                Next::Item(item) => return Some(*item),
                Next::Core { message, attempt } => {
                    let permit = self.unsettled.clone().acquire_owned().await.ok()?;
                    return Some(Ok(self.delivery(message, attempt, permit)));
                }
                Next::End => return None,
                Next::Nothing => self.came.notified().await,
            }
        }
    }

    fn pop(&self) -> Next {
        let mut waiting = self.waiting();
        if waiting.dropped > 0 {
            let count = std::mem::take(&mut waiting.dropped);
            let dropped = BackendError::MessagesDropped { pattern: self.pattern.clone(), count };
            return Next::Item(Box::new(Err(dropped)));
        }
        match waiting.mail.pop_front() {
            Some(Mail::Kept(item)) => Next::Item(item),
            Some(Mail::Core { message, attempt }) => {
                waiting.core_bytes -= message.size();
                waiting.core_messages -= 1;
                Next::Core { message, attempt }
            }
            None if waiting.is_closed => Next::End,
            None => Next::Nothing,
        }
    }

    fn delivery(self: &Arc<Self>, message: Message, attempt: NonZeroU32, permit: OwnedSemaphorePermit) -> Delivery {
        let receipt = CoreReceipt::new(Arc::downgrade(self), self.runtime.clone(), message.clone(), attempt, permit);
        Delivery { message, attempt, receipt: Box::new(receipt) }
    }
}
