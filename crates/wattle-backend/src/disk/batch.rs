//! The writes that are committed together, and what each of them does to the table.

use std::path::Path;

use bytes::Bytes;
use redb::{ReadableTable, StorageError, Table, WriteTransaction};

use super::cache::{Row, Written};
use super::database::{ENTRIES, LAST_VERSION, META};
use super::record;
use super::storage_error::{IntoStorage, corrupt};
use crate::error::BackendError;
use crate::key_value::{Change, Entry, Swap, Version, changed};

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
        Ok(Self { transaction, path, entries, last_version, written: Written::new(), touched: false })
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
        self.at(row, |found| found.map(|(version, value)| Entry { value: Bytes::copy_from_slice(value), version }))
    }

    /// Writes `value` at `row`.
    pub(super) fn set(&mut self, row: &Row, value: &Bytes) -> Result<Version, Failure> {
        let version = Version(self.last_version + 1);
        let mut record = self.entries.insert_reserve(&**row, record::size(value.len()))?;
        record::write(record.as_mut(), row, version, value);
        drop(record);
        self.last_version = version.0;
        self.written.insert(row.clone(), Some(Entry { value: value.clone(), version }));
        Ok(version)
    }

    /// Removes what is at `row`.
    pub(super) fn delete(&mut self, row: &Row) -> Result<(), Failure> {
        if self.entries.remove(&**row)?.is_some() {
            self.written.insert(row.clone(), None);
        }
        Ok(())
    }

    /// Writes `value` at `row` if the version there is `expected`.
    pub(super) fn swap(&mut self, row: &Row, expected: Option<Version>, value: &Bytes) -> Result<Swap, Failure> {
        match self.at(row, |found| found.map(|(version, _)| version) == expected)? {
            true => self.set(row, value).map(Swap::Done),
            false => self.get(row).map(Swap::Conflict),
        }
    }

    /// Replaces the value at `row` by what `change` makes of it.
    pub(super) fn update(&mut self, row: &Row, change: &Change) -> Result<Bytes, Failure> {
        let value = self.at(row, |found| changed(change, found.map(|(_, value)| value)))??;
        self.set(row, &value)?;
        Ok(value)
    }

    /// What `look` sees of the version and the value at `row`.
    fn at<T>(&self, row: &Row, look: impl FnOnce(Option<(Version, &[u8])>) -> T) -> Result<T, Failure> {
        let Some(record) = self.entries.get(&**row)? else { return Ok(look(None)) };
        let found = record::read(row, record.value());
        let found = found.ok_or_else(|| corrupt(self.path, "the checksum of a value does not match"))?;
        Ok(look(Some(found)))
    }
}
