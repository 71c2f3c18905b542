//! What redb and the file under it report, as the errors of a backend.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{CommitError, DatabaseError, StorageError, TableError, TransactionError};

use super::state_file::{FileFailure, FileOperation};
use crate::error::{BackendError, Part};
use crate::limits::VALUE_MAX_BYTES;

/// That an operation of the file at `path` failed.
pub(super) fn of_file(path: &Path, failure: &FileFailure) -> BackendError {
    of_io(path, failure.operation.verb(), &failure.source)
        .unwrap_or_else(|| BackendError::io(failure.operation.verb(), path, failure.source.clone()))
}

/// What redb reports about the file at `path`; `first` is what the file reported, if it did.
pub(super) fn of_storage(path: &Path, error: StorageError, first: Option<&FileFailure>) -> BackendError {
    match (error, first) {
        (StorageError::Io(_) | StorageError::PreviousIo, Some(failure)) => of_file(path, failure),
        (StorageError::Io(error), None) => {
            of_io(path, "open", &error).unwrap_or_else(|| BackendError::io(FileOperation::Read.verb(), path, error))
        }
        (StorageError::DatabaseClosed, _) => BackendError::Closed,
        (StorageError::ValueTooLarge(size), _) => {
            BackendError::TooLarge { part: Part::Value, size, limit: VALUE_MAX_BYTES }
        }
        (StorageError::Corrupted(detail), _) => corrupt(path, detail),
        (other, _) => corrupt(path, format!("the database engine reports: {other}")),
    }
}

/// What redb reports when it opens the file at `path`.
pub(super) fn of_opening(path: &Path, error: DatabaseError, first: Option<&FileFailure>) -> BackendError {
    match error {
        DatabaseError::Storage(error) => of_storage(path, error, first),
        other => corrupt(path, other.to_string()),
    }
}

/// Failures that are really damage: the file ends too early, or is something else than a database.
fn of_io(path: &Path, operation: &'static str, error: &io::Error) -> Option<BackendError> {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Some(corrupt(path, format!("it ends early (during {operation})"))),
        io::ErrorKind::InvalidData => Some(corrupt(path, error.to_string())),
        _ => None,
    }
}

/// That the file at `path` is damaged.
pub(super) fn corrupt(path: &Path, detail: impl Into<String>) -> BackendError {
    BackendError::Corrupt { path: path.to_owned(), detail: detail.into() }
}

/// Runs `work` on what the file at `path` holds. Damage that redb meets with a panic becomes an error.
pub(super) fn guarded<T, E>(path: &Path, work: impl FnOnce() -> Result<T, E>) -> Result<T, E>
where
    E: From<BackendError>,
{
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(corrupt(path, format!("the database engine gave up on it: {}", panic_text(&*panic))).into())
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it did not say why")
}

/// The errors of redb as its one error of storage. That a table is not what we made is damage.
pub(super) trait IntoStorage<T> {
    /// The same, with the error of storage.
    fn storage(self) -> Result<T, StorageError>;
}

impl<T> IntoStorage<T> for Result<T, TransactionError> {
    fn storage(self) -> Result<T, StorageError> {
        self.map_err(|error| match error {
            TransactionError::Storage(error) => error,
            other => StorageError::Corrupted(other.to_string()),
        })
    }
}

impl<T> IntoStorage<T> for Result<T, TableError> {
    fn storage(self) -> Result<T, StorageError> {
        self.map_err(|error| match error {
            TableError::Storage(error) => error,
            other => StorageError::Corrupted(other.to_string()),
        })
    }
}

impl<T> IntoStorage<T> for Result<T, CommitError> {
    fn storage(self) -> Result<T, StorageError> {
        self.map_err(|error| match error {
            CommitError::Storage(error) => error,
            other => StorageError::Corrupted(other.to_string()),
        })
    }
}
