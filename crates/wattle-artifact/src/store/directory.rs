//! The directory of the store: made by us, for its owner only, and where things are in it.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use wattle_spec::digest::Digest;

use super::atomic;
use super::error::{StoreError, failed};
use super::file;
use super::lock::{Kind, Locked};

/// How long the lock of the store is waited for. Nobody keeps it for longer than it takes to rename or remove a file.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// The content store.
#[derive(Debug, Clone)]
pub struct Store {
    directory: Arc<Path>,
    /// Directories that we have made others in, whose names do not last yet: they are synced with the first name of a
    /// blob or of a note, once for all of them, since before there is nothing in them to lose. Another process that
    /// finds them made leaves that to us; where we are killed before, file systems with a journal have the older names
    /// on the disk when they have the newer ones.
    made_in: Arc<Mutex<Vec<PathBuf>>>,
}

impl Store {
    /// Opens the store in `directory`, which is made if it is not there, for its owner only.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or if it belongs to somebody else or others could write to it.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let directory = directory.into();
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed("create", &directory))?;
        check(&directory)?;
        let mut made_in = Vec::new();
        for (inner, parent) in [
            ("blobs", directory.clone()),
            ("blobs/sha256", directory.join("blobs")),
            ("partial", directory.clone()),
            ("references", directory.clone()),
            ("signatures", directory.clone()),
        ] {
            if make(&directory.join(inner))? && !made_in.contains(&parent) {
                made_in.push(parent);
            }
        }
        Ok(Self { directory: directory.into(), made_in: Arc::new(Mutex::new(made_in)) })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.directory.join("blobs/sha256")
    }

    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    pub(super) fn partials(&self) -> PathBuf {
        self.directory.join("partial")
    }

    pub(super) fn references_directory(&self) -> PathBuf {
        self.directory.join("references")
    }

    /// Makes the names of blobs last that they have until now.
    pub(crate) fn sync_blobs(&self) -> Result<(), StoreError> {
        self.sync_names(&self.blobs())
    }

    /// Makes the names in a directory of the store last, and its own.
    pub(super) fn sync_names(&self, directory: &Path) -> Result<(), StoreError> {
        let sync = |directory: &Path| atomic::sync_names(directory).map_err(failed("sync", directory));
        {
            // Whoever comes second waits: it is not done before it is done.
            let mut made_in = self.made_in.lock().unwrap_or_else(PoisonError::into_inner);
            made_in.iter().try_for_each(|made_in| sync(made_in))?;
            made_in.clear();
        }
        sync(directory)
    }

    pub(super) fn signatures_directory(&self) -> PathBuf {
        self.directory.join("signatures")
    }

    /// Locks the store for a moment.
    pub(super) fn lock(&self, kind: Kind) -> Result<Locked, StoreError> {
        let path = self.directory.join("lock");
        let file = file::open_or_create(&path)?;
        let locked = Locked::wait(file, kind, LOCK_PATIENCE).map_err(failed("lock", &path))?;
        locked.ok_or(StoreError::Busy { path })
    }

    /// Removes a file that `is_due` says of, as it is when nobody else can change it: when it was last used, and its
    /// bytes. Says how many bytes it had; `None`: it stays, or is gone.
    pub(super) fn remove_if(
        &self,
        path: &Path,
        is_due: impl FnOnce(SystemTime) -> bool,
    ) -> Result<Option<u64>, StoreError> {
        let _alone = self.lock(Kind::Alone)?;
        let metadata = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata.map_err(failed("read", path))?,
        };
        if !is_due(metadata.modified().map_err(failed("read", path))?) {
            return Ok(None);
        }
        fs::remove_file(path).map_err(failed("remove", path))?;
        Ok(Some(metadata.len()))
    }

    /// Removes the file that was opened as `path`, unless another has taken its name since.
    pub(super) fn remove_opened(&self, path: &Path, file: &fs::File) -> Result<(), StoreError> {
        let _alone = self.lock(Kind::Alone)?;
        match file::is_at(file, path).map_err(failed("read", path))? {
            true => fs::remove_file(path).map_err(failed("remove", path)),
            false => Ok(()),
        }
    }
}

/// The names in a directory, of those that are text.
pub(crate) fn names(directory: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed("read", directory))? {
        let entry = entry.map_err(failed("read", directory))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}

/// Says whether it has made it.
fn make(path: &Path) -> Result<bool, StoreError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check(path).map(|()| false),
        Err(error) => Err(failed("create", path)(error)),
    }
}

/// Refuses what is no directory, or not of this user alone to write to.
pub(crate) fn check(path: &Path) -> Result<(), StoreError> {
    let metadata = fs::symlink_metadata(path).map_err(failed("read", path))?;
    file::trusted(path, &metadata)?;
    match metadata.is_dir() {
        true => Ok(()),
        false => Err(StoreError::Unsafe { path: path.into(), reason: "it is no directory" }),
    }
}
