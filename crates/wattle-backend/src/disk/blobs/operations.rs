//! What a caller does with blobs on disk, handed to the threads that may wait for the disk.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::content_id::ContentId;
use super::contents::{Contents, Held};
use super::counted;
use super::index::{self, ContainerNumber, ObjectRecord};
use super::new_content::NewContent;
use super::sweeper::Task;
use crate::blobs::{Content, Object, ObjectEntry, ObjectPage, clamped};
use crate::bucket::Bucket;
use crate::disk::batch::Batch;
use crate::disk::cache::Row;
use crate::disk::rows::Rows;
use crate::disk::storage_error::corrupt;
use crate::disk::workers::Workers;
use crate::error::BackendError;
use crate::quota::Quotas;

/// How much of a content is read or written in one step, about, in bytes: four blocks.
const PIECE_BYTES: u64 = 256 << 10;

/// What all operations share.
pub(super) struct Shared {
    pub(super) rows: Arc<Rows>,
    pub(super) contents: Arc<Contents>,
    pub(super) readers: Workers,
    pub(super) writers: Workers,
    pub(super) places: Arc<Semaphore>,
    pub(super) quotas: Quotas,
}

impl Shared {
    async fn number(&self, container: &Bucket) -> Result<ContainerNumber, BackendError> {
        let entry = self.rows.get(index::container_row(container)?).await?;
        entry.map(|entry| ContainerNumber(entry.version.0)).ok_or_else(|| BackendError::no_container(container))
    }

    pub(super) fn damaged_record(&self) -> BackendError {
        corrupt(self.rows.path(), "what it has of a container or an object is something else")
    }

    async fn record(&self, row: &Row) -> Result<Option<ObjectRecord>, BackendError> {
        let Some(entry) = self.rows.get(row.clone()).await? else { return Ok(None) };
        ObjectRecord::read(&entry.value).map(Some).ok_or_else(|| self.damaged_record())
    }

    /// An object and its content, which stays until it is dropped.
    async fn held(&self, row: &Row) -> Result<Option<(ObjectRecord, Held)>, BackendError> {
        let mut found = self.record(row).await?;
        while let Some(record) = found {
            let held = self.contents.hold(record.content);
            // If it is still there now, it was not yet discarded when we took hold of it.
            found = self.record(row).await?;
            if found.is_some_and(|found| found.content == record.content) {
                return Ok(Some((record, held)));
            }
        }
        Ok(None)
    }

    pub(super) async fn read(
        self: Arc<Self>,
        container: &Bucket,
        name: String,
        range: Range<u64>,
    ) -> Result<Option<Object>, BackendError> {
        let row = index::object_row(self.number(container).await?, &name);
        let Some((record, held)) = self.held(&row).await? else { return Ok(None) };
        let content = self.content(record.size, Arc::new(held), clamped(range, record.size));
        Ok(Some(Object { entry: record.entry(name), content }))
    }

    /// What `range` has of a content of `size` bytes, read in pieces, each when it is asked for.
    fn content(self: Arc<Self>, size: u64, held: Arc<Held>, range: Range<u64>) -> Content {
        let pieces = stream::try_unfold(range.start, move |at| {
            let (shared, held, end) = (self.clone(), held.clone(), range.end);
            async move {
                if at >= end {
                    return Ok(None);
                }
                let next = end.min((at / PIECE_BYTES + 1) * PIECE_BYTES);
                let piece = shared.readers.run(PIECE_BYTES as usize, move || held.read(size, &(at..next)));
                Ok(Some((piece.await?, next)))
            }
        });
        pieces.boxed()
    }

    pub(super) async fn write(
        &self,
        container: Bucket,
        name: String,
        mut content: Content,
    ) -> Result<ObjectEntry, BackendError> {
        self.number(&container).await?;
        self.contents.files.trusted()?;
        let place = self.places.clone().acquire_owned().await.map_err(|_| BackendError::Closed)?;
        let mut new = NewContent::new(&self.contents, place);
        let mut room = Room { shared: self, container: &container, name: &name, bytes: 0 };
        loop {
            let piece = gather(&mut content).await?;
            let last = (piece.len() as u64) < PIECE_BYTES;
            if !last {
                room.check(new.size() + piece.len() as u64).await?;
            }
            let write = move || {
                new.append(&piece)?;
                if last {
                    new.finish()?;
                }
                Ok(new)
            };
            new = self.writers.run(PIECE_BYTES as usize, write).await?;
            if last {
                return self.place(container, name, new).await;
            }
        }
    }

