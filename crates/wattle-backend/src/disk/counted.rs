//! The writes of keys and values, each counted for its owner in the transaction that it is part of.
//!
//! An owner is counted from its first write with a quota on. What is there by then was written by an older release, or
//! before there was a quota, and is counted once.

use bytes::Bytes;
use wattle_spec::quota::Quota;

use super::batch::{Batch, Failure};
use super::cache::Row;
use super::table_key;
use crate::error::BackendError;
use crate::key_value::{Change, Swap, Version, changed};
use crate::lifetime::Moment;
use crate::quota::Tally;

/// How many entries that have ended are removed at once if there is no room for a write.
const SWEPT_FOR_ROOM: usize = 1024;

/// Where a key is, and what its owner may keep.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) row: Row,
    pub(super) quota: Quota,
}

impl Place {
    /// Writes `value` there, to be there until `ends`.
    pub(super) fn set(&self, batch: &mut Batch<'_>, value: &Bytes, ends: Option<Moment>) -> Result<Version, Failure> {
        self.count(batch, Some(value.len()))?;
        batch.set(&self.row, value, ends)
    }

    /// Removes what is there.
    pub(super) fn delete(&self, batch: &mut Batch<'_>) -> Result<(), Failure> {
        self.count(batch, None)?;
        batch.delete(&self.row)
    }

    /// Writes `value` there if the version is `expected`.
    pub(super) fn swap(
        &self,
        batch: &mut Batch<'_>,
        expected: Option<Version>,
        value: &Bytes,
        ends: Option<Moment>,
    ) -> Result<Swap, Failure> {
        match batch.at(&self.row, |found| found.map(|found| found.version) == expected)? {
            true => self.set(batch, value, ends).map(Swap::Done),
            false => batch.get(&self.row).map(Swap::Conflict),
        }
    }

    /// Replaces the value there by what `change` makes of it.
    pub(super) fn update(&self, batch: &mut Batch<'_>, change: &Change) -> Result<Bytes, Failure> {
        let (value, ends) = batch.at(&self.row, |found| {
            let value = changed(change, found.map(|found| found.value));
            value.map(|value| (value, found.and_then(|found| found.ends)))
        })??;
        self.set(batch, &value, ends)?;
        Ok(value)
    }

    /// Counts a value of so many bytes, or none, in the place of what is there.
    fn count(&self, batch: &mut Batch<'_>, value_bytes: Option<usize>) -> Result<(), Failure> {
        let Some((owner, key_bytes)) = table_key::parts(&self.row) else { return Ok(()) };
        let Some(tally) = self.tally(batch, owner)? else { return Ok(()) };
        let new = value_bytes.map(|bytes| Tally::one(key_bytes, bytes as u64)).unwrap_or_default();
        let next = match tally.replaced(old(batch, &self.row, key_bytes)?, new, self.quota) {
            Err(BackendError::Quota { .. }) if batch.sweep(SWEPT_FOR_ROOM)? > 0 => {
                let tally = batch.tally(owner)?.unwrap_or_default();
                tally.replaced(old(batch, &self.row, key_bytes)?, new, self.quota)?
            }
            next => next?,
        };
        batch.set_tally(owner, Some(next));
        Ok(())
    }

    /// What the owner keeps; `None`: nobody needs to know.
    fn tally(&self, batch: &mut Batch<'_>, owner: &[u8]) -> Result<Option<Tally>, Failure> {
        let known = batch.tally(owner)?;
        if known.is_some() || !self.quota.is_some() {
            return Ok(known);
        }
        let mut counted = Tally::default();
        batch.each(owner, |row, record| {
            let key_bytes = table_key::parts(row).map_or(0, |(_, key_bytes)| key_bytes);
            counted += Tally::one(key_bytes, record.value.len() as u64);
        })?;
        batch.set_tally(owner, Some(counted));
        // Also if the write is refused: it is not counted again.
        batch.touch()?;
        Ok(Some(counted))
    }
}

fn old(batch: &Batch<'_>, row: &Row, key_bytes: usize) -> Result<Tally, Failure> {
    let value_bytes = batch.value_bytes(row)?;
    Ok(value_bytes.map(|bytes| Tally::one(key_bytes, bytes)).unwrap_or_default())
}
