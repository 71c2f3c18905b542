//! What became of a message: told to JetStream, or kept here for core NATS, which does not want to know.

use std::num::NonZeroU32;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_nats::Subject as NatsSubject;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::connection::NatsConnection;
use super::mailbox::Mailbox;
use crate::bus::{Message, Receipt, Settlement};
use crate::error::BackendError;

const DONE: &[u8] = b"+ACK";
const AGAIN: &[u8] = b"-NAK";
const STILL: &[u8] = b"+WPI";

/// For a message of JetStream, which delivers it again if it hears nothing.
pub(super) struct KeptReceipt {
    connection: Arc<NatsConnection>,
    /// Where it is told; `None`: it was told, or is being told.
    reply: Option<NatsSubject>,
    /// Where it is told when this is dropped: where the messages come, so that who leaves has left by then.
    runtime: Handle,
    _permit: Option<OwnedSemaphorePermit>,
}

impl KeptReceipt {
    pub(super) fn new(
        connection: Arc<NatsConnection>,
        reply: NatsSubject,
        runtime: Handle,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self { connection, reply: Some(reply), runtime, _permit: permit }
    }

    /// Says that the message is for nobody.
    pub(super) fn give_up(mut self) {
        if let Some(reply) = self.reply.take() {
            let told = tell(&self.connection, reply, Bytes::from_static(DONE));
            self.runtime.spawn(told.map(drop));
        }
    }
}

/// Tells the server, and waits until it has it.
fn tell(
    connection: &Arc<NatsConnection>,
    reply: NatsSubject,
    what: Bytes,
) -> BoxFuture<'static, Result<(), BackendError>> {
    connection
        .call("settling a message", move |session| async move { session.request(&reply, None, what).await.map(drop) })
}

/// Tells the server that a message is done with. Nobody waits for it, as this is said of every message: what the server
/// refuses is told to the group, and what is lost on the way makes the message come once more.
fn done(connection: &Arc<NatsConnection>, reply: NatsSubject) -> BoxFuture<'static, Result<(), BackendError>> {
    connection.call("settling a message", move |session| async move {
        let sent = session.client().publish(reply, Bytes::from_static(DONE)).await;
        sent.map_err(|error| session.unavailable(error))
    })
}

impl Receipt for KeptReceipt {
    fn settle(mut self: Box<Self>, settlement: Settlement) -> BoxFuture<'static, Result<(), BackendError>> {
        let Some(reply) = self.reply.take() else { return ready(Ok(())).boxed() };
        let told = match settlement {
            Settlement::Done => done(&self.connection, reply),
            Settlement::Retry(Duration::ZERO) => tell(&self.connection, reply, Bytes::from_static(AGAIN)),
            Settlement::Retry(span) => {
                let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs());
                tell(&self.connection, reply, format!("-NAK {{\"delay\": {nanos}}}").into())
            }
        };
        async move {
            let told = told.await;
            // Only now others may come.
            drop(self);
            told
        }
        .boxed()
    }

    fn keep(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        match &self.reply {
            Some(reply) => tell(&self.connection, reply.clone(), Bytes::from_static(STILL)),
            None => ready(Ok(())).boxed(),
        }
    }
}

impl Drop for KeptReceipt {
    fn drop(&mut self) {
        let Some(reply) = self.reply.take() else { return };
        let (told, main) =
            (tell(&self.connection, reply.clone(), Bytes::from_static(AGAIN)), self.connection.runtime());
        // A runtime that ends drops its tasks: then it is told from the other one.
        let mut rest = (self.runtime.id() != main.id())
            .then(|| KeptReceipt::new(self.connection.clone(), reply, main.clone(), None));
        self.runtime.spawn(async move {
            if let Err(error) = told.await {
                tracing::debug!(%error, "a message that was dropped comes again only after its time");
            }
            if let Some(rest) = &mut rest {
                rest.reply = None;
            }
        });
    }
}

/// For a message of core NATS: it comes again from here, for as long as its subscriber listens.
pub(super) struct CoreReceipt {
    mailbox: Weak<Mailbox>,
    message: Option<Message>,
    attempt: NonZeroU32,
    runtime: Handle,
    _permit: OwnedSemaphorePermit,
}

impl CoreReceipt {
    pub(super) fn new(
        mailbox: Weak<Mailbox>,
        runtime: Handle,
        message: Message,
        attempt: NonZeroU32,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self { mailbox, message: Some(message), attempt, runtime, _permit: permit }
    }

    fn again(&mut self, after: Duration) {
        let Some(message) = self.message.take() else { return };
        let (mailbox, attempt) = (self.mailbox.clone(), self.attempt.saturating_add(1));
        let push = move || {
            if let Some(mailbox) = mailbox.upgrade() {
                mailbox.push_core(message, attempt);
            }
        };
        if after.is_zero() {
            return push();
        }
        self.runtime.spawn(async move {
            tokio::time::sleep(after).await;
            push();
        });
    }
}

impl Receipt for CoreReceipt {
    fn settle(mut self: Box<Self>, settlement: Settlement) -> BoxFuture<'static, Result<(), BackendError>> {
        match settlement {
            Settlement::Done => self.message = None,
            Settlement::Retry(after) => self.again(after),
        }
        ready(Ok(())).boxed()
    }

    fn keep(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        ready(Ok(())).boxed()
    }
}

impl Drop for CoreReceipt {
    fn drop(&mut self) {
        self.again(Duration::ZERO);
    }
}
