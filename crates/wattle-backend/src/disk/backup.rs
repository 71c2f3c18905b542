//! A data directory to one file, and back.
//!
//! The file is a tar archive (POSIX.1, with GNU's long names) in a gzip stream ([RFC 1952]), whose checksum tells whether it
//! is whole, before anything of it is restored. The version of the format is the first of its entries. The lock is not in
//! it, and neither are compiled code, which is made again, and earlier backups that migrations made.
//!
//! [RFC 1952]: https://www.rfc-editor.org/rfc/rfc1952

mod error;
mod pack;
mod unpack;

use std::path::Path;

pub use self::error::BackupError;
use super::data_dir::{DataDir, LOCK};
use super::format::FORMAT;
use super::migration::{BACKUPS, UNDER_WAY};

/// What is left out, of what lies in a data directory itself.
const LEFT_OUT: [&str; 4] = [LOCK, "code", BACKUPS, UNDER_WAY];

/// How much there was to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Volume {
    /// Files.
    pub files: u64,
    /// Their lengths together, in bytes.
    pub bytes: u64,
}

/// Writes what is in the data directory at `directory`, which no process may be using, to the new file `archive`, which only
/// its owner may read. It is there as a whole, or not at all. What an older release wrote is left as it is. Waits for the disk.
///
/// # Errors
///
/// If there is no data directory, if it is in use, if `archive` is there already or would lie in the directory, or if the
/// system refuses something.
pub fn back_up(directory: &Path, archive: &Path) -> Result<Volume, BackupError> {
    if !directory.join(FORMAT).exists() {
        return Err(BackupError::NoDataDir { path: directory.into() });
    }
    let (data, _) = DataDir::take(directory.into())?;
    pack::pack(&data, archive)
}

/// Writes what is in `data` to the new file `archive`, in the folder of backups of `data` itself.
pub(super) fn keep(data: &DataDir, archive: &Path) -> Result<Volume, BackupError> {
    pack::write(data, archive)
}

/// Makes the data directory at `directory`, which must be empty or not there, out of `archive`. Of one that is not whole
/// nothing is left. One of an older release is migrated when it is opened. Waits for the disk.
///
/// # Errors
///
/// If `archive` is no whole backup, or one of a later release; if `directory` is not empty; or if the system refuses
/// something.
pub fn restore(archive: &Path, directory: &Path) -> Result<Volume, BackupError> {
    unpack::unpack(archive, directory)
}
