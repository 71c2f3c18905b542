//! The one thread that writes: it commits together what came in while it was busy, and acknowledges it afterwards.
//!
//! The longer the disk takes to confirm a commit, the more writes wait for the next one: many writers need few commits.
//! A commit is in two phases, with its map of free pages: after a crash the file is opened without reading all of it,
//! and a commit that was acknowledged cannot be mistaken for one that was interrupted.

use std::sync::Arc;

use redb::StorageError;
use tokio::sync::oneshot;

use super::batch::{Batch, Failure};
use super::cache::Cache;
use super::database::Opened;
use super::engine::{Current, Engine};
use super::queue::{Queue, Queued};
use super::storage_error::{IntoStorage, guarded};
use crate::error::BackendError;

/// The most writes in one commit.
const BATCH_MAX: usize = 1024;
/// How many entries that have ended a commit removes, beside one for each of its writes: more than it adds.
const SWEPT_BESIDE: usize = 64;

/// A write that somebody waits for.
pub(super) trait Step: Send {
    /// Does it, in a transaction that may still fail. May be called again in another.
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StorageError>;

    /// Tells the result to whoever waits, or why there is none.
    fn settle(self: Box<Self>, failure: Option<&BackendError>);
}

/// Writes in the order in which they came in.
pub(super) type Writes = Queue<Box<dyn Step>>;

/// A [`Step`] made of what it does, what follows, and who waits.
pub(super) struct Write<W, T, S> {
    work: W,
    result: Option<Result<T, BackendError>>,
    settled: S,
    reply: oneshot::Sender<Result<T, BackendError>>,
}

impl<W, T, S> Write<W, T, S>
where
    W: Fn(&mut Batch<'_>) -> Result<T, Failure> + Send + 'static,
    T: Send + 'static,
    S: FnOnce(&Result<T, BackendError>) + Send + 'static,
{
    /// A step that does `work`, and where its result will be. `settled` sees it first, also if nobody waits any more.
    pub(super) fn step(work: W, settled: S) -> (Box<dyn Step>, oneshot::Receiver<Result<T, BackendError>>) {
        let (reply, result) = oneshot::channel();
        (Box::new(Self { work, result: None, settled, reply }), result)
    }
}

impl<W, T, S> Step for Write<W, T, S>
where
    W: Fn(&mut Batch<'_>) -> Result<T, Failure> + Send,
    T: Send,
    S: FnOnce(&Result<T, BackendError>) + Send,
{
    fn apply(&mut self, batch: &mut Batch<'_>) -> Result<(), StorageError> {
        self.result = Some(match (self.work)(batch) {
            Ok(value) => Ok(value),
            Err(Failure::Own(error)) => Err(error),
            Err(Failure::Batch(error)) => return Err(error),
        });
        Ok(())
    }

    fn settle(self: Box<Self>, failure: Option<&BackendError>) {
        let result = match (failure, self.result) {
            (Some(error), _) => Err(error.clone()),
            (None, Some(result)) => result,
            (None, None) => unreachable!("invariant: a step that did not fail was applied"),
        };
        (self.settled)(&result);
        // Nobody may be waiting any more.
        let _ = self.reply.send(result);
    }
}

/// How far a batch came.
enum Lost {
    /// The database is as it was before.
    Undone(BackendError),
    /// The database has to be given up.
    Broken(BackendError),
}

impl From<BackendError> for Lost {
    fn from(error: BackendError) -> Self {
        Lost::Broken(error)
    }
}

/// What the thread works on.
pub(super) struct Writer {
    pub(super) engine: Arc<Engine>,
    pub(super) cache: Arc<Cache>,
    pub(super) writes: Arc<Writes>,
}

impl Writer {
    /// Writes until the queue is closed and empty.
    pub(super) fn run(self) {
        loop {
            let mut steps = self.writes.pop(BATCH_MAX);
            if steps.is_empty() {
                return;
            }
            match self.write(&mut steps) {
                Ok(()) => settle(steps, None),
                Err(Lost::Broken(error)) => settle(steps, Some(&error)),
                Err(Lost::Undone(error)) if steps.len() == 1 => settle(steps, Some(&error)),
                // One of them met damage: each alone, so that the others are written.
                Err(Lost::Undone(_)) => steps.into_iter().for_each(|step| self.write_alone(step)),
            }
        }
    }

    fn write_alone(&self, step: Queued<Box<dyn Step>>) {
        let mut steps = vec![step];
        match self.write(&mut steps) {
            Ok(()) => settle(steps, None),
            Err(Lost::Broken(error) | Lost::Undone(error)) => settle(steps, Some(&error)),
        }
    }

    fn write(&self, steps: &mut [Queued<Box<dyn Step>>]) -> Result<(), Lost> {
        let Current { opened, generation } = self.engine.writable()?;
        let result = guarded(self.engine.path(), || self.commit(&opened, steps));
        let result = match result {
            Err(Lost::Undone(error)) if opened.is_failed() => Err(Lost::Broken(error)),
            other => other,
        };
        // Before the engine replaces the database, nobody else may have it.
        drop(opened);
        if result.is_ok() {
            self.engine.written();
        }
        if let Err(Lost::Broken(error)) = &result {
            self.engine.fall_back(generation, error);
            // Whether the commit happened is not known: what was read meanwhile may not be true.
            self.cache.clear();
        }
        result
    }

    fn commit(&self, opened: &Opened, steps: &mut [Queued<Box<dyn Step>>]) -> Result<(), Lost> {
        let undone = |error| Lost::Undone(opened.error(error));
        let mut transaction = opened.database.begin_write().storage().map_err(undone)?;
        transaction.set_quick_repair(true);
        let written = Batch::begin(&transaction, self.engine.path()).and_then(|mut batch| {
            steps.iter_mut().try_for_each(|step| step.item.apply(&mut batch))?;
            batch.sweep(steps.len() + SWEPT_BESIDE)?;
            batch.finish()
        });
        let Some(written) = written.map_err(undone)? else {
            return transaction.abort().map_err(undone);
        };
        self.cache.hold(&written);
        transaction.commit().storage().map_err(|error| Lost::Broken(opened.error(error)))?;
        self.cache.release(written);
        Ok(())
    }
}

fn settle(steps: Vec<Queued<Box<dyn Step>>>, failure: Option<&BackendError>) {
    for step in steps {
        step.item.settle(failure);
    }
}
