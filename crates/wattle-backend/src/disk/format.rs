//! The file that says which format a data directory has: one line, with a number.

use std::io;
use std::path::Path;

use super::atomic_file;
use super::data_dir_error::{DataDirError, failed};
use super::migration;

/// The format that this release writes. It reads no newer one, and brings older ones to it (see `migration`).
pub const FORMAT_VERSION: u32 = 2;

/// What the file is called.
pub(super) const FORMAT: &str = "format";

/// The format of the directory at `dir`. `None`: it says nothing of it.
pub(super) fn read(dir: &Path) -> Result<Option<u32>, DataDirError> {
    let path = dir.join(FORMAT);
    match atomic_file::read_small(&path) {
        Ok(bytes) => parse(&String::from_utf8_lossy(&bytes), dir, &path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", &path)(error)),
    }
}

/// Has the directory at `dir` say that it has this format, for good when this returns.
pub(super) fn write(dir: &Path, format: u32) -> Result<(), DataDirError> {
    let path = dir.join(FORMAT);
    atomic_file::write(&path, format!("{format}\n").as_bytes()).map_err(failed("write", &path))
}

/// The format that `text` names, the format file at `file` of what is at `path`, if this release reads it.
pub(super) fn parse(text: &str, path: &Path, file: &Path) -> Result<u32, DataDirError> {
    match text.trim_end_matches('\n').parse() {
        Ok(found @ 1..=FORMAT_VERSION) => Ok(found),
        Ok(found) if found > FORMAT_VERSION => {
            let backup = migration::backup_of(path, FORMAT_VERSION);
            Err(DataDirError::NewerFormat { path: path.to_owned(), found, supported: FORMAT_VERSION, backup })
        }
        _ => Err(DataDirError::UnreadableFormat { path: file.to_owned() }),
    }
}
