//! Writing a small file so that after a crash it is there whole, or as it was before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::file;

/// What a file that is being prepared ends in.
pub(super) const NEW: &str = ".new";

/// Attempts to find a name that nobody else prepares a file under: processes in other containers may have our pid.
const ATTEMPTS: usize = 100;

/// Gives `path` these contents, for its owner alone to read, or leaves it as it is.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    Draft::write(path, contents)?.place()?;
    sync_parent(path)
}

/// A small file that the disk has, and that does not have its name yet. Dropped before it has, it is removed.
#[derive(Debug)]
pub(crate) struct Draft {
    /// `None`: it has its name.
    prepared: Option<PathBuf>,
    path: PathBuf,
}

impl Draft {
    /// Writes what is to have the name `path`.
    pub(super) fn write(path: &Path, contents: &[u8]) -> io::Result<Self> {
        let (prepared, mut file) = create_beside(path, NEW)?;
        let draft = Self { prepared: Some(prepared), path: path.into() };
        file.write_all(contents)?;
        file.sync_all()?;
        Ok(draft)
    }

    /// The name that it is to have.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, which lasts when the directory is synced.
    pub(super) fn place(mut self) -> io::Result<()> {
        if let Some(prepared) = &self.prepared {
            fs::rename(prepared, &self.path)?;
        }
        self.prepared = None;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(prepared) = &self.prepared {
            // What cannot be removed now is removed by a sweep.
            let _ = fs::remove_file(prepared);
        }
    }
}

/// Makes a file of its own whose name begins as that of `path` does and ends in `end`.
pub(super) fn create_beside(path: &Path, end: &str) -> io::Result<(PathBuf, File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut taken = None;
    for _ in 0..ATTEMPTS {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}-{}{end}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let path = path.with_file_name(name);
        match file::private().create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(taken.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
}

/// Makes the names in the directory of `path` last.
fn sync_parent(path: &Path) -> io::Result<()> {
    sync_names(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Makes the names in `directory` last.
pub(super) fn sync_names(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
