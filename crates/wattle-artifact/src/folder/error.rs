//! Why a folder is no archive, or an archive no folder.

use std::io;
use std::path::PathBuf;

use super::PATH_MAX_LEN;

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
    /// An archive is broken.
    #[error("the archive of the folder cannot be read")]
    Archive(#[source] io::Error),
    /// An archive is larger than any that is unpacked.
    #[error("the archive of the folder has {size} bytes, and may have {max}")]
    ArchiveTooLarge {
        /// Bytes that it has.
        size: u64,
        /// Bytes that it may have.
        max: u64,
    },
    /// An archive lists more than is unpacked.
    #[error("the archive of the folder has more than {max} entries")]
    ArchiveTooMany {
        /// The bound.
        max: usize,
    },
    /// An entry of an archive is none that is unpacked.
    #[error("the entry {name:?} in the archive of the folder {fault}")]
    Entry {
        /// Its name, with something in the place of what is not UTF-8.
        name: String,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// Somebody else changes the same folder all the time.
    #[error("{} is changed by somebody else again and again", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
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
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Kind { kind: "a symbolic link", .. } => Some("put the file itself in its place".into()),
            Self::TooLarge { .. } | Self::TooMany { .. } => {
                Some("is everything in the folder meant to be shipped?".into())
            }
            Self::Busy { .. } => Some("try again".into()),
            _ => None,
        }
    }
}