    /// Puts an object in its place, with a content that the disk has.
    async fn place(&self, container: Bucket, name: String, new: NewContent) -> Result<ObjectEntry, BackendError> {
        self.contents.files.trusted()?;
        let record = ObjectRecord::new(new.size(), new.id());
        let (entry, contents) = (record.entry(name.clone()), self.contents.clone());
        let settled = move |result: &Result<Option<ContentId>, BackendError>| match result {
            Ok(old) => {
                new.keep();
                old.iter().for_each(|&old| contents.discard(old));
            }
            Err(_) => new.doubt(),
        };
        let quota = self.quotas.of(&container.owner);
        let work = move |batch: &mut Batch<'_>| index::place(batch, &container, (&name, &record), quota);
        self.rows.write_then(entry.name.len(), work, settled).await?;
        Ok(entry)
    }

    pub(super) async fn remove(&self, container: Bucket, name: String) -> Result<(), BackendError> {
        let contents = self.contents.clone();
        let settled = move |result: &Result<Option<ContentId>, BackendError>| {
            result.iter().flatten().for_each(|&old| contents.discard(old));
        };
        let work = move |batch: &mut Batch<'_>| index::remove(batch, &container, &name);
        self.rows.write_then(0, work, settled).await.map(drop)
    }

    pub(super) async fn remove_container(&self, container: Bucket) -> Result<(), BackendError> {
        let contents = self.contents.clone();
        let settled = move |result: &Result<Option<ContainerNumber>, BackendError>| {
            result.iter().flatten().for_each(|&removed| contents.task(Task::Container(removed)));
        };
        let work = move |batch: &mut Batch<'_>| index::remove_container(batch, &container);
        self.rows.write_then(0, work, settled).await.map(drop)
    }

    pub(super) async fn list(
        self: Arc<Self>,
        container: &Bucket,
        after: Option<String>,
        limit: usize,
    ) -> Result<ObjectPage, BackendError> {
        let prefix = index::objects_prefix(self.number(container).await?);
        let shared = self.clone();
        let page = self.rows.read(move |view| {
            let mut rows = view.scan(&prefix, after.as_deref())?;
            ObjectPage::take(limit, || {
                let Some(found) = rows.next()? else { return Ok(None) };
                let record = ObjectRecord::read(&found.entry()?.value).ok_or_else(|| shared.damaged_record())?;
                Ok(Some(record.entry(found.name()?.to_owned())))
            })
        });
        page.await
    }
}

/// How large an object may become, as far as is known: what is written in one step is not asked for before its end.
struct Room<'a> {
    shared: &'a Shared,
    container: &'a Bucket,
    name: &'a str,
    bytes: u64,
}

impl Room<'_> {
    /// Refuses `size` bytes if there is no room for them now.
    async fn check(&mut self, size: u64) -> Result<(), BackendError> {
        let quota = self.shared.quotas.of(&self.container.owner);
        if size <= self.bytes || !quota.is_some() {
            return Ok(());
        }
        let (container, name) = (self.container.clone(), self.name.to_owned());
        let room = move |batch: &mut Batch<'_>| index::room(batch, &container, &name, quota);
        self.bytes = self.shared.rows.write(self.name.len(), room).await?;
        match size <= self.bytes {
            true => Ok(()),
            false => Err(counted::too_many(quota)),
        }
    }
}

/// As much of a content as is written in one step; less, when it has ended. Small pieces are put together, since each may
/// be a part of a large buffer.
async fn gather(content: &mut Content) -> Result<Bytes, BackendError> {
    let mut gathered = Vec::new();
    while (gathered.len() as u64) < PIECE_BYTES {
        let Some(piece) = content.next().await.transpose()? else { break };
        if gathered.is_empty() && piece.len() as u64 >= PIECE_BYTES {
            return Ok(piece);
        }
        gathered.extend_from_slice(&piece);
    }
    Ok(gathered.into())
}
