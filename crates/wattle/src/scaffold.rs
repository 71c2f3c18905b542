//! Writes a new app: all of it, or nothing. Files are laid out in a directory of their own, which is moved to its place
//! when it is complete and removed when anything goes wrong.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use wattle_spec::name::AppName;

use crate::problem::{Exit, Problem};
use crate::template::Template;

/// What is there before the app is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Free,
    EmptyDirectory,
}

/// Writes the app `name` from `template` into `directory`, unless `stop` says that it is no longer wanted.
///
/// # Errors
///
/// If something is in the way there, if it cannot be written, or if it was stopped. Then nothing of it is left.
pub(crate) fn write(template: &Template, name: &AppName, directory: &Path, stop: &AtomicBool) -> Result<(), Problem> {
    let failed = |operation| move |source| Problem::File { operation, path: directory.into(), source };
    let place = place(directory)?;
    let staging = Staging::create(directory, place).map_err(failed("create"))?;
    for file in template.files {
        if stop.load(Ordering::Relaxed) {
            return Err(Problem::Stopped(Exit::Interrupted));
        }
        write_file(&staging.0.join(file.path()), &file.content(name)).map_err(failed("write"))?;
    }
    match place {
        Place::Free => fs::rename(&staging.0, directory).map_err(failed("create")),
        Place::EmptyDirectory => move_entries(&staging.0, directory).map_err(failed("write")),
    }
}

fn place(directory: &Path) -> Result<Place, Problem> {
    let unreadable = |source| Problem::File { operation: "look into", path: directory.into(), source };
    match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Place::Free),
        Err(error) => Err(unreadable(error)),
        Ok(metadata) if metadata.is_dir() && fs::read_dir(directory).map_err(unreadable)?.next().is_none() => {
            Ok(Place::EmptyDirectory)
        }
        Ok(_) => Err(Problem::Occupied(directory.into())),
    }
}

fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    fs::create_dir_all(path.parent().expect("invariant: a file of a template is in a directory"))?;
    fs::write(path, content)
}

/// Moves everything from one directory into another, or nothing. The other one may be somebody's working directory,
/// which is why it is not replaced.
fn move_entries(from: &Path, into: &Path) -> io::Result<()> {
    let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let step = (entry.path(), into.join(entry.file_name()));
        if let Err(error) = fs::rename(&step.0, &step.1) {
            for (origin, target) in moved {
                let _ = fs::rename(target, origin);
            }
            return Err(error);
        }
        moved.push(step);
    }
    Ok(())
}

/// The directory in which the app is laid out. It is gone when this is dropped.
struct Staging(PathBuf);

impl Staging {
    /// Beside the place that will be the app's, or inside if it exists: in both cases on the same file system.
    fn create(directory: &Path, place: Place) -> io::Result<Self> {
        let directory = std::path::absolute(directory)?;
        let name = format!(".wattle-new-{}", std::process::id());
        let path = match (place, directory.parent()) {
            (Place::Free, Some(parent)) => parent.join(name),
            _ => directory.join(name),
        };
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
