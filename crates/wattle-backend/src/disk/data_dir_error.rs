//! Why a data directory cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use super::backup::BackupError;
use super::migration::MigrationFailure;

/// Why a data directory cannot be used. Nothing in it was changed, but by a migration that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another process has it.
    #[error("the data directory {path} is in use by {}", holder(*.pid))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process, if it wrote down who it is.
        pid: Option<u32>,
    },
    /// A newer release wrote it.
    #[error("the data directory {path} has format {found}, and this release reads up to {supported}")]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// The version of its format.
        found: u32,
        /// The newest version that this release knows.
        supported: u32,
        /// What was in it when it had that one, if it was migrated.
        backup: Option<PathBuf>,
    },
    /// An older release wrote it, and whoever opens it does not migrate it.
    #[error("the data directory {path} has format {found}, and this release keeps its data in format {supported}")]
    OlderFormat {
        /// The directory.
        path: PathBuf,
        /// The version of its format.
        found: u32,
        /// The version that this release writes.
        supported: u32,
    },
    /// An older release wrote it, and it is not migrated without a backup.
    #[error("the data directory {path} has format {found} and is not brought to format {supported} without a backup")]
    NotBackedUp {
        /// The directory.
        path: PathBuf,
        /// The version of its format.
        found: u32,
        /// The version that this release writes.
        supported: u32,
        /// Why there is no backup.
        source: Box<BackupError>,
    },
    /// An older release wrote it, and it is half migrated.
    #[error("the data directory {path} cannot be brought from format {from} to format {}", .from + 1)]
    NotMigrated {
        /// The directory.
        path: PathBuf,
        /// The version that it still has.
        from: u32,
        /// What was in it before.
        backup: PathBuf,
        /// What went wrong.
        source: MigrationFailure,
    },
    /// Its format file does not say which version it has.
    #[error("{path} does not name the version of a format")]
    UnreadableFormat {
        /// The format file.
        path: PathBuf,
    },
    /// It has files in it and none of them says that it is a data directory.
    #[error("{path} is not empty and is not a data directory")]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// It is something else than a directory.
    #[error("{path} is not a directory")]
    NotADirectory {
        /// The path that was given.
        path: PathBuf,
    },
    /// The directory that should hold it is missing.
    #[error("{parent} does not exist, so the data directory {path} cannot be made in it")]
    NoParent {
        /// The path that was given.
        path: PathBuf,
        /// The directory that is missing.
        parent: PathBuf,
    },
    /// The system refused an operation.
    #[error("cannot {operation} {path}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl DataDirError {
    /// A short word for each kind of failure that stays the same between releases.
    pub fn code(&self) -> &'static str {
        match self {
            DataDirError::InUse { .. } => "data-dir-in-use",
            DataDirError::NewerFormat { .. } => "data-dir-newer-format",
            DataDirError::OlderFormat { .. } => "data-dir-older-format",
            DataDirError::NotBackedUp { .. } => "data-dir-not-backed-up",
            DataDirError::NotMigrated { .. } => "data-dir-not-migrated",
            DataDirError::UnreadableFormat { .. } => "data-dir-unreadable-format",
            DataDirError::Foreign { .. } => "data-dir-foreign",
            DataDirError::NotADirectory { .. } => "data-dir-not-a-directory",
            DataDirError::NoParent { .. } => "data-dir-no-parent",
            DataDirError::Io { .. } => "data-dir-io",
        }
    }

    /// What the operator can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            DataDirError::InUse { pid: Some(pid), .. } => {
                Some(format!("stop process {pid}, or choose another data directory for this one"))
            }
            DataDirError::InUse { pid: None, .. } => {
                Some("stop the other process, or choose another data directory".to_owned())
            }
            DataDirError::NewerFormat { backup: Some(backup), .. } => Some(format!(
                "run the newer release again; or go back to what was there before it came, which is in {0}: \
                 wattle host restore {0} --data-dir ANOTHER",
                backup.display()
            )),
            DataDirError::NewerFormat { backup: None, .. } => Some(
                "data is never converted back: run the newer release again, restore a backup that is older \
                 (wattle host restore FILE), or choose another data directory"
                    .to_owned(),
            ),
            DataDirError::OlderFormat { .. } => {
                Some("open it once with what migrates it, as `wattle host` does".to_owned())
            }
            DataDirError::NotBackedUp { .. } => Some(
                "nothing was changed: see to that, and start it again; the older release still runs with it".into(),
            ),
            DataDirError::NotMigrated { backup, .. } => Some(format!(
                "see to that, and start it again; or go back to what was there before, with the older release: \
                 wattle host restore {} --data-dir ANOTHER",
                backup.display()
            )),
            DataDirError::UnreadableFormat { .. } => Some(
                "restore the file from a backup; in a directory that this release made it has the line \"2\"".into(),
            ),
            DataDirError::Foreign { .. } => {
                Some("choose an empty directory, or a path that does not exist yet".to_owned())
            }
            DataDirError::NotADirectory { .. } => Some("choose another path for the data directory".to_owned()),
            DataDirError::NoParent { parent, .. } => Some(format!("create it with: mkdir -p {}", parent.display())),
            DataDirError::Io { .. } => None,
        }
    }
}

/// What the system refused on `path`.
pub(super) fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    move |source| DataDirError::Io { operation, path: path.to_owned(), source }
}
