//! The messages of one group on the disk.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::codec;
use super::layout::{self, Slot};
use crate::bus::Message;
use crate::disk::rows::Rows;
use crate::disk::storage_error::corrupt;
use crate::error::BackendError;
use crate::exchange::Shelf;

/// Where the messages of a group are.
pub(super) struct DiskShelf {
    pub(super) rows: Arc<Rows>,
    pub(super) group: u64,
}

impl DiskShelf {
    fn slot(&self, number: u64) -> Slot {
        Slot { group: self.group, number }
    }
}

async fn read(rows: &Rows, slot: Slot) -> Result<Option<Message>, BackendError> {
    let damaged = |what: &str| corrupt(rows.path(), format!("message {} {what}", slot.number));
    match rows.get(slot.message()).await? {
        Some(entry) => codec::message(&entry.value).ok_or_else(|| damaged("is not what was written")).map(Some),
        None if rows.get(slot.queued()).await?.is_some() => Err(damaged("is missing")),
        None => Ok(None),
    }
}

impl Shelf for DiskShelf {
    fn group(&self) -> u64 {
        self.group
    }

    fn read(&self, number: u64) -> BoxFuture<'static, Result<Option<Message>, BackendError>> {
        let (rows, slot) = (self.rows.clone(), self.slot(number));
        async move { read(&rows, slot).await }.boxed()
    }

    fn remove(&self, number: u64) -> BoxFuture<'static, Result<(), BackendError>> {
        let (rows, slot) = (self.rows.clone(), self.slot(number));
        async move { rows.write(0, move |batch| layout::remove(batch, slot)).await }.boxed()
    }

    fn delay(&self, number: u64, attempt: u32, span: Duration) -> BoxFuture<'static, Result<(), BackendError>> {
        let (rows, slot) = (self.rows.clone(), self.slot(number));
        async move { rows.write(0, move |batch| layout::delay(batch, slot, attempt, span)).await }.boxed()
    }
}
