//! What can go wrong in a backend, told so that the caller can act on it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::bucket::Bucket;

/// Which part of an entry a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The name of the bucket.
    Bucket,
    /// The key.
    Key,
    /// The value.
    Value,
    /// A message: its body and its headers.
    Message,
    /// A secret.
    Secret,
    /// The name of a container of objects.
    Container,
    /// The name of an object.
    Object,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Part::Bucket => "bucket name",
            Part::Key => "key",
            Part::Value => "value",
            Part::Message => "message",
            Part::Secret => "secret",
            Part::Container => "container name",
            Part::Object => "object name",
        })
    }
}

/// Why an operation on a backend failed.
///
/// The texts are for operators and logs: they name paths. A guest gets [`code`](Self::code), the text of
/// [`Refused`](Self::Refused), which the caller's own change wrote, and that of [`Quota`](Self::Quota). A write that failed with anything but `Refused`,
/// `TooLarge`, `Quota` or `NoContainer` may or may not have happened; what was acknowledged before is kept.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The store was closed: the host is stopping, or nothing leads to it any more.
    #[error("the store is closed")]
    Closed,
    /// The change that the caller handed to `update` refused the value it found. Nothing was written.
    #[error("the change was refused: {reason}")]
    Refused {
        /// What the change said.
        reason: String,
    },
    /// The change that the caller handed to `update` panicked: a bug of the caller. Nothing was written.
    #[error("the change panicked")]
    ChangePanicked,
    /// Larger than this backend takes. Nothing was written.
    #[error("a {part} has at most {limit} bytes here, this one has {size}")]
    TooLarge {
        /// What is too large.
        part: Part,
        /// The bytes it has.
        size: usize,
        /// The bytes it may have.
        limit: usize,
    },
    /// There is no room left. The backend takes writes again once there is some.
    #[error("no room is left in {place}")]
    Full {
        /// Where: a path, or the memory of a store.
        place: String,
        /// What the system said, where it was asked.
        source: Option<Arc<io::Error>>,
    },
    /// The bytes on disk are not those that were written.
    #[error("{path} is damaged: {detail}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found there.
        detail: String,
    },
    /// An earlier write failed in a way after which no write can be trusted. Reads go on.
    #[error("{path} takes no more writes, because an earlier one failed")]
    WritesStopped {
        /// The file.
        path: PathBuf,
        /// The failure that stopped them.
        source: Arc<BackendError>,
    },
    /// The system failed an operation on a file.
    #[error("cannot {operation} {path}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// There is no such container of objects.
    #[error("there is no container {name:?}")]
    NoContainer {
        /// The name that was asked for.
        name: String,
    },
    /// Whoever wrote an object gave up before its end. What was there before is kept.
    #[error("the content was not finished")]
    Unfinished,
    /// Nobody listens who could answer a request.
    #[error("nobody listens to {subject}")]
    NoResponder {
        /// What the request was about.
        subject: String,
    },
    /// Messages came faster than a subscriber settled them, and there was no room to keep them in. Others go on coming.
    #[error("{count} messages about {pattern} were dropped, because they came faster than they were settled")]
    MessagesDropped {
        /// What the subscriber listens to.
        pattern: String,
        /// How many since it was last told.
        count: u64,
    },
    /// The backend, or who should have answered through it, did not do so in time.
    #[error("{what} took longer than {patience:?}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// For how long.
        patience: Duration,
    },
    /// A secret lies where others than its owner could read or replace it.
    #[error("{path} is no place for a secret: {why}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file that says how to get in to the backend, or whom to trust there, does not hold that.
    #[error("{path} cannot be used: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without what is in it.
        reason: String,
    },
    /// The backend does not allow it: a wrong password, or a name that it does not give to this user.
    #[error("the backend {backend} refuses {what}")]
    Denied {
        /// Which, without credentials.
        backend: String,
        /// What was asked of it.
        what: String,
        /// What its client said.
        source: Option<Arc<dyn StdError + Send + Sync>>,
    },
    /// What an app may keep is used up. Nothing was written.
    #[error("the app may keep {limit} {unit} in this backend, and with this write there would be more")]
    Quota {
        /// How many.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// A backend that is reached over a network does not answer, or not as it should.
    #[error("the backend {backend} is unavailable")]
    Unavailable {
        /// Which, without credentials.
        backend: String,
        /// What its client said.
        source: Arc<dyn StdError + Send + Sync>,
    },
}

impl BackendError {
    /// A short word for each kind of failure that stays the same between releases and gives nothing away.
    pub fn code(&self) -> &'static str {
        match self {
            BackendError::Closed => "closed",
            BackendError::Refused { .. } => "refused",
            BackendError::ChangePanicked => "change-panicked",
            BackendError::TooLarge { .. } => "too-large",
            BackendError::Full { .. } => "full",
            BackendError::Corrupt { .. } => "corrupt",
            BackendError::WritesStopped { .. } => "writes-stopped",
            BackendError::Io { .. } => "io",
            BackendError::NoContainer { .. } => "no-container",
            BackendError::Unfinished => "unfinished",
            BackendError::NoResponder { .. } => "no-responder",
            BackendError::MessagesDropped { .. } => "messages-dropped",
            BackendError::TimedOut { .. } => "timed-out",
            BackendError::Exposed { .. } => "exposed",
            BackendError::Unusable { .. } => "unusable",
            BackendError::Denied { .. } => "denied",
            BackendError::Quota { .. } => "quota",
            BackendError::Unavailable { .. } => "unavailable",
        }
    }

    /// What the operator can do about it, if anything.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            BackendError::Full { source: Some(_), .. } => {
                Some("free some space there, or raise the quota: writes are taken again by themselves")
            }
            BackendError::Corrupt { .. } => {
                Some("stop the host, keep a copy of the file, check the disk, and restore the file from a backup")
            }
            BackendError::WritesStopped { .. } => Some("check the disk and the system's log, then restart the host"),
            BackendError::Quota { .. } => Some(
                "delete what the app no longer needs, or raise the `quota` of the backend, or `[limits]` in host.toml",
            ),
            BackendError::Exposed { .. } => {
                Some("give the file to the user that the host runs as, and run `chmod 600` on it")
            }
            BackendError::Unusable { .. } => Some("correct the path in the host's file, or write the file anew"),
            BackendError::Denied { .. } => Some(
                "look at what the host's file says of the login to this backend, and at what its server allows this user",
            ),
            _ => None,
        }
    }

    /// The text and what can be done about it, in one line.
    pub fn advised(&self) -> String {
        match self.hint() {
            Some(hint) => format!("{self}: {hint}"),
            None => self.to_string(),
        }
    }

    /// That this container is not there.
    pub(crate) fn no_container(container: &Bucket) -> Self {
        BackendError::NoContainer { name: container.name.clone() }
    }

    /// An [`Io`](Self::Io), or the more telling [`Full`](Self::Full) if that is what the system said.
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>, source: impl Into<Arc<io::Error>>) -> Self {
        let (path, source) = (path.into(), source.into());
        match is_full(&source) {
            true => BackendError::Full { place: path.display().to_string(), source: Some(source) },
            false => BackendError::Io { operation, path, source },
        }
    }
}

/// Whether the system had no room for what was written: a full disk, a quota, or a limit on the size of files.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
