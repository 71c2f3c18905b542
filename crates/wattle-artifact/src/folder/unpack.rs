//! An archive to a directory: made beside it and then given its name, so that nobody sees a part of it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::FolderLimits;
use super::archive::{Entry, entries};
use super::compare::is_same;
use super::error::FolderError;

/// How often the place is taken from somebody who puts something else there meanwhile.
const ATTEMPTS: usize = 10;

/// What was done to have a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpacked {
    /// Nothing: it is here, byte by byte.
    Present,
    /// It was made.
    Made,
    /// What was in its place was something else, and is gone.
    Replaced,
}

/// Lets `target` be what is in `archive`. What is there already is compared with it, and made anew if it differs:
/// somebody may have changed it. The directory that `target` is in must be there. Waits for the disk.
///
/// Nothing is synced: what a crash left of it is noticed by comparing.
///
/// # Errors
///
/// If the archive is none that can be unpacked, if there is more in it than `limits` say, or if the system refuses it.
/// What was there then stays.
pub fn unpack(archive: &Bytes, target: &Path, limits: FolderLimits) -> Result<Unpacked, FolderError> {
    let entries = entries(archive, limits).map_err(|source| FolderError::Archive { path: target.into(), source })?;
    unpack_entries(&entries, target)
}

/// The same for an archive that was read.
pub(super) fn unpack_entries(entries: &BTreeMap<String, Entry>, target: &Path) -> Result<Unpacked, FolderError> {
    // One that cannot be read is made anew as well.
    if is_same(target, entries).unwrap_or(false) {
        return Ok(Unpacked::Present);
    }
    let prepared = Prepared::beside(target)?;
    prepared.fill(entries)?;
    let mut done = Unpacked::Made;
    for _ in 0..ATTEMPTS {
        match fs::rename(&prepared.path, target) {
            Ok(()) => return Ok(done),
            Err(error) if is_taken(&error) => {}
            Err(error) => return Err(write(target)(error)),
        }
        // Somebody else may have been faster.
        if is_same(target, entries).unwrap_or(false) {
            return Ok(Unpacked::Present);
        }
        let aside = Prepared::beside(target)?;
        match fs::rename(target, aside.path.join("old")) {
            Ok(()) => done = Unpacked::Replaced,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(write(target)(error)),
        }
    }
    Err(FolderError::Busy { path: target.into() })
}

/// Removes what is at `target`: at once for whoever looks there, and then bit by bit.
pub(super) fn remove(target: &Path) -> Result<(), FolderError> {
    let aside = Prepared::beside(target)?;
    match fs::rename(target, aside.path.join("old")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(write(target)(error)),
        _ => Ok(()),
    }
}

/// Whether something that is no empty directory is where one is to be.
fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotADirectory};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty | NotADirectory)
}

/// A directory of our own, which goes with this unless it has another name by then.
struct Prepared {
    path: PathBuf,
}

impl Prepared {
    /// Makes one in the same directory as `target`.
    fn beside(target: &Path) -> Result<Self, FolderError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut taken = None;
        for _ in 0..ATTEMPTS {
            let mut name = target.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}-{}.new", process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
            let path = target.with_file_name(name);
            match directory(&path) {
                Ok(()) => return Ok(Self { path }),
                // Processes in other containers may have our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = Some(error),
                Err(error) => return Err(write(&path)(error)),
            }
        }
        Err(write(target)(taken.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into())))
    }

    fn fill(&self, entries: &BTreeMap<String, Entry>) -> Result<(), FolderError> {
        for (name, entry) in entries {
            let path = self.path.join(name);
            let written = match entry {
                Entry::Directory => directory(&path),
                Entry::File(bytes) => file(&path, bytes),
            };
            written.map_err(write(&path))?;
        }
        Ok(())
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.path.display(), %error, "a directory of our own cannot be removed");
            }
            _ => {}
        }
    }
}

fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o755).create(path)
}

fn file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?.write_all(bytes)
}

fn write(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = PathBuf::from(path);
    move |source| FolderError::Write { path, source }
}
