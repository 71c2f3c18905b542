//! The database that is in use now: which one that is after the disk failed, and when writing may go on.
//!
//! After a failure redb refuses everything. The file is then opened again with an `overlay` over it, so that reads go
//! on, and writes depend on what failed:
//!
//! - A sync, or a write for another reason than a full disk: no more writes until the process starts again. The kernel
//!   may have dropped what it could not write, and would report the next sync as a success.
//! - Anything else (the disk was full, a read failed): the next write opens the file anew, as after a crash, and goes
//!   on if it can.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::database::{Location, Opened, View};
use super::state_file::{FileFailure, FileOperation};
use super::storage_error::{corrupt, guarded, of_file};
use crate::error::BackendError;

/// The database of a store. Readers hold the lock while they read, so that nothing is replaced under them.
pub(super) struct Engine {
    location: Location,
    state: RwLock<State>,
    generation: AtomicU64,
}

enum State {
    /// Reads and writes.
    Open(Current),
    /// Reads only.
    Stopped(Current, Cause),
    /// Not even reads: opening the file again failed. The next read tries once more.
    Lost(Cause),
    Closed,
}

/// A database and its number, which tells whether it is still the one that failed.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) opened: Arc<Opened>,
    pub(super) generation: u64,
}

/// Why there are no writes.
#[derive(Clone)]
struct Cause {
    error: BackendError,
    /// Whether opening the file anew makes writes sound again.
    passing: bool,
}

impl Engine {
    /// Opens the file, which is made if there is none.
    pub(super) fn open(location: Location) -> Result<Self, BackendError> {
        let opened = Arc::new(location.open_checked()?);
        let state = RwLock::new(State::Open(Current { opened, generation: 0 }));
        Ok(Self { location, state, generation: AtomicU64::new(0) })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.location.path
    }

    /// Reads one moment of the database. `work` is run again if the disk had failed before it began.
    pub(super) fn read<T>(&self, work: impl Fn(&View<'_>) -> Result<T, BackendError>) -> Result<T, BackendError> {
        if matches!(&*self.reading(), State::Lost(_)) {
            self.find_again()?;
        }
        let (result, failed, failed_before) = self.read_once(&work);
        let (Err(error), Some(generation)) = (&result, failed) else { return result };
        self.fall_back(generation, error);
        if failed_before { self.read_once(&work).0 } else { result }
    }

    /// Reads; and says which database has failed, if one has, and whether it had before.
    fn read_once<T>(
        &self,
        work: impl Fn(&View<'_>) -> Result<T, BackendError>,
    ) -> (Result<T, BackendError>, Option<u64>, bool) {
        match &*self.reading() {
            State::Open(current) | State::Stopped(current, _) => {
                let failed_before = current.opened.is_failed();
                let result = current.opened.read(work);
                let failed = current.opened.is_failed().then_some(current.generation);
                (result, failed, failed_before)
            }
            State::Lost(cause) => (Err(cause.error.clone()), None, false),
            State::Closed => (Err(BackendError::Closed), None, false),
        }
    }

    /// The database for writing; opened anew if what stopped writes may have passed.
    pub(super) fn writable(&self) -> Result<Current, BackendError> {
        let failed = match &*self.reading() {
            State::Open(current) => match current.opened.failure() {
                Some(failure) => Some((current.generation, of_file(self.path(), failure))),
                None if current.opened.is_failed() => {
                    Some((current.generation, corrupt(self.path(), "the database engine gave up on it")))
                }
                None => return Ok(current.clone()),
            },
            State::Stopped(_, cause) | State::Lost(cause) if !cause.passing => return Err(self.stopped(cause)),
            State::Stopped(..) | State::Lost(_) => None,
            State::Closed => return Err(BackendError::Closed),
        };
        if let Some((generation, error)) = failed {
            self.fall_back(generation, &error);
        }
        self.reopen()
    }

    /// Gives up the database of this generation, unless that was done already, and opens the file for reading.
    pub(super) fn fall_back(&self, generation: u64, error: &BackendError) {
        let mut state = self.writing();
        let cause = match &*state {
            State::Open(current) if current.generation == generation => Cause {
                error: error.clone(),
                passing: current.opened.failure().is_none_or(|failure| self.may_pass(failure)),
            },
            State::Stopped(current, cause) if current.generation == generation => cause.clone(),
            _ => return,
        };
        tracing::error!(path = %self.path().display(), error = error as &dyn std::error::Error,
            "the state file failed; reads go on, writes are refused for now");
        self.replace(&mut state, State::Closed);
        // The next read will say why, if this fails.
        let _ = self.open_for_reading(&mut state, cause);
    }

    /// Opens the file for reading again, after that had failed.
    fn find_again(&self) -> Result<(), BackendError> {
        let mut state = self.writing();
        match &*state {
            State::Lost(cause) => {
                let cause = cause.clone();
                self.open_for_reading(&mut state, cause)
            }
            _ => Ok(()),
        }
    }

    /// Closes the database. Reads and writes are refused from now on.
    pub(super) fn close(&self) {
        self.replace(&mut self.writing(), State::Closed);
    }

    fn reopen(&self) -> Result<Current, BackendError> {
        let mut state = self.writing();
        let cause = match &*state {
            State::Open(current) => return Ok(current.clone()),
            State::Stopped(_, cause) | State::Lost(cause) if !cause.passing => return Err(self.stopped(cause)),
            State::Stopped(_, cause) | State::Lost(cause) => cause.clone(),
            State::Closed => return Err(BackendError::Closed),
        };
        // First this one goes: it knows nothing of what the next one will write.
        self.replace(&mut state, State::Closed);
        match self.location.open() {
            Ok(opened) => {
                tracing::info!(path = %self.path().display(), "the state file takes writes again");
                let current = self.current(opened);
                *state = State::Open(current.clone());
                Ok(current)
            }
            Err(error) => {
                let _ = self.open_for_reading(&mut state, cause);
                Err(error)
            }
        }
    }

    /// Whether writes are sound again once the file was opened anew after this failure.
    fn may_pass(&self, failure: &FileFailure) -> bool {
        match failure.operation {
            FileOperation::Read => true,
            FileOperation::Write | FileOperation::Resize => {
                matches!(of_file(self.path(), failure), BackendError::Full { .. })
            }
            FileOperation::Sync => false,
        }
    }

    fn open_for_reading(&self, state: &mut State, cause: Cause) -> Result<(), BackendError> {
        let opened = self.location.open_for_reading();
        let (next, result) = match opened {
            Ok(opened) => (State::Stopped(self.current(opened), cause), Ok(())),
            Err(error) => (State::Lost(cause), Err(error)),
        };
        *state = next;
        result
    }

    /// Drops what was there, whatever redb does when it closes a file that failed.
    fn replace(&self, state: &mut State, next: State) {
        let old = std::mem::replace(state, next);
        let closed = guarded(self.path(), || {
            drop(old);
            Ok(())
        });
        if let Err::<(), BackendError>(error) = closed {
            tracing::error!(error = &error as &dyn std::error::Error, "the state file was not closed cleanly");
        }
    }

    fn current(&self, opened: Opened) -> Current {
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        Current { opened: Arc::new(opened), generation }
    }

    fn stopped(&self, cause: &Cause) -> BackendError {
        BackendError::WritesStopped { path: self.path().to_owned(), source: Arc::new(cause.error.clone()) }
    }

    // The state is whole whenever the lock is released, also by a panic: it is replaced, never changed in place.
    fn reading(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
