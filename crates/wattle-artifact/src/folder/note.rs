//! What was unpacked into a folder, written beside it: so that it can be looked at later without its archive.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wattle_spec::digest::Digest;

use super::archive::Entry;
use super::compare::Expected;
use super::error::FolderError;
use super::pack::{open, read};
use crate::store::error::failed;
use crate::store::hash::Hasher;
use crate::store::{StoreError, atomic, file};

/// The version of the format that this release writes, and the only one that it reads.
const FORMAT: u32 = 1;
/// The most bytes of a note: one of a folder with as many entries as there may be, with the longest paths.
const MAX_LEN: u64 = 32 << 20;

/// What is in a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    format: u32,
    /// By their paths.
    pub(super) entries: BTreeMap<String, Listed>,
}

/// A file or a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Listed {
    Directory,
    File { size: u64, sha256: Digest },
}

impl Note {
    pub(super) fn of(entries: &BTreeMap<String, Entry>) -> Self {
        let listed = |entry: &Entry| match entry {
            Entry::Directory => Listed::Directory,
            Entry::File(bytes) => Listed::File { size: bytes.len() as u64, sha256: Digest::of(bytes) },
        };
        Self { format: FORMAT, entries: entries.iter().map(|(path, entry)| (path.clone(), listed(entry))).collect() }
    }

    /// Reads it. `None`: there is none, or one that cannot be used.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        let file = match file::open(path) {
            Ok(Some(file)) => file,
            Ok(None) | Err(StoreError::Unsafe { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = Vec::new();
        file.take(MAX_LEN + 1).read_to_end(&mut text).map_err(failed("read", path))?;
        if text.len() as u64 > MAX_LEN {
            return Ok(None);
        }
        let note = serde_json::from_slice(&text).ok();
        Ok(note.filter(|note: &Self| note.format == FORMAT))
    }

    /// Writes it, whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<(), StoreError> {
        let text = serde_json::to_vec(self).expect("invariant: its keys are text");
        atomic::replace(path, &text).map_err(failed("write", path))
    }

    /// How many files there are, and the bytes of all of them.
    pub(super) fn sum(&self) -> (usize, u64) {
        let sizes = self.entries.values().filter_map(|entry| match entry {
            Listed::File { size, .. } => Some(*size),
            Listed::Directory => None,
        });
        sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
    }
}

impl Expected for Listed {
    fn is_directory(&self) -> bool {
        *self == Self::Directory
    }

    fn is_in_file(&self, path: &Path) -> Result<bool, FolderError> {
        let Self::File { size, sha256 } = self else { return Ok(false) };
        let file = open(path)?;
        if file.metadata().map_err(read(path))?.len() != *size {
            return Ok(false);
        }
        let mut hasher = Hasher::default();
        hasher.update_from(&file).map_err(read(path))?;
        Ok(hasher.digest() == *sha256)
    }
}
