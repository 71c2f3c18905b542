//! The contents of objects, and which of them are being read.
//!
//! A content has its file before the index has it, and only then can it be seen. When the index has it no longer, the
//! file is removed as soon as nobody reads it any more; what a crash leaves is swept at the next start.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;

use super::content_id::ContentId;
use super::files::Files;
use super::sweeper::Task;
use crate::error::BackendError;

/// All contents.
pub(super) struct Contents {
    pub(super) files: Files,
    run: u64,
    next: AtomicU64,
    readers: Mutex<HashMap<ContentId, Readers>>,
    tasks: UnboundedSender<Task>,
    stopping: AtomicBool,
}

/// How many read a content, and whether it goes with the last of them.
#[derive(Default)]
struct Readers {
    count: usize,
    discarded: bool,
}

impl Contents {
    /// Those in `files`, and the new ones of this run.
    pub(super) fn new(files: Files, run: u64, tasks: UnboundedSender<Task>) -> Self {
        let (next, readers, stopping) = (AtomicU64::new(0), Mutex::default(), AtomicBool::new(false));
        Self { files, run, next, readers, tasks, stopping }
    }

    /// The next content.
    pub(super) fn next(&self) -> ContentId {
        ContentId { run: self.run, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// Whether contents of this run may still be written.
    pub(super) fn is_of_this_run(&self, run: u64) -> bool {
        run == self.run
    }

    /// Keeps a content from being removed while somebody reads it.
    pub(super) fn hold(self: &Arc<Self>, content: ContentId) -> Held {
        self.readers().entry(content).or_default().count += 1;
        Held { contents: self.clone(), content }
    }

    /// Removes a content that the index does not have, when nobody reads it any more.
    pub(super) fn discard(&self, content: ContentId) {
        match self.readers().get_mut(&content) {
            Some(readers) => readers.discarded = true,
            None => self.task(Task::Unlink(content)),
        }
    }

    /// Leaves something to the thread that sweeps. If it has ended, it is found at the next start.
    pub(super) fn task(&self, task: Task) {
        let _ = self.tasks.send(task);
    }

    /// Ends the thread that sweeps, after what it does now.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.task(Task::Stop);
    }

    /// Whether it should end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    // Nothing panics while the lock is held.
    fn readers(&self) -> MutexGuard<'_, HashMap<ContentId, Readers>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A content that is not removed while this is there.
pub(super) struct Held {
    contents: Arc<Contents>,
    content: ContentId,
}

impl Held {
    /// Reads a part of the content, which has `size` bytes.
    pub(super) fn read(&self, size: u64, range: &Range<u64>) -> Result<Bytes, BackendError> {
        self.contents.files.read(self.content, size, range)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut readers = self.contents.readers();
        let Some(of_this) = readers.get_mut(&self.content) else { return };
        of_this.count -= 1;
        if of_this.count > 0 {
            return;
        }
        let discarded = readers.remove(&self.content).is_some_and(|readers| readers.discarded);
        drop(readers);
        if discarded {
            self.contents.task(Task::Unlink(self.content));
        }
    }
}
