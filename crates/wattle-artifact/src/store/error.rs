//! Why the store cannot do what it was asked.

use std::io;
use std::path::{Path, PathBuf};

use wattle_spec::digest::{Digest, DigestError};
use wattle_spec::reference::{Reference, ReferenceError};

/// Why the store cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
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
    /// The disk, or what this user may have of it, is full. What was begun is removed again.
    #[error("there is no room for {}", path.display())]
    NoSpace {
        /// The file that did not fit.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else could change it, or has put something else in its place.
    #[error("{} is not safe to use: {reason}", path.display())]
    Unsafe {
        /// Which file or directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another process held the lock of the store for as long as we were ready to wait.
    #[error("another process holds {}", path.display())]
    Busy {
        /// The file that is locked.
        path: PathBuf,
    },
    /// More bytes came than were announced. What was written is removed.
    #[error("{digest} was announced with {size} bytes, and more came")]
    TooLong {
        /// What was to be written.
        digest: Digest,
        /// Bytes announced.
        size: u64,
    },
    /// Fewer bytes came than were announced. What was written is kept, to go on from there.
    #[error("only {have} of the {size} bytes of {digest} came")]
    TooShort {
        /// What was to be written.
        digest: Digest,
        /// Bytes that came.
        have: u64,
        /// Bytes announced.
        size: u64,
    },
    /// The bytes are others than asked for. They are removed.
    #[error("the bytes written as {digest} have the digest {found}")]
    Mismatch {
        /// What was to be written.
        digest: Digest,
        /// What the bytes are.
        found: Digest,
        /// Bytes that an earlier attempt had left, of which the first may have been wrong. Not 0: it is worth trying
        /// again at once, as that begins anew.
        resumed: u64,
    },
    /// The blob is here, whole, and has another size than announced: the announcement is wrong.
    #[error("{digest} was announced with {announced} bytes and has {actual}")]
    WrongSize {
        /// Which blob.
        digest: Digest,
        /// Bytes announced.
        announced: u64,
        /// Bytes that it has.
        actual: u64,
    },
    /// A writer was used after it had failed.
    #[error("{digest} is no longer written, as that failed before")]
    Broken {
        /// What was to be written.
        digest: Digest,
    },
    /// The file of a blob had other bytes than were written. It is removed.
    #[error("{} did not have the bytes of {digest} any more", path.display())]
    Damaged {
        /// Which blob.
        digest: Digest,
        /// The file that it was in.
        path: PathBuf,
    },
    /// The blob has more bytes than the caller takes.
    #[error("{digest} has {size} bytes, and at most {max} are taken here")]
    TooLarge {
        /// Which blob.
        digest: Digest,
        /// Bytes that it has.
        size: u64,
        /// Bytes that the caller takes.
        max: u64,
    },
    /// What was noted of a reference cannot be read.
    #[error("{} does not say what a reference led to", path.display())]
    Note {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: NoteError,
    },
    /// What was noted of the signatures of an artifact cannot be read.
    #[error("{} does not say what signs an artifact", path.display())]
    SignaturesNote {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: NoteError,
    },
    /// What is to be noted of a reference is more than is ever read.
    #[error("what is to be noted of {reference} is too long")]
    NoteTooLong {
        /// Which reference.
        reference: Box<Reference>,
    },
}

/// Why a file does not say what a reference led to, or what signs it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is longer than any that we write.
    #[error("it is too long")]
    TooLong,
    /// It is no JSON of the right shape.
    #[error("it is no note of ours")]
    Json(#[source] serde_json::Error),
    /// What it is about is no reference.
    #[error("its reference is none")]
    Reference(#[source] ReferenceError),
    /// What that led to is no digest.
    #[error("its digest is none")]
    Digest(#[source] DigestError),
    /// What it is about has no digest.
    #[error("its artifact has no digest")]
    NoDigest,
    /// When that was is no time of RFC 3339.
    #[error("its time is none")]
    Time(#[source] chrono::ParseError),
    /// It is about another reference than its name says.
    #[error("it is about {0}, whose file has another name")]
    Misplaced(Box<Reference>),
}

impl StoreError {
    /// What to do about it, if anything.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSpace { .. } => Some("make room, for instance with: wattle cache prune".into()),
            Self::Unsafe { .. } => {
                Some("look at who put it there, then make it yours alone or use another directory for the store".into())
            }
            Self::Busy { .. } => Some("try again when the other process has ended".into()),
            Self::Damaged { .. } => {
                Some("pull it again; if that happens more than once, check the disk: wattle cache verify".into())
            }
            Self::TooShort { .. } => Some("try again: what came is kept".into()),
            Self::SignaturesNote { .. } => Some("remove what is damaged: wattle cache verify".into()),
            Self::Note { .. } => Some("pull the reference again, or run: wattle cache verify".into()),
            _ => None,
        }
    }
}

/// Turns what the system said of `path` into an error.
pub(crate) fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| match is_full(&source) {
        true => StoreError::NoSpace { path: path.into(), source },
        false => StoreError::Io { operation, path: path.into(), source },
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
