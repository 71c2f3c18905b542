//! The directory that a host keeps its state in: made by us, in a format that is written down, owned by one process.
//!
//! ```text
//! data/            0700, if we made it
//!   lock           locked (flock) by the process that owns the directory; its pid
//!   format         the version of what is in here, as one line (see `format`)
//!   state.redb     keys and values
//!   blobs.redb     containers, and what is known of their objects
//!   blobs/         the contents of the objects
//!   messages.redb  messages that wait for their groups
//!   choices/       where apps keep their state, a file each: what the host itself must not forget
//!   backups/       what was in here before it was migrated (see `migration`)
//!   migration      the name of the latest, for as long as one is under way
//! ```

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::atomic_file;
use super::data_dir_error::{DataDirError, failed};
use super::format::{self, FORMAT, FORMAT_VERSION};
use super::migration::{self, Migrated, Migration};

/// The file that is locked by whoever owns the directory.
pub(super) const LOCK: &str = "lock";
/// The file of keys and values.
pub(super) const STATE: &str = "state.redb";
/// The file of containers and objects.
pub(super) const BLOBS: &str = "blobs.redb";
/// The directory of the contents of objects.
pub(super) const CONTENTS: &str = "blobs";
/// The file of messages.
pub(super) const MESSAGES: &str = "messages.redb";
/// In the root of a file system that was mounted for us.
pub(super) const LOST_AND_FOUND: &str = "lost+found";
/// Everything that state is kept in.
const KEPT: [&str; 4] = [STATE, BLOBS, CONTENTS, MESSAGES];

/// Bytes of a process's number with its line end, at most.
const PID_MAX_LEN: usize = 16;

/// A data directory that this process owns until the value is dropped.
///
/// The system gives the lock back when the process ends, however it ends: nothing needs to be cleaned up.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The files of it that stores of this process have open.
    open: Mutex<BTreeSet<&'static str>>,
    migrated: Option<Migrated>,
    lock: File,
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Closing the file would do, were it not for a child that another thread is just starting: until it executes
        // its program it has our files open too. If this fails, closing is what is left.
        let _ = self.lock.unlock();
    }
}

/// The right to open one file of the directory, which only one store of this process has.
#[derive(Debug)]
pub(super) struct Claim {
    dir: Arc<DataDir>,
    file: &'static str,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.dir.open_files().remove(self.file);
    }
}

