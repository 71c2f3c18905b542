//! The file under the database: plain reads and writes, and a record of the first one that failed.
//!
//! redb refuses everything after a failure without saying again what it was, and whether writing may ever go on
//! depends on exactly that: after a failed sync the kernel may have dropped what it could not write.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use redb::StorageBackend;

use super::atomic_file;
#[cfg(feature = "conformance")]
use super::faults::Faults;
use crate::error::is_full;

/// What the database does with its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(not(feature = "conformance"), expect(unreachable_pub, reason = "tests name it to make the disk fail"))]
pub enum FileOperation {
    /// Reading a page.
    Read,
    /// Writing a page.
    Write,
    /// Growing or shrinking the file.
    Resize,
    /// Waiting until the disk has everything.
    Sync,
}

impl FileOperation {
    /// The operation as a verb.
    pub(super) fn verb(self) -> &'static str {
        match self {
            FileOperation::Read => "read",
            FileOperation::Write => "write",
            FileOperation::Resize => "resize",
            FileOperation::Sync => "sync",
        }
    }
}

/// An operation that failed.
#[derive(Debug, Clone)]
pub(super) struct FileFailure {
    pub(super) operation: FileOperation,
    pub(super) source: Arc<io::Error>,
}

impl FileFailure {
    fn ends_trust(&self) -> bool {
        match self.operation {
            FileOperation::Read => false,
            FileOperation::Write | FileOperation::Resize => !is_full(&self.source),
            FileOperation::Sync => true,
        }
    }
}

/// The first failure of a file since it was opened.
pub(super) type FirstFailure = Arc<OnceLock<FileFailure>>;

/// The first failure after which no write of this process can be trusted, however often the file is opened again: a
/// sync, or a write for another reason than a full disk. The kernel may have dropped what it could not write, and would
/// report the next sync as a success.
pub(super) type Distrust = Arc<OnceLock<FileFailure>>;

/// The file.
#[derive(Debug)]
pub(super) struct StateFile {
    file: File,
    first_failure: FirstFailure,
    distrust: Distrust,
    #[cfg(feature = "conformance")]
    faults: Faults,
}

impl StateFile {
    /// Opens the file at `path`, which is made if there is none.
    pub(super) fn open(
        path: &Path,
        distrust: &Distrust,
        #[cfg(feature = "conformance")] faults: &Faults,
    ) -> io::Result<Self> {
        let file = atomic_file::private().truncate(false).open(path)?;
        // If a sync failed before, what the kernel still holds in memory may not be what the disk has. This makes it
        // read the disk again; it is advice, and that it is not taken is no error.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(Self {
            file,
            first_failure: FirstFailure::default(),
            distrust: distrust.clone(),
            #[cfg(feature = "conformance")]
            faults: faults.clone(),
        })
    }

    /// Where the first failure of this file will be found.
    pub(super) fn first_failure(&self) -> FirstFailure {
        self.first_failure.clone()
    }

    fn run<T>(&self, operation: FileOperation, work: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        #[cfg(feature = "conformance")]
        let result = self.faults.before(operation).and_then(|()| work(&self.file));
        #[cfg(not(feature = "conformance"))]
        let result = work(&self.file);
        if let Err(error) = &result {
            let source = Arc::new(copy_of(error));
            tracing::error!(
                operation = operation.verb(),
                error = &*source as &dyn std::error::Error,
                "an operation on the state file failed"
            );
            let failure = FileFailure { operation, source };
            // Only the first of each counts: what comes after it follows from it.
            if failure.ends_trust() {
                let _ = self.distrust.set(failure.clone());
            }
            let _ = self.first_failure.set(failure);
        }
        result
    }
}

/// The same error again: redb takes the original.
fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

// Locks are left out: the lock of the data directory keeps other processes away, its claim other stores.
impl StorageBackend for StateFile {
    fn len(&self) -> io::Result<u64> {
        self.run(FileOperation::Read, |file| Ok(file.metadata()?.len()))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.run(FileOperation::Read, |file| file.read_exact_at(out, offset))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.run(FileOperation::Resize, |file| file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.run(FileOperation::Sync, File::sync_data)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.run(FileOperation::Write, |file| file.write_all_at(data, offset))
    }
}
