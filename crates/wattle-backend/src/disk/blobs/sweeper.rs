//! The thread that removes what nobody can see any more: contents that were replaced, and what a crash left.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime;
use tokio::sync::mpsc::UnboundedReceiver;

use super::content_id::{ContentId, Group};
use super::contents::Contents;
use super::index::{self, ContainerNumber};
use crate::disk::rows::Rows;
use crate::error::BackendError;

/// The most objects of a container that are removed in one step.
const STEP_OBJECTS: usize = 256;

/// Something to remove. The queue of them has no bound of its own: each follows from a commit, which takes longer.
pub(super) enum Task {
    /// A file of a write that was given up.
    Close(File),
    /// A content that nobody reads and the index does not have.
    Unlink(ContentId),
    /// A content that the index may have or not.
    Check(ContentId),
    /// The objects of a container that was removed.
    Container(ContainerNumber),
    /// The contents of an earlier run that the index does not have.
    Group(Group),
    /// The containers of earlier runs that were removed.
    Containers,
    /// Nothing more.
    Stop,
}

/// What the thread works on.
pub(super) struct Sweeper {
    pub(super) rows: Arc<Rows>,
    pub(super) contents: Arc<Contents>,
    pub(super) tasks: UnboundedReceiver<Task>,
}

impl Sweeper {
    /// Starts the thread.
    pub(super) fn start(self) -> io::Result<JoinHandle<()>> {
        let runtime = runtime::Builder::new_current_thread().build()?;
        thread::Builder::new().name("wattle-sweep".to_owned()).spawn(move || runtime.block_on(self.run()))
    }

    async fn run(mut self) {
        while let Some(task) = self.tasks.recv().await {
            if self.contents.is_stopping() {
                return;
            }
            match self.sweep(task).await {
                Ok(()) | Err(BackendError::Closed) => {}
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what is no longer needed was not removed; the next start tries again"
                ),
            }
        }
    }

    async fn sweep(&self, task: Task) -> Result<(), BackendError> {
        match task {
            Task::Close(file) => {
                drop(file);
                Ok(())
            }
            Task::Unlink(content) => {
                self.contents.files.unlink(content)?;
                self.remove_if_empty(content.group());
                Ok(())
            }
            Task::Check(content) => self.check(vec![content]).await,
            Task::Container(container) => self.take_apart(container).await,
            Task::Group(group) => {
                self.check(self.contents.files.contents(group)?).await?;
                self.remove_if_empty(group);
                Ok(())
            }
            Task::Containers => self.find_removed().await,
            Task::Stop => Ok(()),
        }
    }

    /// Removes the directory of a group in which nothing more will be written.
    fn remove_if_empty(&self, group: Group) {
        if !self.contents.is_of_this_run(group.run) {
            self.contents.files.remove_if_empty(group);
        }
    }

    /// Discards those of some contents that the index does not have.
    async fn check(&self, contents: Vec<ContentId>) -> Result<(), BackendError> {
        // After a failed sync, what is read may not be what the next start finds.
        self.rows.trusted()?;
        let missing = self.rows.read(move |view| {
            let mut missing = Vec::new();
            for &content in &contents {
                if view.get(&index::content_row(content))?.is_none() {
                    missing.push(content);
                }
            }
            Ok(missing)
        });
        missing.await?.into_iter().for_each(|content| self.contents.discard(content));
        Ok(())
    }

    /// Removes some objects of a container, and comes back for the others.
    async fn take_apart(&self, container: ContainerNumber) -> Result<(), BackendError> {
        let prefix = index::objects_prefix(container);
        let found = self.rows.read(move |view| {
            let mut rows = view.scan(&prefix, None)?;
            crate::page::take(STEP_OBJECTS, || rows.next()?.map(|found| found.name().map(str::to_owned)).transpose())
        });
        let (names, more) = found.await?;
        let bytes = names.iter().map(String::len).sum();
        let removed = self.rows.write(bytes, move |batch| index::take_apart(batch, container, &names, more));
        removed.await?.into_iter().for_each(|content| self.contents.discard(content));
        if more {
            self.contents.task(Task::Container(container));
        }
        Ok(())
    }

    /// Goes on with the containers whose objects were not all removed when the process ended.
    async fn find_removed(&self) -> Result<(), BackendError> {
        let found = self.rows.read(|view| {
            let prefix = index::removed_prefix();
            let (mut rows, mut numbers) = (view.scan(&prefix, None)?, Vec::new());
            while let Some(found) = rows.next()? {
                numbers.extend(index::removed_container(found.row()));
            }
            Ok(numbers)
        });
        found.await?.into_iter().for_each(|container| self.contents.task(Task::Container(container)));
        Ok(())
    }
}