impl DataDir {
    /// Takes the data directory at `path`, and makes it if there is none. Its parent must exist. One of an older release is
    /// refused: [`DataDir::open_migrating`] takes that.
    ///
    /// A directory that other files are in is refused, so that a mistyped path cannot fill somebody's home.
    ///
    /// # Errors
    ///
    /// If it cannot be had, or is of another format.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let (data, found) = Self::take(path.into())?;
        match found == FORMAT_VERSION {
            true => Self::open_migrated(data, found, &[]),
            false => Err(DataDirError::OlderFormat { path: data.path.clone(), found, supported: FORMAT_VERSION }),
        }
    }

    /// The same, and brings one of an older release to the format of this one, after a backup of it. What backends keep needs
    /// nothing; `migrations` do what else whoever opens it has in there.
    ///
    /// # Errors
    ///
    /// If it cannot be had, is of a newer format, or cannot be backed up or migrated.
    pub fn open_migrating(path: impl Into<PathBuf>, migrations: &[Migration]) -> Result<Self, DataDirError> {
        let (data, found) = Self::take(path.into())?;
        Self::open_migrated(data, found, migrations)
    }

    fn open_migrated(mut data: Self, found: u32, migrations: &[Migration]) -> Result<Self, DataDirError> {
        data.migrated = migration::run(&data, found, migrations)?;
        Ok(data)
    }

    /// Takes the data directory at `path` as it is, with the format that it has.
    pub(super) fn take(path: PathBuf) -> Result<(Self, u32), DataDirError> {
        create(&path)?;
        if !is_ours(&path)? {
            return Err(DataDirError::Foreign { path });
        }
        let lock = lock(&path)?;
        let format = settle_format(&path)?;
        Ok((Self { path, open: Mutex::default(), migrated: None, lock }, format))
    }

    /// What became of it when it was opened, if it was of an older release.
    pub fn migrated(&self) -> Option<&Migrated> {
        self.migrated.as_ref()
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `contents` to the file `name` in `folder`, for its owner alone. It has them for good when this returns, or else
    /// what it had before.
    ///
    /// # Errors
    ///
    /// If the system refuses it.
    pub fn write(&self, folder: &'static str, name: &str, contents: &[u8]) -> Result<(), DataDirError> {
        self.draft(folder, name, contents)?.publish()
    }

    /// Writes `contents` beside the file `name` in `folder`, to be put in its place later: what needs room on the disk is done
    /// then. One at a time for each name; dropped, it leaves the file as it is.
    ///
    /// # Errors
    ///
    /// If the system refuses it.
    pub fn draft(&self, folder: &'static str, name: &str, contents: &[u8]) -> Result<FileDraft, DataDirError> {
        let draft = FileDraft::of(self.folder(folder)?.join(name));
        atomic_file::draft(&draft.written, contents).map_err(failed("write", &draft.path))?;
        Ok(draft)
    }

    /// The folder of that name, which is made if it is not there.
    pub(super) fn folder(&self, name: &'static str) -> Result<PathBuf, DataDirError> {
        let folder = self.path.join(name);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => atomic_file::sync_parent(&folder).map_err(failed("sync the directory of", &folder))?,
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed("create", &folder)(error)),
            // A link is none.
            Err(_) if folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) => {}
            Err(_) => return Err(DataDirError::NotADirectory { path: folder }),
        }
        Ok(folder)
    }

    /// Removes the file `name` in `folder`, if it is there, for good.
    ///
    /// # Errors
    ///
    /// If the system refuses it.
    pub fn remove(&self, folder: &'static str, name: &str) -> Result<(), DataDirError> {
        let path = self.path.join(folder).join(name);
        match fs::remove_file(&path).and_then(|()| atomic_file::sync_parent(&path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(failed("remove", &path)),
        }
    }

    /// Claims the file of that name. `None`: a store has it open.
    pub(super) fn claim(self: Arc<Self>, file: &'static str) -> Option<Claim> {
        let claimed = self.open_files().insert(file);
        claimed.then(|| Claim { dir: self, file })
    }

    // Nothing panics while the lock is held.
    fn open_files(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a file of a data directory is to have, written and synced beside it.
#[derive(Debug)]
pub struct FileDraft {
    written: PathBuf,
    path: PathBuf,
}

impl FileDraft {
    /// What is to become the file at `path`.
    pub(super) fn of(path: PathBuf) -> Self {
        Self { written: atomic_file::temporary(&path), path }
    }

    /// Where it is written until then.
    pub(super) fn written(&self) -> &Path {
        &self.written
    }

    /// The file has it for good when this returns.
    ///
    /// # Errors
    ///
    /// If the system refuses it.
    pub fn publish(self) -> Result<(), DataDirError> {
        atomic_file::publish(&self.written, &self.path).map_err(failed("write", &self.path))
    }
}

impl Drop for FileDraft {
    fn drop(&mut self) {
        // Published, it is not there any more.
        let _ = fs::remove_file(&self.written);
    }
}

/// Makes the directory, if it is not there.
pub(super) fn create(path: &Path) -> Result<(), DataDirError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => atomic_file::sync_parent(path).map_err(failed("sync the directory of", path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match path.is_dir() {
            true => Ok(()),
            false => Err(DataDirError::NotADirectory { path: path.to_owned() }),
        },
        Err(error) => Err(match path.parent() {
            Some(parent) if error.kind() == io::ErrorKind::NotFound && !parent.exists() => {
                DataDirError::NoParent { path: path.to_owned(), parent: parent.to_owned() }
            }
            _ => failed("create", path)(error),
        }),
    }
}

/// Whether the directory says that it is one of ours, or has nothing in it but what we put there first.
fn is_ours(path: &Path) -> Result<bool, DataDirError> {
    let mut entries = fs::read_dir(path).map_err(failed("read", path))?;
    let beginning = [LOCK.into(), FORMAT.into(), atomic_file::temporary(Path::new(FORMAT)).into_os_string()];
    let is_first =
        |name: OsString| beginning.contains(&name) || name == LOST_AND_FOUND || KEPT.iter().any(|&ours| name == ours);
    Ok(path.join(FORMAT).exists() || entries.all(|entry| entry.is_ok_and(|entry| is_first(entry.file_name()))))
}

/// Locks the directory for this process and leaves its pid there for whoever comes second.
pub(super) fn lock(dir: &Path) -> Result<File, DataDirError> {
    let path = dir.join(LOCK);
    let mut file = atomic_file::private().truncate(false).open(&path).map_err(failed("open", &path))?;
    if !is_lock(&file).map_err(failed("read", &path))? {
        return Err(DataDirError::Foreign { path: dir.to_owned() });
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(DataDirError::InUse { path: dir.to_owned(), pid: pid_in(&mut file) });
        }
        Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
    }
    let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(failed("write", &path))?;
    Ok(file)
}

/// Whether nothing but a process's number is in it: what else is in there, we did not write.
fn is_lock(file: &File) -> io::Result<bool> {
    let mut start = [0; PID_MAX_LEN + 1];
    let len = file.read_at(&mut start, 0)?;
    Ok(len <= PID_MAX_LEN && start[..len].iter().all(|byte| byte.is_ascii_digit() || *byte == b'\n'))
}

fn pid_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(PID_MAX_LEN as u64).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Whether state was kept in the directory.
fn has_state(dir: &Path) -> bool {
    KEPT.iter().any(|file| dir.join(file).exists())
}

/// Whether there is something in the directory that nobody writes before state is kept. What was approved may be.
fn was_used(dir: &Path) -> bool {
    let first = [LOCK, FORMAT, "approved", migration::BACKUPS, migration::UNDER_WAY];
    let is_first = |name: OsString| first.iter().any(|&first| name == first);
    fs::read_dir(dir).is_ok_and(|mut all| all.any(|entry| entry.is_ok_and(|entry| !is_first(entry.file_name()))))
}

/// The format of what is in the directory. A new one has ours from now on.
fn settle_format(dir: &Path) -> Result<u32, DataDirError> {
    let Some(format) = format::read(dir)? else {
        return match has_state(dir) {
            true => Err(DataDirError::UnreadableFormat { path: dir.join(FORMAT) }),
            false => format::write(dir, FORMAT_VERSION).map(|()| FORMAT_VERSION),
        };
    };
    if !has_state(dir) && was_used(dir) {
        tracing::warn!(directory = %dir.display(), "the files of state are gone, they begin anew");
    }
    Ok(format)
}
