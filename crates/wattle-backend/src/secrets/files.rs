//! Secrets in files that only their owner may read.
//!
//! ```text
//! an app:  DIRECTORY/NAMESPACE/APP/NAME
//! shared:  DIRECTORY/NAME
//! ```
//!
//! A line break at the end is not part of the secret: editors and `echo` leave one. A file that others may read, or that
//! belongs to neither this user nor root, is refused.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;
use zeroize::Zeroize;

use super::{SECRET_MAX_BYTES, Secret, Secrets};
use crate::backend::Backend;
use crate::bucket::Owner;
use crate::error::{BackendError, Part};
use crate::small_file;

/// Reads files of a directory.
pub struct FileSecrets {
    directory: PathBuf,
}

impl FileSecrets {
    /// The files below `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn path(&self, owner: &Owner, name: &str) -> PathBuf {
        match owner.app() {
            Some(app) => self.directory.join(app.namespace.as_str()).join(app.name.as_str()).join(name),
            None => self.directory.join(name),
        }
    }
}

impl Backend for FileSecrets {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        let directory = self.directory.clone();
        waiting(move || match std::fs::metadata(&directory).map(|metadata| metadata.is_dir()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(BackendError::io("read", directory, io::Error::from(io::ErrorKind::NotADirectory))),
            Err(error) => Err(BackendError::io("read", directory, error)),
        })
    }
}

impl Secrets for FileSecrets {
    fn get(&self, owner: &Owner, name: &str) -> BoxFuture<'static, Result<Option<Secret>, BackendError>> {
        let path = self.path(owner, name);
        waiting(move || read(&path))
    }

    fn place(&self, owner: &Owner, name: &str) -> String {
        format!("the file {}", self.path(owner, name).display())
    }
}

/// Runs `work`, which may wait for a disk, on a thread for that.
fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
) -> BoxFuture<'static, Result<T, BackendError>> {
    async { tokio::task::spawn_blocking(work).await.unwrap_or(Err(BackendError::Closed)) }.boxed()
}

fn read(path: &Path) -> Result<Option<Secret>, BackendError> {
    let failed = |operation, error| BackendError::io(operation, path, error);
    let (mut file, metadata) = match small_file::open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", error)),
    };
    if let Some(why) = distrust(&metadata) {
        return Err(BackendError::Exposed { path: path.into(), why });
    }
    let mut value = Vec::new();
    let read = Read::by_ref(&mut file).take(SECRET_MAX_BYTES as u64 + 1).read_to_end(&mut value);
    read.map_err(|error| failed("read", error))?;
    let mut secret = Secret(value);
    if secret.0.len() > SECRET_MAX_BYTES {
        let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        return Err(BackendError::TooLarge { part: Part::Secret, size, limit: SECRET_MAX_BYTES });
    }
    let rest =
        secret.0.strip_suffix(b"\n").map_or(secret.0.len(), |line| line.strip_suffix(b"\r").unwrap_or(line).len());
    secret.0[rest..].zeroize();
    secret.0.truncate(rest);
    Ok(Some(secret))
}

/// Why a file is not one that only its owner could have written and can read.
fn distrust(metadata: &Metadata) -> Option<&'static str> {
    let me = rustix::process::geteuid().as_raw();
    if !metadata.is_file() {
        Some("it is not a regular file")
    } else if metadata.uid() != me && metadata.uid() != 0 {
        Some("it belongs to another user")
    } else if metadata.mode() & 0o077 != 0 {
        Some("others than its owner may use it")
    } else {
        None
    }
}
