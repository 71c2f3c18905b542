//! The store of this machine, alone and shared.

mod faults;
mod keeping;
mod processes;
mod reading;
mod references;
mod writing;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use wattle_artifact::store::{Begun, Store, Writer};
use wattle_spec::digest::Digest;

/// Nobody is waited for.
const AT_ONCE: Duration = Duration::ZERO;

/// A store of its own for one test.
struct Fixture {
    store: Store,
    directory: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        Self { store: Store::open(directory.path().join("store")).unwrap(), directory }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.store.directory().join(path)
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.at("blobs/sha256").join(digest.hex())
    }

    /// The names in a directory of the store.
    fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(path)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// A writer of bytes that are not there.
#[track_caller]
fn begin(store: &Store, bytes: &[u8]) -> Writer {
    missing(store.begin(&Digest::of(bytes), bytes.len() as u64, AT_ONCE).unwrap())
}

#[track_caller]
fn missing(begun: Begun) -> Writer {
    match begun {
        Begun::Missing(writer) => writer,
        Begun::Present => panic!("it is there"),
    }
}

fn is_present(store: &Store, bytes: &[u8]) -> bool {
    matches!(store.begin(&Digest::of(bytes), bytes.len() as u64, AT_ONCE).unwrap(), Begun::Present)
}

/// Makes a file look as if it was last used so long ago.
fn age(path: &Path, age: Duration) {
    File::open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// The error, and all that caused it, as people read it.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
