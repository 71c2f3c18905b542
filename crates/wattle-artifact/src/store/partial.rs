//! The file that a blob is written to before it takes its name: locked by who writes it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::atomic;
use super::error::{StoreError, failed};
use super::file;
use super::lock::{Kind, Locked};

/// How often the file may turn out to be finished or removed by somebody else in the moment that we lock it.
const ATTEMPTS: usize = 100;

/// A file that this writer alone writes to.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) path: PathBuf,
    file: Locked,
    left: Left,
}

/// What happens to it if it is not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It stays, to be resumed.
    Kept,
    /// It goes: nobody would find it.
    Removed,
}

impl Partial {
    /// The one that whoever writes the same blob goes on with. `None`: somebody else did so for all of `patience`.
    pub(super) fn resumable(path: &Path, patience: Duration) -> Result<Option<Self>, StoreError> {
        for _ in 0..ATTEMPTS {
            let file = file::open_or_create(path)?;
            let Some(file) = Locked::wait(file, Kind::Alone, patience).map_err(failed("lock", path))? else {
                return Ok(None);
            };
            // Who had it before us may have given it its name, or removed it.
            if file::is_at(file.file(), path).map_err(failed("read", path))? {
                return Ok(Some(Self { path: path.into(), file, left: Left::Kept }));
            }
        }
        Ok(None)
    }

    /// One that nobody else knows of. `beside` is the resumable one.
    pub(super) fn own(beside: &Path) -> Result<Self, StoreError> {
        for _ in 0..ATTEMPTS {
            let (path, file) = atomic::create_beside(beside, "").map_err(failed("create", beside))?;
            // Only a sweep may have locked it, in order to remove it.
            if let Some(file) = Locked::wait(file, Kind::Alone, Duration::ZERO).map_err(failed("lock", &path))?
                && file::is_at(file.file(), &path).map_err(failed("read", &path))?
            {
                return Ok(Self { path, file, left: Left::Removed });
            }
        }
        Err(StoreError::Busy { path: beside.into() })
    }

    pub(super) fn file(&self) -> &File {
        self.file.file()
    }

    /// It is of no use to anybody.
    pub(super) fn discard(mut self) {
        self.left = Left::Removed;
    }

    /// Gives it its name, which lasts when the directory is synced. Its bytes are on the disk already.
    pub(super) fn publish(mut self, path: &Path) -> Result<(), StoreError> {
        if let Err(error) = fs::rename(&self.path, path) {
            self.left = Left::Removed;
            return Err(failed("create", path)(error));
        }
        self.left = Left::Kept;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.left == Left::Removed {
            // What cannot be removed now is removed by a sweep.
            let _ = fs::remove_file(&self.path);
        }
    }
}
