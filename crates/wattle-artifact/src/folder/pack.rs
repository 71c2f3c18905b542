//! A directory to its archive.

use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::error::FolderError;
use super::{FolderLimits, PATH_MAX_LEN};

/// Bytes of a header, and what contents are filled up to a multiple of.
const BLOCK_LEN: u64 = 512;

/// The archive of what is in `directory`, which itself may be a link to one. Waits for the disk.
///
/// What begins with `.` is left out, as it is where files are served: a `.git` or an `.env` is nobody's to publish.
///
/// # Errors
///
/// If there is anything else in it but files and directories with names that are text, if it is more than `limits` say, or if
/// the system does not give it.
pub fn pack(directory: &Path, limits: FolderLimits) -> Result<Bytes, FolderError> {
    let archive = tar::Builder::new(Vec::new());
    let mut packing = Packing { root: directory, limits, archive, entries: 0 };
    packing.directory(directory, "")?;
    let bytes = packing.archive.into_inner().map_err(read(directory))?;
    match bytes.len() as u64 > limits.bytes {
        true => Err(FolderError::TooLarge { path: directory.into(), max: limits.bytes }),
        false => Ok(bytes.into()),
    }
}

struct Packing<'a> {
    root: &'a Path,
    limits: FolderLimits,
    archive: tar::Builder<Vec<u8>>,
    entries: usize,
}

impl Packing<'_> {
    /// What is in a directory, which is called `name/` in the archive, in the order of the names.
    fn directory(&mut self, path: &Path, name: &str) -> Result<(), FolderError> {
        for (file_name, kind) in self.names(path)? {
            let (path, name) = (path.join(&file_name), format!("{name}{file_name}"));
            if name.len() > PATH_MAX_LEN {
                return Err(FolderError::PathTooLong { path });
            }
            if kind.is_dir() {
                let name = format!("{name}/");
                self.append(&path, &name, tar::EntryType::Directory, &[])?;
                self.directory(&path, &name)?;
            } else if kind.is_file() {
                let bytes = self.contents(&path)?;
                self.append(&path, &name, tar::EntryType::Regular, &bytes)?;
            } else {
                return Err(FolderError::Kind { path, kind: called(kind) });
            }
        }
        Ok(())
    }

    /// The names in a directory, sorted by their bytes, each with what it is.
    fn names(&mut self, path: &Path) -> Result<Vec<(String, FileType)>, FolderError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path).map_err(read(path))? {
            let entry = entry.map_err(read(path))?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(FolderError::TooMany { path: self.root.into(), max: self.limits.entries });
            }
            let kind = entry.file_type().map_err(read(&entry.path()))?;
            let name = entry.file_name().into_string().map_err(|_| FolderError::NotText { path: entry.path() })?;
            names.push((name, kind));
        }
        names.sort_unstable_by(|(name, _), (other, _)| name.cmp(other));
        Ok(names)
    }

    /// The bytes of a file, if there is still room for them.
    fn contents(&self, path: &Path) -> Result<Vec<u8>, FolderError> {
        let mut bytes = Vec::new();
        let file = open(path)?;
        let room = self.limits.bytes.saturating_sub(self.archive.get_ref().len() as u64);
        file.take(room.saturating_add(1)).read_to_end(&mut bytes).map_err(read(path))?;
        self.check_room(bytes.len() as u64)?;
        Ok(bytes)
    }

    fn append(&mut self, path: &Path, name: &str, kind: tar::EntryType, bytes: &[u8]) -> Result<(), FolderError> {
        self.check_room(BLOCK_LEN)?;
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        self.archive.append_data(&mut header, name, bytes).map_err(read(path))
    }

    fn check_room(&self, more: u64) -> Result<(), FolderError> {
        match self.archive.get_ref().len() as u64 + more > self.limits.bytes {
            true => Err(FolderError::TooLarge { path: self.root.into(), max: self.limits.bytes }),
            false => Ok(()),
        }
    }
}

/// Opens a regular file. What has come into its place meanwhile is not followed and not waited for.
pub(super) fn open(path: &Path) -> Result<File, FolderError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
            return Err(FolderError::Kind { path: path.into(), kind: "a symbolic link" });
        }
        opened => opened.map_err(read(path))?,
    };
    let kind = file.metadata().map_err(read(path))?.file_type();
    match kind.is_file() {
        true => Ok(file),
        false => Err(FolderError::Kind { path: path.into(), kind: called(kind) }),
    }
}

fn called(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_dir() => "a directory",
        _ => "a device",
    }
}

pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = PathBuf::from(path);
    move |source| FolderError::Read { path, source }
}
