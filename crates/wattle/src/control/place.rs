//! Where control sockets are: one for each process, in a directory that belongs to this user alone.
//!
//! Sockets are made, and those of the dead removed, by whoever holds the lock of their directory, so that nobody removes one
//! that was made a moment ago.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use tokio::net::{UnixListener, UnixStream};

/// How the names of sockets end.
const ENDING: &str = "sock";

/// How often the lock of a directory is tried, and how long between. Who has it gives it back at once.
const LOCK_TRIES: u32 = 100;
const LOCK_NAP: Duration = Duration::from_millis(20);

/// Processes with the same id that may share a directory: those of several containers do.
const NAMES_MAX: u32 = 64;

/// Why a control socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    #[error("cannot {operation} {}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },
    #[error("the directory {} is not ours: it belongs to the user {owner}", path.display())]
    NotOurs { path: PathBuf, owner: u32 },
    #[error("the directory {} is open to others: its mode is {mode}", path.display())]
    Open { path: PathBuf, mode: String },
    #[error("something else is at {}", .0.display())]
    NoSocket(PathBuf),
    #[error("another host answers at {}", .0.display())]
    Taken(PathBuf),
    #[error("another process does not give back the lock of {}", .0.display())]
    Locked(PathBuf),
}

impl SocketError {
    /// What to do about it, if something is known.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            SocketError::Open { path, .. } => Some(format!("close it with `chmod 700 {}`", path.display())),
            SocketError::NotOurs { .. } | SocketError::Locked(_) => {
                Some("choose another place with `--control PATH`".into())
            }
            SocketError::NoSocket(_) | SocketError::Taken(_) => Some("choose another path".into()),
            SocketError::Io { source, .. } if source.kind() == io::ErrorKind::InvalidInput => {
                Some("a socket's path has at most 107 bytes on Linux and 103 elsewhere; choose a shorter one".into())
            }
            SocketError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("make its directory first".into())
            }
            SocketError::Io { .. } => None,
        }
    }
}

/// A socket that was made. Its file is removed when this is dropped.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// The file that was made: somebody may have put another in its place.
    file: Option<(u64, u64)>,
}

/// What answers at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Living,
    /// A socket that nobody listens on any more.
    Dead,
    Nothing,
}

impl Place {
    /// A socket for this process, in this user's directory.
    pub(crate) async fn own() -> Result<(Self, UnixListener), SocketError> {
        let directory = directory();
        make(&directory)?;
        let lock = lock(&checked(&directory)?, &directory).await?;
        let pid = std::process::id();
        let names =
            std::iter::once(format!("{pid}.{ENDING}")).chain((1..).map(|more| format!("{pid}-{more}.{ENDING}")));
        for path in names.take(NAMES_MAX as usize).map(|name| directory.join(name)) {
            if cleared(&path, &lock).await? != Life::Living {
                return Self::bind(path);
            }
        }
        Err(SocketError::Taken(directory))
    }

    /// A socket at `path`, which somebody chose.
    pub(crate) async fn at(path: &Path) -> Result<(Self, UnixListener), SocketError> {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(parent, flags, Mode::empty()).map_err(io("open", parent))?;
        let lock = lock(&opened, parent).await?;
        match cleared(path, &lock).await? {
            Life::Living => Err(SocketError::Taken(path.to_owned())),
            Life::Dead | Life::Nothing => Self::bind(path.to_owned()),
        }
    }

