//! Opening files that only their owner can write to, and nothing else that may stand in their place.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::error::{StoreError, failed};

/// A file that is used all the time is marked as used no more often than this.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// Options to make files that only their owner may read, or to open them. No link is followed.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.read(true).write(true).create(true).mode(0o600).custom_flags(flags.bits().cast_signed());
    options
}

/// Opens a file for reading. `None`: there is none.
pub(crate) fn open(path: &Path) -> Result<Option<File>, StoreError> {
    let mut options = OpenOptions::new();
    // What is no file must not make us wait.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.read(true).custom_flags(flags.bits().cast_signed());
    match options.open(path) {
        Ok(file) => checked(path, file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused("open", path)(error)),
    }
}

/// Opens a file for reading and writing; it is made if there is none.
pub(crate) fn open_or_create(path: &Path) -> Result<File, StoreError> {
    private().open(path).map_err(refused("open", path)).and_then(|file| checked(path, file))
}

fn checked(path: &Path, file: File) -> Result<File, StoreError> {
    let metadata = file.metadata().map_err(failed("read", path))?;
    if !metadata.is_file() {
        return Err(StoreError::Unsafe { path: path.into(), reason: "it is no regular file" });
    }
    trusted(path, &metadata)?;
    Ok(file)
}

/// What not following a link looks like is told as what it is.
fn refused(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => StoreError::Unsafe { path: path.into(), reason: "it is a symbolic link" },
        _ => failed(operation, path)(error),
    }
}

/// Refuses what somebody else owns or may write.
pub(crate) fn trusted(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    let unsafe_because = |reason| Err(StoreError::Unsafe { path: path.into(), reason });
    if metadata.file_type().is_symlink() {
        return unsafe_because("it is a symbolic link");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return unsafe_because("it belongs to another user");
    }
    if metadata.permissions().mode() & 0o022 != 0 {
        return unsafe_because("its group or everybody may write to it");
    }
    Ok(())
}

/// Whether `path` still leads to `file`.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Marks a file as used now, if that was not done lately.
pub(crate) fn touch(file: &File) {
    let now = SystemTime::now();
    let lately = |used: SystemTime| now.duration_since(used).is_ok_and(|age| age < TOUCH_EVERY);
    if !file.metadata().and_then(|metadata| metadata.modified()).is_ok_and(lately) {
        // On a disk that cannot be written nothing is removed either.
        let _ = file.set_modified(now);
    }
}

/// Whether what was last used at `used` was not used for `age`. A time to come is none.
pub(crate) fn is_unused(used: SystemTime, now: SystemTime, age: Duration) -> bool {
    now.duration_since(used).is_ok_and(|unused| unused >= age)
}
