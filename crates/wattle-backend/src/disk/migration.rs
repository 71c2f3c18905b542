//! Data directories of older releases: backed up, and brought to the format of this one.
//!
//! ```text
//! format N ─> backups/format-N.tar.gz ─> `migration` names that ─> N to N+1 ─> format N+1 ─> ... ─> no `migration`
//! ```
//!
//! Invariants: nothing is changed before the backup is whole on the disk; a number is written when all is done that it stands
//! for. Whoever is killed in between begins again with that step, and the backup stays the one of before the first.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic_file;
use super::backup::{self, BackupError};
use super::data_dir::DataDir;
use super::data_dir_error::{DataDirError, failed};
use super::format::{self, FORMAT_VERSION};

/// The folder of the backups.
pub(super) const BACKUPS: &str = "backups";
/// The file that names the backup, for as long as a migration is under way.
pub(super) const UNDER_WAY: &str = "migration";

/// Why a migration ended early.
pub type MigrationFailure = Box<dyn Error + Send + Sync>;

/// What brings something in a data directory from one format to the next.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The format that it begins with.
    pub from: u32,
    /// What it changes, for people.
    pub what: &'static str,
    /// Does it. It may find a part of it done, by one that was killed, and then does the rest.
    pub run: fn(&DataDir) -> Result<(), MigrationFailure>,
}

/// What became of a data directory of an older release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The format that it had.
    pub from: u32,
    /// The one that it has now.
    pub to: u32,
    /// What was in it before.
    pub backup: PathBuf,
}

/// Brings `data`, which has the format `found`, to that of this release. The files of backends have been the same since
/// format 1: `migrations` are about what else is in there.
pub(super) fn run(data: &DataDir, found: u32, migrations: &[Migration]) -> Result<Option<Migrated>, DataDirError> {
    if found == FORMAT_VERSION {
        end(data)?;
        return Ok(None);
    }
    let (directory, to) = (data.path().display(), FORMAT_VERSION);
    tracing::info!(%directory, from = found, to, "the data directory is of an older release and is migrated");
    let backup = backed_up(data, found)?;
    tracing::info!(%directory, backup = %backup.display(), "what was in the data directory is kept");
    for from in found..FORMAT_VERSION {
        for migration in migrations.iter().filter(|migration| migration.from == from) {
            tracing::info!(%directory, from, "{}", migration.what);
            (migration.run)(data).map_err(|source| DataDirError::NotMigrated {
                path: data.path().to_owned(),
                from,
                backup: backup.clone(),
                source,
            })?;
        }
        format::write(data.path(), from + 1)?;
    }
    end(data)?;
    tracing::info!(%directory, from = found, to, backup = %backup.display(), "the data directory was migrated");
    Ok(Some(Migrated { from: found, to, backup }))
}

/// The backup that the directory at `dir` has of its time in this format, if it has one.
pub(super) fn backup_of(dir: &Path, format: u32) -> Option<PathBuf> {
    let backup = dir.join(BACKUPS).join(name(format, 1));
    is_file(&backup).then_some(backup)
}

/// Where a backup of `data` is, made now unless the same migration made one before.
fn backed_up(data: &DataDir, found: u32) -> Result<PathBuf, DataDirError> {
    let mark = data.path().join(UNDER_WAY);
    if let Some(backup) = named_in(&mark, data.path()) {
        return Ok(backup);
    }
    let refused = |source| {
        // Nothing is left of what was tried, unless there was something before.
        let _ = fs::remove_dir(data.path().join(BACKUPS));
        let source = Box::new(source);
        DataDirError::NotBackedUp { path: data.path().to_owned(), found, supported: FORMAT_VERSION, source }
    };
    let folder = data.folder(BACKUPS).map_err(|error| refused(BackupError::from(error)))?;
    let (name, backup) = free(&folder, found);
    backup::keep(data, &backup).map_err(refused)?;
    atomic_file::write(&mark, format!("{name}\n").as_bytes()).map_err(failed("write", &mark))?;
    Ok(backup)
}

/// The backup that the file at `mark` names, if both are there.
fn named_in(mark: &Path, dir: &Path) -> Option<PathBuf> {
    let name = String::from_utf8(atomic_file::read_small(mark).ok()?).ok()?;
    let name = Path::new(name.strip_suffix('\n')?);
    let backup = dir.join(BACKUPS).join(name.file_name().filter(|file| *file == name)?);
    is_file(&backup).then_some(backup)
}

/// What the next backup of this format is called in `folder`, where nothing has that name yet.
fn free(folder: &Path, format: u32) -> (String, PathBuf) {
    let mut number = 1;
    loop {
        let name = name(format, number);
        let path = folder.join(&name);
        if path.symlink_metadata().is_err() {
            return (name, path);
        }
        number += 1;
    }
}

/// The name of a backup: the first of this format, the second, ...
fn name(format: u32, number: u32) -> String {
    match number {
        1 => format!("format-{format}.tar.gz"),
        number => format!("format-{format}.{number}.tar.gz"),
    }
}

fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
}

/// No migration is under way any more.
fn end(data: &DataDir) -> Result<(), DataDirError> {
    let mark = data.path().join(UNDER_WAY);
    match fs::remove_file(&mark).and_then(|()| atomic_file::sync_parent(&mark)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(failed("remove", &mark)),
    }
}
