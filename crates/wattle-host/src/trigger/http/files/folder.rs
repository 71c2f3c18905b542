//! A folder that is served: from the path of a request to an open file that is really inside of it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{ffi::OsString, fmt};

use cap_primitives::fs::{OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use rustix::io::Errno;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use wattle_spec::name::AppId;

use crate::answer::Failure;

/// What answers for a directory.
const INDEX: &str = "index.html";

/// How many threads read one folder at a time: a slow disk must not take them all.
const READS: usize = 16;

/// A folder of an app, served below a route.
pub(crate) struct Folder {
    pub(crate) app: AppId,
    /// The directory, absolute. It is opened anew for each request, so it may be replaced as a whole.
    directory: PathBuf,
    /// What the paths of its requests begin with.
    prefix: String,
    reads: Reads,
}

/// Reading off the core's own thread, bounded in number and time.
#[derive(Clone)]
pub(super) struct Reads {
    turns: Arc<Semaphore>,
    patience: Duration,
}

/// What a path stands for.
pub(super) enum Found {
    File(Box<OpenFile>),
    /// A directory whose path lacks the slash at its end.
    Directory,
}

/// A regular file, as it is now.
pub(super) struct OpenFile {
    pub(super) file: Arc<File>,
    /// Its path in the folder.
    pub(super) name: PathBuf,
    pub(super) metadata: Metadata,
    pub(super) reads: Reads,
}

/// The path of a request within a folder.
struct Name {
    path: PathBuf,
    /// Whether it ends in a slash.
    is_directory: bool,
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the files of {}", self.app, self.directory.display())
    }
}

impl Folder {
    /// The folder `directory`, for requests whose paths begin with `prefix`; a read may take as long as `patience`.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or is no directory.
    pub(crate) fn open(app: AppId, directory: &Path, prefix: &str, patience: Duration) -> io::Result<Self> {
        if !File::open(directory)?.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let reads = Reads { turns: Arc::new(Semaphore::new(READS)), patience };
        Ok(Self { app, directory: directory.into(), prefix: prefix.into(), reads })
    }

    /// What `path`, in the normal form of routes, stands for.
    pub(super) async fn find(&self, path: &str) -> Result<Found, Failure> {
        let below = path.strip_prefix(&self.prefix).ok_or(Failure::NoFile)?;
        let name = Name::parse(below).ok_or(Failure::NoFile)?;
        let (directory, reads) = (self.directory.clone(), self.reads.clone());
        let found = self.reads.run(move || find(&directory, name, reads)).await;
        found.map_err(|error| if is_absent(&error) { Failure::NoFile } else { Failure::File(error) })
    }
}

impl Reads {
    /// Runs what blocks on another thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let turns = self.turns.clone();
        let ran = async {
            let turn = turns.acquire_owned().await.map_err(io::Error::other)?;
            let read = move || {
                // Held by the thread: one that hangs goes on counting.
                let _turn = turn;
                read()
            };
            tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
        };
        timeout(self.patience, ran).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Name {
    /// Reads what follows the prefix: empty, or beginning with a slash. `None`: no file has this name, or a hidden one.
    fn parse(below: &str) -> Option<Self> {
        let Some(below) = below.strip_prefix('/') else {
            return below.is_empty().then(|| Self { path: PathBuf::from("."), is_directory: false });
        };
        let (names, is_directory) = match below.strip_suffix('/') {
            Some(names) => (names, true),
            None => (below, below.is_empty()),
        };
        if below.is_empty() {
            return Some(Self { path: PathBuf::from("."), is_directory });
        }
        let mut path = PathBuf::new();
        for name in names.split('/') {
            let name = decoded(name);
            if name.is_empty() || name.starts_with(b".") || name.iter().any(|byte| matches!(byte, 0 | b'/' | b'\\')) {
                return None;
            }
            path.push(OsString::from_vec(name));
        }
        Some(Self { path, is_directory })
    }
}

/// The bytes that a segment in normal form stands for.
fn decoded(segment: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(segment).collect()
}

fn find(directory: &Path, name: Name, reads: Reads) -> io::Result<Found> {
    let directory = File::open(directory)?;
    let mut path = name.path;
    let (mut file, mut metadata) = open_below(&directory, &path)?;
    match (metadata.is_dir(), name.is_directory) {
        (true, false) => return Ok(Found::Directory),
        (false, true) => return Err(io::ErrorKind::NotFound.into()),
        (true, true) => {
            path.push(INDEX);
            (file, metadata) = open_below(&directory, &path)?;
        }
        (false, false) => {}
    }
    match metadata.is_file() {
        true => Ok(Found::File(Box::new(OpenFile { file: Arc::new(file), name: path, metadata, reads }))),
        // A pipe, a device, a socket.
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

/// Opens what `path` leads to, without leaving `directory` and without waiting for whoever is behind a pipe.
fn open_below(directory: &File, path: &Path) -> io::Result<(File, Metadata)> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags);
    let file = cap_primitives::fs::open(directory, path, &options)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// Whether there is nothing to be served, for whatever reason that is none of the client's business.
fn is_absent(error: &io::Error) -> bool {
    let absent =
        [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::NAMETOOLONG, Errno::NXIO, Errno::NODEV, Errno::ISDIR];
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
        || Errno::from_io_error(error).is_some_and(|errno| absent.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(below: &str, expected: Option<&str>) {
        let name = Name::parse(below).map(|name| {
            let slash = if name.is_directory { "/" } else { "" };
            format!("{}{slash}", name.path.display())
        });
        assert_eq!(name.as_deref(), expected, "{below}");
    }

    #[test]
    fn names() {
        check("", Some("."));
        check("/", Some("./"));
        check("/a.txt", Some("a.txt"));
        check("/a/b/", Some("a/b/"));
        check("/a%20b", Some("a b"));
        check("/a%2520b", Some("a%20b"));
        check("/%C3%A4", Some("ä"));
        for nothing in
            ["a", "//", "/a//b", "//a", "/.env", "/a/.git/config", "/%2Ea", "/..", "/a/..", "/a%00", "/a%2Fb"]
        {
            check(nothing, None);
        }
        check("/a%5Cb", None);
    }
}
