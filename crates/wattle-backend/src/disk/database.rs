//! One opening of the database file: how it is made, opened and checked, and what can be read in it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::{Bound, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use redb::{Builder, Database, ReadOnlyTable, ReadableDatabase, StorageBackend, StorageError, TableDefinition};

use super::atomic_file;
#[cfg(feature = "conformance")]
use super::faults::Faults;
use super::overlay::Overlay;
use super::record::{self, Record};
use super::state_file::{Distrust, FileFailure, FirstFailure, StateFile};
use super::storage_error::{IntoStorage, corrupt, guarded, of_opening, of_storage};
use super::table_key;
use crate::error::BackendError;
use crate::key_value::{Entry, Page};
use crate::lifetime::Kept;

/// Rows (see `table_key`) and records (see `record`).
pub(super) const ENTRIES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("entries");
/// When entries end (see `ending`). A file of an older release has it from its first write on.
pub(super) const ENDING: TableDefinition<&[u8], ()> = TableDefinition::new("ending");
/// Keys and bytes that are kept, by what owners begin with (see `table_key`), and in a file of blobs also by container.
/// Who is not in it is not counted. A file of an older release has it from its first write on.
pub(super) const TALLIES: TableDefinition<&[u8], (u64, u64)> = TableDefinition::new("tallies");
/// What the store knows about itself.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// In [`META`]: the last version that was given to an entry.
pub(super) const LAST_VERSION: &str = "last-version";

/// Where the file is and how it is opened.
#[derive(Debug)]
pub(super) struct Location {
    pub(super) path: PathBuf,
    /// The memory for pages, in bytes.
    pub(super) page_cache_bytes: usize,
    /// A file of at most this many bytes is checked as a whole when it is opened.
    pub(super) verify_max_bytes: u64,
    pub(super) distrust: Distrust,
    #[cfg(feature = "conformance")]
    pub(super) faults: Faults,
}

/// An open database.
pub(super) struct Opened {
    pub(super) database: Database,
    path: PathBuf,
    first_failure: FirstFailure,
    /// Whether redb panicked in a read, which leaves its locks unusable.
    panicked: AtomicBool,
}

/// Takes note if it is dropped by a panic.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

impl Location {
    /// Opens the file, which is made if there is none, and checks it if it is small enough. Whether it was.
    pub(super) fn open_checked(&self) -> Result<(Opened, bool), BackendError> {
        if !self.path.try_exists().map_err(|error| BackendError::io("look for", &self.path, error))? {
            self.create()?;
        }
        let mut opened = self.open()?;
        let len = fs::metadata(&self.path).map_err(|error| BackendError::io("read", &self.path, error))?.len();
        let verify = len <= self.verify_max_bytes;
        if verify {
            let sound = guarded(&self.path, || {
                let result = opened.database.check_integrity();
                result.map_err(|error| of_opening(&self.path, error, opened.first_failure.get()))
            })?;
            if !sound {
                tracing::warn!(path = %self.path.display(), "the free space of the state file was counted anew");
            }
        }
        opened.read(|_| Ok(()))?;
        Ok((opened, verify))
    }

    /// Opens the file, which exists.
    pub(super) fn open(&self) -> Result<Opened, BackendError> {
        let file = self.file(&self.path)?;
        // redb would make a new database of it.
        if file.len().map_err(|error| BackendError::io("read", &self.path, error))? == 0 {
            return Err(corrupt(&self.path, "it is empty"));
        }
        let first_failure = file.first_failure();
        self.open_on(&self.path, file, first_failure)
    }

    /// Opens what is in the file, and never writes to it.
    pub(super) fn open_for_reading(&self) -> Result<Opened, BackendError> {
        let file = self.file(&self.path)?;
        let first_failure = file.first_failure();
        let overlay = Overlay::new(file).map_err(|error| BackendError::io("read", &self.path, error))?;
        self.open_on(&self.path, overlay, first_failure)
    }

