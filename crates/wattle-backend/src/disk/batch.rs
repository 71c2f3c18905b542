//! The writes that are committed together, and what each of them does to the table.

use std::collections::HashMap;
use std::ops::Bound;
use std::path::Path;

use bytes::Bytes;
use redb::{ReadableTable, StorageError, Table, WriteTransaction};

use super::cache::{Row, Written};
use super::database::{ENDING, ENTRIES, LAST_VERSION, META, TALLIES};
use super::ending;
use super::record::{self, Record};
use super::storage_error::{IntoStorage, corrupt};
use super::table_key;
use crate::error::BackendError;
use crate::key_value::{Entry, Version};
use crate::lifetime::{Kept, Moment};
use crate::quota::Tally;

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
    /// What was looked up or counted of what owners keep.
    tallies: HashMap<Vec<u8>, Option<Tally>>,
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
        let (written, tallies) = (Written::new(), HashMap::new());
        Ok(Self { transaction, path, entries, ending, last_version, written, tallies, touched: false })
    }

    /// Ends the batch. `None`: there is nothing to commit.
    pub(super) fn finish(self) -> Result<Option<Written>, StorageError> {
        if self.written.is_empty() && !self.touched {
            return Ok(None);
        }
        self.transaction.open_table(META).storage()?.insert(LAST_VERSION, self.last_version)?;
        self.write_tallies()?;
        Ok(Some(self.written))
    }

    fn write_tallies(&self) -> Result<(), StorageError> {
        if self.tallies.is_empty() {
            return Ok(());
        }
        let mut table = self.transaction.open_table(TALLIES).storage()?;
        for (name, tally) in &self.tallies {
            match tally {
                Some(tally) => table.insert(&**name, (tally.keys, tally.bytes))?,
                None => table.remove(&**name)?,
            };
        }
        Ok(())
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

    /// Removes at most `limit` entries that have ended, and says how many there were.
    pub(super) fn sweep(&mut self, limit: usize) -> Result<usize, StorageError> {
        let now = Moment::now();
        let later = ending::key(Moment(now.0.saturating_add(1)), &[]);
        let ended = self.ending.range::<&[u8]>((Bound::Unbounded, Bound::Excluded(&*later)))?.take(limit);
        let ended: Vec<Row> = ended.map(|key| key.map(|(key, _)| key.value().into())).collect::<Result<_, _>>()?;
        for key in &ended {
            self.ending.remove(&**key)?;
            let Some(row) = ending::row(key) else { continue };
            // A row that was damaged stays, for whoever asks for it to be told.
            let ends = self.entries.get(row)?.and_then(|bytes| Record::read(row, bytes.value())?.ends);
            if ends.is_some_and(|ends| ends <= now) {
                self.count_out(row)?;
                self.entries.remove(row)?;
                self.written.insert(row.into(), None);
            }
        }
        Ok(ended.len())
    }

    /// Counts what is at `row` no more, if its owner is counted.
    fn count_out(&mut self, row: &[u8]) -> Result<(), StorageError> {
        let Some((owner, key_bytes)) = table_key::parts(row) else { return Ok(()) };
        if let (Some(tally), Some(value_bytes)) = (self.tally(owner)?, self.value_bytes(row)?) {
            self.set_tally(owner, Some(tally - Tally::one(key_bytes, value_bytes)));
        }
        Ok(())
    }

    /// What is counted under `name`, if it is counted.
    pub(super) fn tally(&mut self, name: &[u8]) -> Result<Option<Tally>, StorageError> {
        if let Some(known) = self.tallies.get(name) {
            return Ok(*known);
        }
        let table = self.transaction.open_table(TALLIES).storage()?;
        let tally = table.get(name)?.map(|tally| tally.value()).map(|(keys, bytes)| Tally { keys, bytes });
        self.tallies.insert(name.to_owned(), tally);
        Ok(tally)
    }

    /// Counts that under `name` from now on, or nothing. It is committed with what is written.
    pub(super) fn set_tally(&mut self, name: &[u8], tally: Option<Tally>) {
        self.tallies.insert(name.to_owned(), tally);
    }

    /// The bytes of the value at `row`, also of one that has ended.
    pub(super) fn value_bytes(&self, row: &[u8]) -> Result<Option<u64>, StorageError> {
        let bytes = self.entries.get(row)?;
        Ok(bytes.map(|bytes| Record::unchecked(bytes.value()).map_or(0, |record| record.value.len() as u64)))
    }

    /// Shows each row that begins with `prefix` and what it says, unchecked.
    pub(super) fn each(&self, prefix: &[u8], mut see: impl FnMut(&[u8], Record<'_>)) -> Result<(), StorageError> {
        for found in self.entries.range::<&[u8]>(prefix..)? {
            let (row, bytes) = found?;
            if !row.value().starts_with(prefix) {
                break;
            }
            if let Some(record) = Record::unchecked(bytes.value()) {
                see(row.value(), record);
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
    pub(super) fn at<T>(&self, row: &Row, look: impl FnOnce(Option<Record<'_>>) -> T) -> Result<T, Failure> {
        let Some(bytes) = self.entries.get(&**row)? else { return Ok(look(None)) };
        let found = Record::read(row, bytes.value());
        let found = found.ok_or_else(|| corrupt(self.path, "the checksum of a value does not match"))?;
        Ok(look(Some(found).filter(Record::is_living)))
    }
}
