//! The files that contents are in: made, written, synced, read and removed.
//!
//! ```text
//! blobs/
//!   2-0/      contents 0 to fff of the second run
//!     1f      content 1f
//!   2-1/      the next 4096
//! ```
//!
//! Reading opens the file for each piece, so that readers who wait hold none open. No link is followed.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::block;
use super::content_id::{ContentId, Group};
use crate::disk::atomic_file;
#[cfg(feature = "conformance")]
use crate::disk::faults::Faults;
use crate::disk::options::DiskOptions;
use crate::disk::state_file::FileOperation;
use crate::disk::storage_error::corrupt;
use crate::error::{BackendError, is_full};

/// The directory of all contents.
pub(super) struct Files {
    directory: OwnedFd,
    path: PathBuf,
    /// The last group whose directory was made for good.
    made: Mutex<Option<Group>>,
    /// The sync that failed, for another reason than a full disk: after it no write can be trusted.
    failed_sync: OnceLock<BackendError>,
    #[cfg(feature = "conformance")]
    faults: Faults,
}

impl Files {
    /// Opens the directory, which is made if there is none.
    #[cfg_attr(not(feature = "conformance"), expect(unused_variables, reason = "tests make the disk fail"))]
    pub(super) fn open(path: PathBuf, options: &DiskOptions) -> Result<Self, BackendError> {
        let failed = |error: Errno| BackendError::io("open", &path, io::Error::from(error));
        match rustix::fs::mkdir(&path, Mode::RWXU) {
            Ok(()) => atomic_file::sync_parent(&path)
                .map_err(|error| BackendError::io("sync the directory of", &path, error))?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
        let directory = rustix::fs::open(&path, directory_flags(), Mode::empty()).map_err(failed)?;
        Ok(Self {
            directory,
            path,
            made: Mutex::default(),
            failed_sync: OnceLock::new(),
            #[cfg(feature = "conformance")]
            faults: options.faults.clone(),
        })
    }

    /// The groups that have a directory.
    pub(super) fn groups(&self) -> Result<Vec<Group>, BackendError> {
        let names = names(&self.directory).map_err(|error| BackendError::io("read", &self.path, error))?;
        Ok(names.iter().filter_map(|name| Group::parse(name)).collect())
    }

    /// Refuses if no write can be trusted any more.
    pub(super) fn trusted(&self) -> Result<(), BackendError> {
        self.failed_sync.get().map_or(Ok(()), |failure| {
            Err(BackendError::WritesStopped { path: self.path.clone(), source: Arc::new(failure.clone()) })
        })
    }

    /// Makes the file of a new content.
    pub(super) fn create(&self, content: ContentId) -> Result<File, BackendError> {
        let path = self.path_of(content);
        self.make_directory(content.group())?;
        self.run(FileOperation::Write, &path, || {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let directory = self.open_group(content.group())?;
            let file = rustix::fs::openat(directory, content.file_name(), flags, Mode::RUSR | Mode::WUSR)?;
            Ok(File::from(file))
        })
    }

    /// Writes to the file of a content.
    pub(super) fn write(&self, content: ContentId, file: &File, (at, bytes): (u64, &[u8])) -> Result<(), BackendError> {
        self.run(FileOperation::Write, &self.path_of(content), || file.write_all_at(bytes, at))
    }

    /// Waits until the disk has the file of a content, and its name.
    pub(super) fn sync(&self, content: ContentId, file: &File) -> Result<(), BackendError> {
        self.run(FileOperation::Sync, &self.path_of(content), || file.sync_data())?;
        let group = content.group();
        self.run(FileOperation::Sync, &self.path.join(group.dir_name()), || {
            Ok(rustix::fs::fsync(self.open_group(group)?)?)
        })
    }

    /// Reads a part of a content of `size` bytes.
    pub(super) fn read(&self, content: ContentId, size: u64, range: &Range<u64>) -> Result<Bytes, BackendError> {
        let path = self.path_of(content);
        let span = block::span(size, range);
        let mut bytes = vec![0; (span.end - span.start) as usize];
        let len = self.run(FileOperation::Read, &path, || {
            // What is no file must not make us wait.
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let directory = self.open_group(content.group())?;
            let file = File::from(rustix::fs::openat(directory, content.file_name(), flags, Mode::empty())?);
            let len = file.metadata()?.len();
            if len == block::file_len(size) {
                file.read_exact_at(&mut bytes, span.start)?;
            }
            Ok(len)
        })?;
        if len != block::file_len(size) {
            return Err(corrupt(&path, format!("it has {len} bytes and should have {}", block::file_len(size))));
        }
        let read = block::read(content, range, &bytes);
        read.map(Bytes::from)
            .map_err(|number| corrupt(&path, format!("the checksum of its block {number} does not match")))
    }

    /// Removes the file of a content, if it is there.
    pub(super) fn unlink(&self, content: ContentId) -> Result<(), BackendError> {
        let path = self.path_of(content);
        let removed = self.open_group(content.group()).and_then(|directory| {
            rustix::fs::unlinkat(directory, content.file_name(), AtFlags::empty()).map_err(io::Error::from)
        });
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackendError::io("remove", path, error)),
            _ => Ok(()),
        }
    }

    /// Removes the directory of a group, if it is empty.
    pub(super) fn remove_if_empty(&self, group: Group) {
        // It usually is not.
        let _ = rustix::fs::unlinkat(&self.directory, group.dir_name(), AtFlags::REMOVEDIR);
    }

    /// The contents of a group that have a file.
    pub(super) fn contents(&self, group: Group) -> Result<Vec<ContentId>, BackendError> {
        let names = self.open_group(group).and_then(|directory| names(&directory));
        let names = names.map_err(|error| BackendError::io("read", self.path.join(group.dir_name()), error))?;
        Ok(names.iter().filter_map(|name| group.content(name)).collect())
    }

    fn make_directory(&self, group: Group) -> Result<(), BackendError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if *made == Some(group) {
            return Ok(());
        }
        let path = self.path.join(group.dir_name());
        self.run(FileOperation::Write, &path, || {
            match rustix::fs::mkdirat(&self.directory, group.dir_name(), Mode::RWXU) {
                Err(error) if error != Errno::EXIST => Err(error.into()),
                _ => Ok(()),
            }
        })?;
        self.run(FileOperation::Sync, &self.path, || Ok(rustix::fs::fsync(&self.directory)?))?;
        *made = Some(group);
        Ok(())
    }

    fn open_group(&self, group: Group) -> io::Result<OwnedFd> {
        Ok(rustix::fs::openat(&self.directory, group.dir_name(), directory_flags(), Mode::empty())?)
    }

    fn run<T>(
        &self,
        operation: FileOperation,
        path: &Path,
        work: impl FnOnce() -> io::Result<T>,
    ) -> Result<T, BackendError> {
        #[cfg(feature = "conformance")]
        let result = self.faults.before(operation).and_then(|()| work());
        #[cfg(not(feature = "conformance"))]
        let result = work();
        result.map_err(|error| {
            if operation == FileOperation::Read && error.kind() == io::ErrorKind::NotFound {
                return corrupt(path, "it is gone");
            }
            // For want of room the disk drops nothing that it had confirmed.
            let ends_trust = operation == FileOperation::Sync && !is_full(&error);
            let error = BackendError::io(operation.verb(), path, error);
            if ends_trust {
                tracing::error!(error = &error as &dyn std::error::Error, "objects are no longer written");
                let _ = self.failed_sync.set(error.clone());
            }
            error
        })
    }

    fn path_of(&self, content: ContentId) -> PathBuf {
        self.path.join(content.group().dir_name()).join(content.file_name())
    }
}

fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// The names in a directory, of those that are text.
fn names(directory: &OwnedFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        names.extend(entry?.file_name().to_str().ok().map(str::to_owned));
    }
    Ok(names)
}
