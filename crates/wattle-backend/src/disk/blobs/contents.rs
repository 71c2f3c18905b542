//! The contents of objects as files, and which of them are being read.
//!
//! ```text
//! blobs/
//!   2-0/      contents 0 to 4095 of the second run
//!     1f      content 1f
//!   2-1/      the next 4096
//! ```
//!
//! A content gets its name before its first byte and keeps it: it can be seen only once the index has it. A content that
//! the index no longer has is removed when nobody reads it any more; what a crash leaves is swept at the next start.
//! Reading opens the file for each piece, so that readers who wait hold none open. No link is followed.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use tokio::sync::mpsc::UnboundedSender;

use super::block;
use super::sweeper::Task;
#[cfg(feature = "conformance")]
use crate::disk::faults::Faults;
use crate::disk::state_file::FileOperation;
use crate::disk::storage_error::corrupt;
use crate::error::BackendError;

/// The most contents in one directory.
const DIRECTORY_CONTENTS: u64 = 4096;

/// Which content: the run of the store that wrote it, and its number in that run. It is never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ContentId {
    pub(super) run: u64,
    pub(super) number: u64,
}

/// A directory of contents: the run, and which of its directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) run: u64,
    pub(super) number: u64,
}

impl ContentId {
    fn group(self) -> Group {
        Group { run: self.run, number: self.number / DIRECTORY_CONTENTS }
    }

    fn file_name(self) -> String {
        format!("{:x}", self.number)
    }
}

impl Group {
    fn dir_name(self) -> String {
        format!("{:x}-{:x}", self.run, self.number)
    }

    /// The group whose directory has this name, if one has.
    fn parse(name: &str) -> Option<Self> {
        let (run, number) = name.split_once('-')?;
        let group = Self { run: u64::from_str_radix(run, 16).ok()?, number: u64::from_str_radix(number, 16).ok()? };
        (group.dir_name() == name).then_some(group)
    }
}

/// The files of all contents.
pub(super) struct Contents {
    directory: OwnedFd,
    path: PathBuf,
    run: u64,
    next: AtomicU64,
    /// The last directory that was made for good.
    made: Mutex<Option<Group>>,
    readers: Mutex<HashMap<ContentId, Readers>>,
    tasks: UnboundedSender<Task>,
    /// The sync that failed: after it no write can be trusted.
    failed_sync: OnceLock<BackendError>,
    stopping: AtomicBool,
    #[cfg(feature = "conformance")]
    faults: Faults,
}

/// How many read a content, and whether it goes with the last of them.
#[derive(Default)]
struct Readers {
    count: usize,
    discarded: bool,
}