    fn bind(path: PathBuf) -> Result<(Self, UnixListener), SocketError> {
        // From its first moment nobody else may connect. No other thread makes files yet.
        let before = rustix::process::umask(Mode::from_raw_mode(0o177));
        let bound = UnixListener::bind(&path);
        rustix::process::umask(before);
        let listener =
            bound.map_err(|source| SocketError::Io { operation: "make the socket", path: path.clone(), source })?;
        let file = identity(&path);
        Ok((Self { path, file }, listener))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.file.is_some() && identity(&self.path) == self.file {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// All sockets of this user that somebody listens on. Those of the dead are removed.
pub(super) async fn living() -> Result<Vec<PathBuf>, SocketError> {
    let directory = directory();
    let opened = match checked(&directory) {
        Err(SocketError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    // Without the lock nothing is removed.
    let lock = try_lock(&opened).ok().flatten();
    let entries =
        fs::read_dir(&directory).map_err(|source| SocketError::Io { operation: "read", path: directory, source })?;
    let mut living = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_none_or(|ending| ending != ENDING) {
            continue;
        }
        let life = match &lock {
            Some(lock) => cleared(&path, lock).await,
            None => life(&path).await,
        };
        if life.is_ok_and(|life| life == Life::Living) {
            living.push(path);
        }
    }
    living.sort();
    Ok(living)
}

/// This user's directory: below the one that the system has for such things, else in the temporary folder.
fn directory() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    match runtime {
        Some(runtime) => runtime.join("wattle"),
        None => std::env::temp_dir().join(format!("wattle-{}", user())),
    }
}

/// The user to whom the socket at `path` belongs, or the directory that keeps others from it, if that is neither this user
/// nor one whom this user stands above.
pub(super) fn another_owner(path: &Path) -> Option<u32> {
    let owner = match fs::metadata(path) {
        Ok(found) => found.file_type().is_socket().then(|| found.uid()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            path.ancestors().skip(1).find_map(|above| fs::metadata(above).ok()).map(|found| found.uid())
        }
        Err(_) => None,
    };
    owner.filter(|owner| *owner != user() && user() != 0)
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn make(directory: &Path) -> Result<(), SocketError> {
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(SocketError::Io { operation: "make the directory", path: directory.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// The directory, if it is one, ours, and closed to others: nobody else can have put anything there.
fn checked(directory: &Path) -> Result<OwnedFd, SocketError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::open(directory, flags, Mode::empty()).map_err(io("open", directory))?;
    let found = rustix::fs::fstat(&opened).map_err(io("look at", directory))?;
    let mode = found.st_mode & 0o777;
    match () {
        () if found.st_uid != user() => Err(SocketError::NotOurs { path: directory.to_owned(), owner: found.st_uid }),
        () if mode & 0o077 != 0 => Err(SocketError::Open { path: directory.to_owned(), mode: format!("{mode:o}") }),
        () => Ok(opened),
    }
}

fn io(operation: &'static str, path: &Path) -> impl FnOnce(rustix::io::Errno) -> SocketError {
    let path = path.to_owned();
    move |source| SocketError::Io { operation, path, source: source.into() }
}

/// The lock of a directory, until it is dropped.
struct Lock {
    _directory: OwnedFd,
}

fn try_lock(directory: &OwnedFd) -> io::Result<Option<Lock>> {
    let directory = directory.try_clone()?;
    match rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Lock { _directory: directory })),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn lock(directory: &OwnedFd, path: &Path) -> Result<Lock, SocketError> {
    for _ in 0..LOCK_TRIES {
        let tried = try_lock(directory);
        let tried = tried.map_err(|source| SocketError::Io { operation: "lock", path: path.to_owned(), source })?;
        if let Some(lock) = tried {
            return Ok(lock);
        }
        tokio::time::sleep(LOCK_NAP).await;
    }
    Err(SocketError::Locked(path.to_owned()))
}

/// What is at `path`; a socket of the dead is removed.
async fn cleared(path: &Path, _held: &Lock) -> Result<Life, SocketError> {
    let life = life(path).await?;
    if life == Life::Dead {
        let removed = fs::remove_file(path);
        removed.map_err(|source| SocketError::Io { operation: "remove", path: path.to_owned(), source })?;
    }
    Ok(life)
}

async fn life(path: &Path) -> Result<Life, SocketError> {
    match fs::symlink_metadata(path) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Life::Nothing),
        Err(source) => return Err(SocketError::Io { operation: "look at", path: path.to_owned(), source }),
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::NoSocket(path.to_owned())),
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(Life::Dead),
        // Whoever is too busy to take a connection lives.
        _ => Ok(Life::Living),
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
