//! Whether a directory is what an archive or a note of one says.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::archive::Entry;
use super::error::FolderError;
use super::pack::{open, read};

/// How much of a file is compared at once.
const PIECE_LEN: usize = 64 << 10;

/// What is to be at a path.
pub(super) trait Expected {
    /// Whether it is a directory.
    fn is_directory(&self) -> bool;

    /// Whether the regular file at `path` is this.
    fn is_in_file(&self, path: &Path) -> Result<bool, FolderError>;
}

impl Expected for Entry {
    fn is_directory(&self) -> bool {
        *self == Self::Directory
    }

    fn is_in_file(&self, path: &Path) -> Result<bool, FolderError> {
        match self {
            Self::File(bytes) => has(path, bytes),
            Self::Directory => Ok(false),
        }
    }
}

/// Whether `directory` holds these entries and nothing else. `false` if it is not there.
pub(super) fn is_same(directory: &Path, entries: &BTreeMap<String, impl Expected>) -> Result<bool, FolderError> {
    match fs::symlink_metadata(directory) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(read(directory)(error)),
    }
    let mut found = 0;
    Ok(holds_only(directory, "", entries, &mut found)? && found == entries.len())
}

/// Whether all in a directory is among the entries; counts it.
fn holds_only(
    directory: &Path,
    prefix: &str,
    entries: &BTreeMap<String, impl Expected>,
    found: &mut usize,
) -> Result<bool, FolderError> {
    for child in fs::read_dir(directory).map_err(read(directory))? {
        let child = child.map_err(read(directory))?;
        let path = child.path();
        let kind = child.file_type().map_err(read(&path))?;
        let Ok(name) = child.file_name().into_string() else { return Ok(false) };
        let name = format!("{prefix}{name}");
        let is_same = match entries.get(&name) {
            Some(entry) if entry.is_directory() && kind.is_dir() => {
                holds_only(&path, &format!("{name}/"), entries, found)?
            }
            Some(entry) if kind.is_file() => entry.is_in_file(&path)?,
            _ => false,
        };
        if !is_same {
            return Ok(false);
        }
        *found += 1;
    }
    Ok(true)
}

fn has(path: &Path, mut expected: &[u8]) -> Result<bool, FolderError> {
    let mut file = open(path)?;
    if file.metadata().map_err(read(path))?.len() != expected.len() as u64 {
        return Ok(false);
    }
    let mut piece = vec![0; PIECE_LEN];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(expected.is_empty()),
            Ok(len) => match expected.strip_prefix(&piece[..len]) {
                Some(rest) => expected = rest,
                None => return Ok(false),
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(read(path)(error)),
        }
    }
}
