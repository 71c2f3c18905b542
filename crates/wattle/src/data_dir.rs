//! The data directory, for whoever writes to it: one of an older release is brought to what this one writes, after a backup.
//!
//! What is only read is read without it: it is not taken then, and not migrated.

use std::path::PathBuf;

use wattle_backend::disk::{DataDir, DataDirError, Migration};

use crate::daemon;

/// What this binary keeps there beside the files of backends, from one format to the next.
const MIGRATIONS: &[Migration] =
    &[Migration { from: 1, what: "records of apps say which requests they answer", run: daemon::say_doors }];

/// Takes the data directory at `path`, and makes it if there is none.
///
/// # Errors
///
/// If it cannot be had, is of a newer format, or cannot be backed up or migrated.
pub(crate) fn open(path: impl Into<PathBuf>) -> Result<DataDir, DataDirError> {
    DataDir::open_migrating(path, MIGRATIONS)
}
