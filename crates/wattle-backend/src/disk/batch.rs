//! The writes that are committed together, and what each of them does to the table.

use std::ops::Bound;
use std::path::Path;

use bytes::Bytes;
use redb::{ReadableTable, StorageError, Table, WriteTransaction};

use super::cache::{Row, Written};
use super::database::{ENDING, ENTRIES, LAST_VERSION, META};
use super::ending;
use super::record::{self, Record};
use super::storage_error::{IntoStorage, corrupt};
use crate::error::BackendError;
use crate::key_value::{Change, Entry, Swap, Version, changed};
use crate::lifetime::{Kept, Moment};

/// Why a write failed.
pub(super) enum Failure {
    /// For a reason of its own: nothing of it is in the table.
    Own(BackendError),
    /// For one of the database's: the batch is lost.
    Batch(StorageError),
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        Failure::Own(error)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Failure::Batch(error)
    }
}

/// One write transaction.
pub(super) struct Batch<'t> {
    transaction: &'t WriteTransaction,
    path: &'t Path,
    entries: Table<'t, &'static [u8], &'static [u8]>,
    ending: Table<'t, &'static [u8], ()>,
    last_version: u64,
    written: Written,
    touched: bool,
}

impl<'t> Batch<'t> {
    /// Begins with nothing written. `path` is the file, for errors.
    pub(super) fn begin(transaction: &'t WriteTransaction, path: &'t Path) -> Result<Self, StorageError> {
        let meta = transaction.open_table(META).storage()?;
        let last_version = meta.get(LAST_VERSION)?.map(|version| version.value());
        let last_version = last_version.ok_or_else(|| StorageError::Corrupted("the last version is missing".into()))?;
        let entries = transaction.open_table(ENTRIES).storage()?;
        let ending = transaction.open_table(ENDING).storage()?;
        Ok(Self { transaction, path, entries, ending, last_version, written: Written::new(), touched: false })
    }

    /// Ends the batch. `None`: there is nothing to commit.
    pub(super) fn finish(self) -> Result<Option<Written>, StorageError> {
        if self.written.is_empty() && !self.touched {
            return Ok(None);
        }
        self.transaction.open_table(META).storage()?.insert(LAST_VERSION, self.last_version)?;
        Ok(Some(self.written))
    }

    /// Makes sure that there is something to commit.
    pub(super) fn touch(&mut self) -> Result<(), Failure> {
        self.touched = true;
        Ok(())
    }

    /// The entry at `row`.
    pub(super) fn get(&self, row: &Row) -> Result<Option<Entry>, Failure> {
        self.at(row, |found| found.map(|found| found.to_kept().entry))
    }

    /// Writes `value` at `row`, to be there until `ends`.
    pub(super) fn set(&mut self, row: &Row, value: &Bytes, ends: Option<Moment>) -> Result<Version, Failure> {
        let version = Version(self.last_version + 1);
        let old = self.entries.get(&**row)?.and_then(|old| record::ends(old.value()));
        self.move_ending(row, old, ends)?;
        let record = Record { version, ends, value };
        let mut out = self.entries.insert_reserve(&**row, record.size())?;
        record.write(out.as_mut(), row);
        drop(out);
        self.last_version = version.0;
        self.written.insert(row.clone(), Some(Kept { entry: Entry { value: value.clone(), version }, ends }));
        Ok(version)
    }

    /// Removes what is at `row`.
    pub(super) fn delete(&mut self, row: &Row) -> Result<(), Failure> {
        let Some(old) = self.entries.remove(&**row)?.map(|old| record::ends(old.value())) else { return Ok(()) };
        self.move_ending(row, old, None)?;
        self.written.insert(row.clone(), None);
        Ok(())
    }

    /// Writes `value` at `row` if the version there is `expected`.
    pub(super) fn swap(
        &mut self,
        row: &Row,
        expected: Option<Version>,
        value: &Bytes,
        ends: Option<Moment>,
    ) -> Result<Swap, Failure> {
        match self.at(row, |found| found.map(|found| found.version) == expected)? {
            true => self.set(row, value, ends).map(Swap::Done),
            false => self.get(row).map(Swap::Conflict),
        }
    }

    /// Replaces the value at `row` by what `change` makes of it.
    pub(super) fn update(&mut self, row: &Row, change: &Change) -> Result<Bytes, Failure> {
        let (value, ends) = self.at(row, |found| {
            let value = changed(change, found.map(|found| found.value));
            value.map(|value| (value, found.and_then(|found| found.ends)))
        })??;
        self.set(row, &value, ends)?;
        Ok(value)
    }

    /// Removes at most `limit` entries that have ended.
    pub(super) fn sweep(&mut self, limit: usize) -> Result<(), StorageError> {
        let now = Moment::now();
        let later = ending::key(Moment(now.0.saturating_add(1)), &[]);
        let ended = self.ending.range::<&[u8]>((Bound::Unbounded, Bound::Excluded(&*later)))?.take(limit);
        let ended: Vec<Row> = ended.map(|key| key.map(|(key, _)| key.value().into())).collect::<Result<_, _>>()?;
        for key in ended {
            self.ending.remove(&*key)?;
            let Some(row) = ending::row(&key) else { continue };
            // A row that was damaged stays, for whoever asks for it to be told.
            let ends = self.entries.get(row)?.and_then(|bytes| Record::read(row, bytes.value())?.ends);
            if ends.is_some_and(|ends| ends <= now) {
                self.entries.remove(row)?;
                self.written.insert(row.into(), None);
            }
        }
        Ok(())
    }

    /// Notes that what is at `row` ends at `new` and no longer at `old`.
    fn move_ending(&mut self, row: &Row, old: Option<Moment>, new: Option<Moment>) -> Result<(), StorageError> {
        if let Some(old) = old {
            self.ending.remove(&*ending::key(old, row))?;
        }
        if let Some(new) = new {
            self.ending.insert(&*ending::key(new, row), ())?;
        }
        Ok(())
    }

    /// What `look` sees at `row`.
    fn at<T>(&self, row: &Row, look: impl FnOnce(Option<Record<'_>>) -> T) -> Result<T, Failure> {
        let Some(bytes) = self.entries.get(&**row)? else { return Ok(look(None)) };
        let found = Record::read(row, bytes.value());
        let found = found.ok_or_else(|| corrupt(self.path, "the checksum of a value does not match"))?;
        Ok(look(Some(found).filter(Record::is_living)))
    }
}
