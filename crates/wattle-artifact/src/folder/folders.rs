//! The folders that were pushed with apps, unpacked to be served: one directory for all of them, of its user alone.
//!
//! ```text
//! folders/         0700
//!   <hex>/         a folder; the name is the digest of its archive
//!   <hex>.json     what was unpacked into it
//!   <hex>.lock     locked (flock): shared by who makes or serves it, alone by who removes it; its time of change is
//!                  when it was last used
//!   <hex>.*.new    one that is being made, or on its way out; left behind, it is pruned
//! ```
//!
//! Several processes may have it open. Every function may wait for the disk, and for a lock of one folder.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use wattle_spec::digest::Digest;

use super::FolderLimits;
use super::archive::entries;
use super::error::FolderError;
use super::note::Note;
use super::unpack::{remove, unpack_entries};
use crate::store::error::failed;
use crate::store::lock::{Kind, Locked};
use crate::store::{StoreError, directory, file};

/// How long somebody is waited for who looks at all bytes of a folder, or removes it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// How often a marker may be removed by somebody else in the moment that we lock it.
const ATTEMPTS: usize = 100;

/// The folders that are unpacked on this machine.
#[derive(Debug, Clone)]
pub struct Folders {
    directory: PathBuf,
}

/// A folder that nobody removes for as long as this is there.
#[derive(Debug)]
pub struct HeldFolder {
    path: PathBuf,
    lock: Locked,
}

/// A folder that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFolder {
    /// The digest of its archive.
    pub digest: Digest,
    /// How many files are in it, as far as that was noted.
    pub files: usize,
    /// The bytes of all of them.
    pub bytes: u64,
    /// When it was last used, to a minute.
    pub last_used: SystemTime,
}

impl HeldFolder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for HeldFolder {
    fn drop(&mut self) {
        // It was used until now.
        file::touch(self.lock.file());
    }
}

impl Folders {
    /// Opens `directory`, which is made if it is not there, for its owner only.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or if it belongs to somebody else or others could write to it.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, FolderError> {
        let directory = directory.into();
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed("create", &directory))?;
        directory::check(&directory)?;
        let mode = fs::metadata(&directory).map_err(failed("read", &directory))?.permissions().mode();
        // It may have been made by a release that let everybody read it.
        if mode & 0o077 != 0 {
            fs::set_permissions(&directory, Permissions::from_mode(0o700)).map_err(failed("protect", &directory))?;
        }
        Ok(Self { directory })
    }

    /// Has what is in `archive` in a folder. What is there already is compared with it, and made anew if it differs.
    ///
    /// # Errors
    ///
    /// As [`unpack`](super::unpack), and if somebody who removes it does not come to an end.
    pub fn get_or_unpack(&self, archive: &Bytes, limits: FolderLimits) -> Result<HeldFolder, FolderError> {
        let digest = Digest::of(archive);
        let path = self.folder(&digest);
        let entries = entries(archive, limits).map_err(|source| FolderError::Archive { path: path.clone(), source })?;
        let marker = self.marker(&digest);
        let lock = self.lock(&digest, Kind::Shared, PATIENCE)?.ok_or(StoreError::Busy { path: marker })?;
        // Others might change it later, whatever it holds now.
        if !is_ours(&path) {
            remove(&path)?;
        }
        unpack_entries(&entries, &path)?;
        // It follows from the digest, so that it is the same whoever writes it.
        let note = self.note(&digest);
        if Note::read(&note)?.is_none() {
            Note::of(&entries).write(&note)?;
        }
        file::touch(lock.file());
        Ok(HeldFolder { path, lock })
    }

    /// The folders, by the digests of their archives. Their contents are not looked at.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn list(&self) -> Result<Vec<KeptFolder>, FolderError> {
        let mut kept = Vec::new();
        for digest in self.digests()? {
            let Some(last_used) = self.last_used(&digest)?.filter(|_| self.folder(&digest).is_dir()) else { continue };
            let (files, bytes) = self.sum(&digest);
            kept.push(KeptFolder { digest, files, bytes, last_used });
        }
        Ok(kept)
    }

    pub(super) fn folder(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.hex())
    }

    pub(super) fn note(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.hex() + ".json")
    }

    pub(super) fn marker(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.hex() + ".lock")
    }

    /// The digests that there is anything of.
    pub(super) fn digests(&self) -> Result<BTreeSet<Digest>, StoreError> {
        let digest = |name: &String| format!("sha256:{}", name.split('.').next().unwrap_or_default()).parse().ok();
        Ok(directory::names(&self.directory)?.iter().filter_map(digest).collect())
    }

    /// What was left behind of making or removing one, unless somebody is just about it.
    pub(super) fn remains(&self, digest: &Digest) -> Result<Vec<PathBuf>, StoreError> {
        let (prefix, mut names) = (digest.hex() + ".", directory::names(&self.directory)?);
        names.retain(|name| name.starts_with(&prefix) && name.ends_with(".new"));
        Ok(names.into_iter().map(|name| self.directory.join(name)).collect())
    }

    /// How many files are in it, and their bytes, as far as that was noted.
    pub(super) fn sum(&self, digest: &Digest) -> (usize, u64) {
        Note::read(&self.note(digest)).ok().flatten().map_or((0, 0), |note| note.sum())
    }

    pub(super) fn last_used(&self, digest: &Digest) -> Result<Option<SystemTime>, StoreError> {
        match modified(&self.marker(digest))? {
            Some(used) => Ok(Some(used)),
            None => modified(&self.folder(digest)),
        }
    }

    /// Locks a folder. `None`: somebody else had it for all of `patience`.
    pub(super) fn lock(&self, digest: &Digest, kind: Kind, patience: Duration) -> Result<Option<Locked>, StoreError> {
        let path = self.marker(digest);
        for _ in 0..ATTEMPTS {
            let file = file::open_or_create(&path)?;
            let Some(locked) = Locked::wait(file, kind, patience).map_err(failed("lock", &path))? else {
                return Ok(None);
            };
            // Who had it before us may have removed it with its folder.
            if file::is_at(locked.file(), &path).map_err(failed("read", &path))? {
                return Ok(Some(locked));
            }
        }
        Ok(None)
    }

    /// Removes a folder and what is noted of it. Nobody else has it; the marker goes last, as with it goes the lock.
    pub(super) fn remove(&self, digest: &Digest) -> Result<(), FolderError> {
        remove(&self.folder(digest))?;
        for path in [self.note(digest), self.marker(digest)] {
            remove_any(&path)?;
        }
        Ok(())
    }
}

/// Whether all below `path` belongs to this user and nobody else may write to it. What is not there is nobody's.
pub(super) fn is_ours(path: &Path) -> bool {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return true,
        Err(_) => return false,
        Ok(metadata) => metadata,
    };
    let is_child_ours = |child: io::Result<fs::DirEntry>| child.is_ok_and(|child| is_ours(&child.path()));
    let are_children_ours = || match fs::read_dir(path) {
        Ok(mut children) => children.all(is_child_ours),
        // Somebody else is making it anew.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    file::trusted(path, &metadata).is_ok() && (!metadata.is_dir() || are_children_ours())
}

/// When something was changed. `None`: it is not there.
pub(super) fn modified(path: &Path) -> Result<Option<SystemTime>, StoreError> {
    match fs::symlink_metadata(path).and_then(|metadata| metadata.modified()) {
        Ok(time) => Ok(Some(time)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Removes a file, or a directory with all that is in it. No link is followed.
pub(super) fn remove_any(path: &Path) -> Result<(), StoreError> {
    let is_directory = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}