    /// Makes an empty database beside its place and moves it there whole.
    fn create(&self) -> Result<(), BackendError> {
        let temporary = atomic_file::temporary(&self.path);
        let failed = |error: io::Error| BackendError::io("create", &self.path, error);
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let file = self.file(&temporary)?;
        let first_failure = file.first_failure();
        let opened = self.open_on(&temporary, file, first_failure)?;
        let made = opened.database.begin_write().storage().and_then(|transaction| {
            transaction.open_table(ENTRIES).storage()?;
            transaction.open_table(ENDING).storage()?;
            transaction.open_table(TALLIES).storage()?;
            transaction.open_table(META).storage()?.insert(LAST_VERSION, 0)?;
            transaction.commit().storage()
        });
        made.map_err(|error| of_storage(&self.path, error, opened.first_failure.get()))?;
        drop(opened);
        atomic_file::publish(&temporary, &self.path).map_err(failed)
    }

    fn file(&self, path: &Path) -> Result<StateFile, BackendError> {
        #[cfg(feature = "conformance")]
        let file = StateFile::open(path, &self.distrust, &self.faults);
        #[cfg(not(feature = "conformance"))]
        let file = StateFile::open(path, &self.distrust);
        file.map_err(|error| BackendError::io("open", path, error))
    }

    fn open_on(
        &self,
        path: &Path,
        storage: impl StorageBackend,
        first_failure: FirstFailure,
    ) -> Result<Opened, BackendError> {
        let database = guarded(path, || {
            let result = Builder::new().set_cache_size(self.page_cache_bytes).create_with_backend(storage);
            result.map_err(|error| of_opening(path, error, first_failure.get()))
        })?;
        Ok(Opened { database, path: path.to_owned(), first_failure, panicked: AtomicBool::new(false) })
    }
}

impl Opened {
    /// The first failure of its file. After one, redb refuses everything that it has not in memory.
    pub(super) fn failure(&self) -> Option<&FileFailure> {
        self.first_failure.get()
    }

    /// Whether it can no longer be used for everything.
    pub(super) fn is_failed(&self) -> bool {
        self.failure().is_some() || self.panicked.load(Ordering::Acquire)
    }

    /// What redb reported, as an error of the backend.
    pub(super) fn error(&self, error: StorageError) -> BackendError {
        of_storage(&self.path, error, self.failure())
    }

    /// Reads one moment of the database.
    pub(super) fn read<T>(&self, work: impl FnOnce(&View<'_>) -> Result<T, BackendError>) -> Result<T, BackendError> {
        guarded(&self.path, || {
            let _alarm = Alarm(&self.panicked);
            let table = self.database.begin_read().storage().and_then(|read| read.open_table(ENTRIES).storage());
            work(&View { table: table.map_err(|error| self.error(error))?, opened: self })
        })
    }
}

/// One moment of the database.
pub(super) struct View<'a> {
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
    opened: &'a Opened,
}

