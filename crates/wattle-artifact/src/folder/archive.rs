//! What an archive holds, if it is one that can be unpacked without harm. Nothing is written here.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::error::{ArchiveError, EntryFault};
use super::{FolderLimits, PATH_MAX_LEN};

/// A file with its bytes, or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    File(Bytes),
    Directory,
}

/// What an archive holds, by path without `.` and doubled slashes. The directories of everything are among it, and come
/// before what is in them.
pub(super) fn entries(archive: &Bytes, limits: FolderLimits) -> Result<BTreeMap<String, Entry>, ArchiveError> {
    let size = archive.len() as u64;
    if size > limits.bytes {
        return Err(ArchiveError::TooLarge { size, max: limits.bytes });
    }
    let mut found = Found { entries: BTreeMap::new(), implied: BTreeSet::new(), max: limits.entries };
    let mut long_name = None;
    // Raw: nothing that an archive says of its entries is done before we have looked at it.
    let mut reader = tar::Archive::new(archive.as_ref());
    for (number, entry) in reader.entries().map_err(ArchiveError::Broken)?.raw(true).enumerate() {
        let entry = entry.map_err(ArchiveError::Broken)?;
        // Each may have a long name before it, and the folder itself may be one.
        if number > limits.entries.saturating_mul(2) {
            return Err(ArchiveError::TooMany { max: limits.entries });
        }
        let (kind, name) = (entry.header().entry_type(), entry.header().path_bytes());
        let bytes = contents(archive, &entry).ok_or_else(|| refused(&name, EntryFault::Cut))?;
        if kind.is_gnu_longname() {
            match long_name.replace(bytes) {
                None => continue,
                Some(_) => return Err(refused(&name, EntryFault::Name)),
            }
        }
        let long = long_name.take();
        let name = long.as_deref().map_or(&*name, |long| long.strip_suffix(b"\0").unwrap_or(long));
        let (path, entry) = read(kind, name, bytes).map_err(|fault| refused(name, fault))?;
        // The folder itself, as `tar -C FOLDER .` has it.
        if !path.is_empty() {
            found.add(path, entry)?;
        }
    }
    match long_name {
        None => Ok(found.entries),
        Some(name) => Err(refused(&name, EntryFault::Cut)),
    }
}

fn refused(name: &[u8], fault: EntryFault) -> ArchiveError {
    let shown = &name[..name.len().min(PATH_MAX_LEN)];
    ArchiveError::Entry { name: String::from_utf8_lossy(shown).into_owned(), fault }
}

/// The bytes of an entry, if the archive has all of them.
fn contents(archive: &Bytes, entry: &tar::Entry<'_, &[u8]>) -> Option<Bytes> {
    let from = usize::try_from(entry.raw_file_position()).ok()?;
    let to = from.checked_add(usize::try_from(entry.size()).ok()?)?;
    (to <= archive.len()).then(|| archive.slice(from..to))
}

/// The path of an entry, and what it is.
fn read(kind: tar::EntryType, name: &[u8], bytes: Bytes) -> Result<(String, Entry), EntryFault> {
    let path = path(name)?;
    match kind {
        tar::EntryType::Directory if bytes.is_empty() => Ok((path, Entry::Directory)),
        tar::EntryType::Regular if !path.is_empty() && !name.ends_with(b"/") => Ok((path, Entry::File(bytes))),
        tar::EntryType::Directory | tar::EntryType::Regular => Err(EntryFault::Name),
        other => Err(EntryFault::Type(char::from(other.as_byte()))),
    }
}

struct Found {
    entries: BTreeMap<String, Entry>,
    /// Directories that no entry has named yet, but for what is in them.
    implied: BTreeSet<String>,
    max: usize,
}

impl Found {
    fn add(&mut self, path: String, entry: Entry) -> Result<(), ArchiveError> {
        let mut missing = Vec::new();
        for (end, _) in path.rmatch_indices('/') {
            let above = &path[..end];
            match self.entries.get(above) {
                Some(Entry::File(_)) => return Err(ArchiveError::Entry { name: path, fault: EntryFault::Twice }),
                // And all above it.
                Some(Entry::Directory) => break,
                None => missing.push(above.to_owned()),
            }
        }
        for above in missing {
            self.implied.insert(above.clone());
            self.entries.insert(above, Entry::Directory);
        }
        let was_implied = self.implied.remove(&path);
        let is_directory = entry == Entry::Directory;
        let before = self.entries.insert(path.clone(), entry);
        match before.is_none() || was_implied && is_directory {
            true if self.entries.len() > self.max => Err(ArchiveError::TooMany { max: self.max }),
            true => Ok(()),
            false => Err(ArchiveError::Entry { name: path, fault: EntryFault::Twice }),
        }
    }
}

/// The name of an entry as a path without `.` and doubled slashes; empty for the folder itself.
fn path(name: &[u8]) -> Result<String, EntryFault> {
    let text = std::str::from_utf8(name).map_err(|_| EntryFault::NotText)?;
    match text {
        _ if text.len() > PATH_MAX_LEN => Err(EntryFault::TooLong),
        _ if text.starts_with('/') => Err(EntryFault::Absolute),
        _ if text.split('/').any(|part| part == "..") => Err(EntryFault::Up),
        _ if text.is_empty() || text.contains('\0') => Err(EntryFault::Name),
        _ => Ok(text.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")),
    }
}
