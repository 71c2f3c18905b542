//! Why a data directory cannot be backed up, or restored.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk::DataDirError;

/// Why a data directory cannot be backed up, or restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// There is nothing to back up.
    #[error("there is no data directory at {}", path.display())]
    NoDataDir {
        /// Where one was expected.
        path: PathBuf,
    },
    /// The backup would take the place of a file.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The backup would be in what is backed up.
    #[error("{} would lie in the data directory itself", path.display())]
    Inside {
        /// The file.
        path: PathBuf,
    },
    /// The place of the data directory is taken.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// There is no backup that can be read.
    #[error("cannot read the backup {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is cut off, or damaged, or something else.
    #[error("{} is no whole backup of a data directory", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What cannot be read of it.
        source: io::Error,
    },
    /// It has something in it that is in no data directory.
    #[error("{} is no backup of a data directory: it has `{entry}` in it", path.display())]
    Strange {
        /// The file.
        path: PathBuf,
        /// What it is called there.
        entry: String,
    },
    /// The system refused an operation.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl BackupError {
    /// What to do about it, if something is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::DataDir(DataDirError::InUse { pid: Some(pid), .. }) => {
                Some(format!("end process {pid} first (`wattle drain` for a host), and start it again afterwards"))
            }
            Self::DataDir(error) => error.hint(),
            Self::NoDataDir { .. } => Some("name it with --data-dir, or by the host's file with --config".into()),
            Self::Exists { .. } => Some("name a file that is not there: a backup is never written over".into()),
            Self::Inside { .. } => Some("name a file somewhere else, best on another disk".into()),
            Self::NotEmpty { .. } => Some("move it away, or name another directory with --data-dir".into()),
            Self::Unreadable { .. } => Some("name the file that `wattle host backup` wrote".into()),
            Self::Damaged { .. } | Self::Strange { .. } => Some("take another backup; nothing was restored".into()),
            Self::Io { .. } => None,
        }
    }
}

/// What the system refused on `path`.
pub(super) fn failed(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Io { operation, path: path.to_owned(), source }
}