/// The directory of all contents, before a run has begun.
pub(super) struct Directory {
    directory: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens the directory, which is made if there is none.
    pub(super) fn open(path: PathBuf) -> Result<Self, BackendError> {
        let failed = |error: rustix::io::Errno| BackendError::io("open", &path, io::Error::from(error));
        match rustix::fs::mkdir(&path, Mode::RWXU) {
            Ok(()) => crate::disk::atomic_file::sync_parent(&path)
                .map_err(|error| BackendError::io("sync the directory of", &path, error))?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
        let directory = rustix::fs::open(&path, directory_flags(), Mode::empty()).map_err(failed)?;
        Ok(Self { directory, path })
    }

    /// The groups that have a directory.
    pub(super) fn groups(&self) -> Result<Vec<Group>, BackendError> {
        let names = names(&self.directory).map_err(|error| BackendError::io("read", &self.path, error))?;
        Ok(names.iter().filter_map(|name| Group::parse(name)).collect())
    }

    /// Begins to write contents of this run.
    pub(super) fn begin(
        self,
        run: u64,
        tasks: UnboundedSender<Task>,
        #[cfg(feature = "conformance")] faults: Faults,
    ) -> Contents {
        Contents {
            directory: self.directory,
            path: self.path,
            run,
            next: AtomicU64::new(0),
            made: Mutex::default(),
            readers: Mutex::default(),
            tasks,
            failed_sync: OnceLock::new(),
            stopping: AtomicBool::new(false),
            #[cfg(feature = "conformance")]
            faults,
        }
    }
}

impl Contents {
    /// The next content.
    pub(super) fn next(&self) -> ContentId {
        ContentId { run: self.run, number: self.next.fetch_add(1, Ordering::Relaxed) }
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
    fn read(&self, content: ContentId, size: u64, range: &Range<u64>) -> Result<Bytes, BackendError> {
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

    /// Keeps a content from being removed while somebody reads it.
    pub(super) fn hold(self: &Arc<Self>, content: ContentId) -> Held {
        self.readers().entry(content).or_default().count += 1;
        Held { contents: self.clone(), content }
    }

    /// Removes a content that the index does not have, when nobody reads it any more.
    pub(super) fn discard(&self, content: ContentId) {
        match self.readers().get_mut(&content) {
            Some(readers) => readers.discarded = true,
            None => self.task(Task::Unlink(content)),
        }
    }

    /// Leaves something to the thread that sweeps. If it has ended, it is found at the next start.
    pub(super) fn task(&self, task: Task) {
        let _ = self.tasks.send(task);
    }

    /// Ends the thread that sweeps, after what it does now.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.task(Task::Stop);
    }

    /// Whether it should end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Removes the file of a content, and its directory if that is of an earlier run and empty.
    pub(super) fn unlink(&self, content: ContentId) -> Result<(), BackendError> {
        let path = self.path_of(content);
        let removed = self.open_group(content.group()).and_then(|directory| {
            rustix::fs::unlinkat(directory, content.file_name(), AtFlags::empty()).map_err(io::Error::from)
        });
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackendError::io("remove", path, error)),
            _ => {
                self.remove_if_empty(content.group());
                Ok(())
            }
        }
    }

    /// Removes the directory of a group of an earlier run, if it is empty.
    pub(super) fn remove_if_empty(&self, group: Group) {
        if group.run < self.run {
            // It usually is not.
            let _ = rustix::fs::unlinkat(&self.directory, group.dir_name(), AtFlags::REMOVEDIR);
        }
    }

    /// The contents of a group that have a file.
    pub(super) fn files(&self, group: Group) -> Result<Vec<ContentId>, BackendError> {
        let names = self.open_group(group).and_then(|directory| names(&directory));
        let names = names.map_err(|error| BackendError::io("read", self.path.join(group.dir_name()), error))?;
        let numbers = names.iter().filter_map(|name| u64::from_str_radix(name, 16).ok());
        let contents = numbers.map(|number| ContentId { run: group.run, number });
        Ok(contents.filter(|content| content.group() == group).collect())
    }

    fn make_directory(&self, group: Group) -> Result<(), BackendError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if *made == Some(group) {
            return Ok(());
        }
        let path = self.path.join(group.dir_name());
        self.run(FileOperation::Write, &path, || {
            match rustix::fs::mkdirat(&self.directory, group.dir_name(), Mode::RWXU) {
                Err(error) if error != rustix::io::Errno::EXIST => Err(error.into()),
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
            let error = BackendError::io(operation.verb(), path, error);
            if operation == FileOperation::Sync {
                tracing::error!(error = &error as &dyn std::error::Error, "objects are no longer written");
                let _ = self.failed_sync.set(error.clone());
            }
            error
        })
    }

    fn path_of(&self, content: ContentId) -> PathBuf {
        self.path.join(content.group().dir_name()).join(content.file_name())
    }

    // Nothing panics while the lock is held.
    fn readers(&self) -> MutexGuard<'_, HashMap<ContentId, Readers>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A content that is not removed while this is there.
pub(super) struct Held {
    contents: Arc<Contents>,
    content: ContentId,
}

impl Held {
    /// Reads a part of the content, which has `size` bytes.
    pub(super) fn read(&self, size: u64, range: &Range<u64>) -> Result<Bytes, BackendError> {
        self.contents.read(self.content, size, range)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut readers = self.contents.readers();
        let Some(of_this) = readers.get_mut(&self.content) else { return };
        of_this.count -= 1;
        if of_this.count > 0 {
            return;
        }
        let discarded = readers.remove(&self.content).is_some_and(|readers| readers.discarded);
        drop(readers);
        if discarded {
            self.contents.task(Task::Unlink(self.content));
        }
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