impl View<'_> {
    /// What is at `row`, also if it has ended.
    pub(super) fn get(&self, row: &[u8]) -> Result<Option<Kept>, BackendError> {
        let Some(bytes) = self.table.get(row).map_err(|error| self.opened.error(error))? else { return Ok(None) };
        Record::read(row, bytes.value()).map(Record::to_kept).ok_or_else(|| self.damaged_record()).map(Some)
    }

    /// At most `limit` keys of the bucket whose rows begin with `prefix`, after `after`.
    pub(super) fn page(&self, prefix: &[u8], after: Option<&str>, limit: usize) -> Result<Page, BackendError> {
        let mut rows = self.scan(prefix, after)?;
        Page::take(limit, || rows.next()?.map(|found| found.name().map(str::to_owned)).transpose())
    }

    /// At most `limit` names after `after` of what an owner, whose rows begin with `prefix`, has something living in. Names of
    /// different lengths are not beside each other in the table: all are looked at, each by its first living row.
    pub(super) fn names(&self, prefix: &[u8], after: Option<&str>, limit: usize) -> Result<Page, BackendError> {
        let mut names = BTreeSet::new();
        let mut beginning = Some(prefix.to_vec());
        while let Some(start) = beginning.take() {
            let mut scan = self.scan_from(prefix, &start)?;
            let Some(found) = scan.next()? else { break };
            let name =
                table_key::name(found.row(), prefix.len()).ok_or_else(|| found.damaged("a row has no bucket"))?;
            if after.is_none_or(|after| name > after) {
                names.insert(name.to_owned());
                // The largest is not needed: what comes after the page is only counted.
                if names.len() > limit.max(1).saturating_add(1) {
                    names.pop_last();
                }
            }
            beginning = table_key::after_bucket(found.row(), prefix.len(), name);
        }
        let mut names = names.into_iter();
        Page::take(limit, || Ok(names.next()))
    }

    /// The rows that begin with `prefix`, from `start` on.
    fn scan_from<'a>(&'a self, prefix: &'a [u8], start: &[u8]) -> Result<Scan<'a>, BackendError> {
        let range = self.table.range::<&[u8]>((Bound::Included(start), Bound::Unbounded));
        Ok(Scan { rows: range.map_err(|error| self.opened.error(error))?, prefix, view: self })
    }

    /// The rows that begin with `prefix` and go on with more than `after`, in their order.
    pub(super) fn scan<'a>(&'a self, prefix: &'a [u8], after: Option<&str>) -> Result<Scan<'a>, BackendError> {
        let start = [prefix, after.unwrap_or_default().as_bytes()].concat();
        let start = if after.is_some() { Bound::Excluded(&*start) } else { Bound::Included(&*start) };
        let range = self.table.range::<&[u8]>((start, Bound::Unbounded));
        Ok(Scan { rows: range.map_err(|error| self.opened.error(error))?, prefix, view: self })
    }

    /// The last row in `range`.
    pub(super) fn last(&self, range: Range<&[u8]>) -> Result<Option<Vec<u8>>, BackendError> {
        let mut rows = self.table.range::<&[u8]>(range).map_err(|error| self.opened.error(error))?;
        let last = rows.next_back().transpose().map_err(|error| self.opened.error(error))?;
        Ok(last.map(|(row, _)| row.value().to_vec()))
    }

    fn damaged_record(&self) -> BackendError {
        corrupt(&self.opened.path, "the checksum of a value does not match")
    }
}

/// Whether the record in `bytes` is whole and has ended. Few end, so that few are read as a whole.
fn has_ended((row, bytes): &Row) -> bool {
    let bytes = bytes.value();
    record::ends(bytes).is_some() && Record::read(row.value(), bytes).is_some_and(|record| !record.is_living())
}

/// A row and its record.
type Row = (redb::AccessGuard<'static, &'static [u8]>, redb::AccessGuard<'static, &'static [u8]>);

/// Rows with a common beginning.
pub(super) struct Scan<'a> {
    rows: redb::Range<'static, &'static [u8], &'static [u8]>,
    prefix: &'a [u8],
    view: &'a View<'a>,
}

/// A row that was found, and its record, which nobody has looked at yet.
pub(super) struct Found<'a> {
    row: redb::AccessGuard<'static, &'static [u8]>,
    record: redb::AccessGuard<'static, &'static [u8]>,
    prefix_len: usize,
    view: &'a View<'a>,
}

impl<'a> Scan<'a> {
    /// The next row whose record has not ended, if there is one more.
    pub(super) fn next(&mut self) -> Result<Option<Found<'a>>, BackendError> {
        let is_living = |row: &Result<Row, StorageError>| !row.as_ref().is_ok_and(has_ended);
        let next = self.rows.find(is_living).transpose().map_err(|error| self.view.opened.error(error))?;
        let found = next.filter(|(row, _)| row.value().starts_with(self.prefix));
        Ok(found.map(|(row, record)| Found { row, record, prefix_len: self.prefix.len(), view: self.view }))
    }
}

impl Found<'_> {
    /// All of the row.
    pub(super) fn row(&self) -> &[u8] {
        self.row.value()
    }

    /// What comes after the common beginning.
    pub(super) fn name(&self) -> Result<&str, BackendError> {
        let name = str::from_utf8(&self.row.value()[self.prefix_len..]);
        name.map_err(|_| corrupt(&self.view.opened.path, "a key is not text"))
    }

    /// What is there.
    pub(super) fn entry(&self) -> Result<Entry, BackendError> {
        let row = self.row.value();
        let record = Record::read(row, self.record.value()).ok_or_else(|| self.view.damaged_record())?;
        Ok(record.to_kept().entry)
    }

    /// That the file is damaged here.
    pub(super) fn damaged(&self, detail: &str) -> BackendError {
        corrupt(&self.view.opened.path, detail)
    }
}
