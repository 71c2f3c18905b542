//! The database that is in use now: which one that is after the disk failed, and when writing may go on.
//!
//! After a failure redb refuses everything. The file is then opened again with an `overlay` over it, so that reads go
//! on, and writes depend on what failed:
//!
//! - A sync, or a write for another reason than a full disk: there are no more writes (see
//!   [`Distrust`](super::state_file::Distrust)).
//! - Anything else (the disk was full, a read failed, redb gave up on a page): the next write opens the file anew, as
//!   after a crash, and goes on if it can.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::database::{Location, Opened, View};
use super::storage_error::{corrupt, guarded, of_file};
use crate::error::BackendError;

/// The database of a store. Readers hold the lock while they read, so that nothing is replaced under them.
pub(super) struct Engine {
    location: Location,
    state: RwLock<State>,
    generation: AtomicU64,
    verified: bool,
    /// Whether it was told that the file failed, and not yet that it takes writes again.
    is_failure_told: AtomicBool,
}

enum State {
    /// Reads and writes.
    Open(Current),
    /// Reads only.
    Stopped(Current),
    /// Not even reads: opening the file again failed. The next read tries once more.
    Lost,
    Closed,
}

/// A database and its number, which tells whether it is still the one that failed.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) opened: Arc<Opened>,
    pub(super) generation: u64,
}

impl Engine {
    /// Opens the file, which is made if there is none.
    pub(super) fn open(location: Location) -> Result<Self, BackendError> {
        let (opened, verified) = location.open_checked()?;
        let state = RwLock::new(State::Open(Current { opened: Arc::new(opened), generation: 0 }));
        Ok(Self { location, state, generation: AtomicU64::new(0), verified, is_failure_told: AtomicBool::new(false) })
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.location.path
    }

    /// Whether the file was checked as a whole when it was opened.
    pub(super) fn was_verified(&self) -> bool {
        self.verified
    }

    /// Reads one moment of the database. `work` is run again if the disk had failed before it began.
    pub(super) fn read<T>(&self, work: impl Fn(&View<'_>) -> Result<T, BackendError>) -> Result<T, BackendError> {
        if matches!(&*self.reading(), State::Lost) {
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
            State::Open(current) | State::Stopped(current) => {
                let failed_before = current.opened.is_failed();
                let result = current.opened.read(work);
                let failed = current.opened.is_failed().then_some(current.generation);
                (result, failed, failed_before)
            }
            State::Lost => (Err(corrupt(self.path(), "it cannot be opened again")), None, false),
            State::Closed => (Err(BackendError::Closed), None, false),
        }
    }

    /// The database for writing; opened anew if what stopped writes has passed.
    pub(super) fn writable(&self) -> Result<Current, BackendError> {
        self.trusted()?;
        match &*self.reading() {
            State::Open(current) if !current.opened.is_failed() => return Ok(current.clone()),
            State::Closed => return Err(BackendError::Closed),
            State::Open(_) | State::Stopped(_) | State::Lost => {}
        }
        let mut state = self.writing();
        // First this one goes: it knows nothing of what the next one will write.
        self.replace(&mut state, State::Closed);
        // What it failed at last may have been a sync.
        let opened = self.trusted().and_then(|()| self.location.open());
        match opened {
            Ok(opened) => {
                let current = self.current(opened);
                *state = State::Open(current.clone());
                Ok(current)
            }
            Err(error) => {
                // The next read will say why, if this fails too.
                let _ = self.open_for_reading(&mut state);
                Err(error)
            }
        }
    }

    /// Something was written.
    pub(super) fn written(&self) {
        if self.is_failure_told.load(Ordering::Relaxed) && self.is_failure_told.swap(false, Ordering::Relaxed) {
            tracing::info!(path = %self.path().display(), "the state file takes writes again");
        }
    }

    /// Gives up the database of this generation, unless that was done already, and opens the file for reading.
    pub(super) fn fall_back(&self, generation: u64, error: &BackendError) {
        let mut state = self.writing();
        match &*state {
            State::Open(current) | State::Stopped(current) if current.generation == generation => {}
            _ => return,
        }
        if !self.is_failure_told.swap(true, Ordering::Relaxed) {
            tracing::error!(
                path = %self.path().display(),
                error = error as &dyn std::error::Error,
                "the state file failed; reads go on"
            );
        }
        self.replace(&mut state, State::Closed);
        // The next read will say why, if this fails.
        let _ = self.open_for_reading(&mut state);
    }

    /// Closes the database. Reads and writes are refused from now on.
    pub(super) fn close(&self) {
        self.replace(&mut self.writing(), State::Closed);
    }

    /// Refuses if no write can be trusted any more.
    pub(super) fn trusted(&self) -> Result<(), BackendError> {
        self.location.distrust.get().map_or(Ok(()), |failure| {
            let source = Arc::new(of_file(self.path(), failure));
            Err(BackendError::WritesStopped { path: self.path().to_owned(), source })
        })
    }

    /// Opens the file for reading again, after that had failed.
    fn find_again(&self) -> Result<(), BackendError> {
        let mut state = self.writing();
        match &*state {
            State::Lost => self.open_for_reading(&mut state),
            _ => Ok(()),
        }
    }

    fn open_for_reading(&self, state: &mut State) -> Result<(), BackendError> {
        *state = State::Lost;
        *state = State::Stopped(self.current(self.location.open_for_reading()?));
        Ok(())
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

    // The state is whole whenever the lock is released, also by a panic: it is replaced, never changed in place.
    fn reading(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
