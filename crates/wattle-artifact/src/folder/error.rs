//! Why a folder is no archive, or an archive no folder.

use std::io;
use std::path::PathBuf;

use super::PATH_MAX_LEN;
use crate::store::StoreError;

/// Why a folder is no archive, or an archive no folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system does not give it.
    #[error("cannot read {}", path.display())]
    Read {
        /// What is read.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system does not take it.
    #[error("cannot write {}", path.display())]
    Write {
        /// What is written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is a link, a device or the like.
    #[error("{} is {kind}, and a folder is shipped with regular files and directories only", path.display())]
    Kind {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// Its name means nothing on other machines.
    #[error("the name of {} is not UTF-8", path.display())]
    NotText {
        /// Where it is.
        path: PathBuf,
    },
    /// Its path is longer than any that is unpacked.
    #[error("the path {} has more than {PATH_MAX_LEN} bytes", path.display())]
    PathTooLong {
        /// Which one.
        path: PathBuf,
    },
    /// It is more than may be shipped.
    #[error("{} is more than {max} bytes as an archive", path.display())]
    TooLarge {
        /// The folder.
        path: PathBuf,
        /// The bound, in bytes.
        max: u64,
    },
    /// It has more files and directories than may be shipped.
    #[error("{} has more than {max} files and directories", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// The bound.
        max: usize,
    },
    /// An archive is none that is unpacked.
    #[error("the archive for {} cannot be unpacked", path.display())]
    Archive {
        /// The folder that it was to be.
        path: PathBuf,
        /// Why not.
        source: ArchiveError,
    },
    /// What is kept unpacked cannot be used.
    #[error("cannot use the folders that are kept unpacked")]
    Cache(#[from] StoreError),
    /// Somebody else changes the same folder all the time.
    #[error("{} is changed by somebody else again and again", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
}

/// Why an archive is none that is unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is broken.
    #[error("it is no archive that can be read")]
    Broken(#[source] io::Error),
    /// It is larger than any that is unpacked.
    #[error("it has {size} bytes, and may have {max}")]
    TooLarge {
        /// Bytes that it has.
        size: u64,
        /// Bytes that it may have.
        max: u64,
    },
    /// It lists more than is unpacked.
    #[error("it has more than {max} entries")]
    TooMany {
        /// The bound.
        max: usize,
    },
    /// One of its entries is none that is unpacked.
    #[error("its entry {name:?} {fault}")]
    Entry {
        /// The name, with something in the place of what is not UTF-8.
        name: String,
        /// What is wrong with it.
        fault: EntryFault,
    },
}

/// What is wrong with an entry of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// It is a link, a device or something that changes how others are read.
    #[error("is of the type {0:?}, and files and directories are taken only")]
    Type(char),
    /// It would be anywhere on this machine.
    #[error("begins at the root")]
    Absolute,
    /// It would be beside the folder.
    #[error("goes up with `..`")]
    Up,
    /// It has no name, or one that no file has.
    #[error("has no name that a file can have")]
    Name,
    /// Its name is not UTF-8.
    #[error("has a name that is not UTF-8")]
    NotText,
    /// Its name is longer than any that is used.
    #[error("has a name of more than {PATH_MAX_LEN} bytes")]
    TooLong,
    /// Another entry has its name, or is a file where it needs a directory.
    #[error("is in the place of another")]
    Twice,
    /// The archive ends before it does.
    #[error("is cut off")]
    Cut,
}

impl FolderError {
    /// Whether the folder or the archive is to blame, and not the system or somebody else who uses it.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Kind { .. }
            | Self::NotText { .. }
            | Self::PathTooLong { .. }
            | Self::TooLarge { .. }
            | Self::TooMany { .. }
            | Self::Archive { .. } => true,
            Self::Read { .. } | Self::Write { .. } | Self::Cache(_) | Self::Busy { .. } => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Kind { kind: "a symbolic link", .. } => Some("put the file itself in its place".into()),
            Self::TooLarge { .. } | Self::TooMany { .. } => {
                Some("is everything in the folder meant to be shipped?".into())
            }
            Self::Cache(error) => error.hint(),
            Self::Busy { .. } => Some("try again".into()),
            _ => None,
        }
    }
}
