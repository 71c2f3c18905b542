//! A subscriber as its caller has it: when it is dropped, everything that listens for it ends.

use std::sync::Arc;

use futures::StreamExt as _;
use tokio::task::JoinHandle;

use super::mailbox::Mailbox;
use crate::bus::Deliveries;

/// What listens for one subscriber.
pub(super) struct Listening {
    mailbox: Arc<Mailbox>,
    tasks: Vec<JoinHandle<()>>,
}

impl Listening {
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Self {
        Self { mailbox, tasks: Vec::new() }
    }

    pub(super) fn add(&mut self, task: JoinHandle<()>) {
        self.tasks.push(task);
    }

    pub(super) fn deliveries(self) -> Deliveries {
        futures::stream::unfold(self, |listening| async move {
            let next = listening.mailbox.next().await?;
            Some((next, listening))
        })
        .boxed()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.mailbox.close();
    }
}
