//! What the index of blobs has in its rows, and how writes change them.
//!
//! ```text
//! 00 owner and name (see table_key)   created                      a container; the version is its number
//! 01 container  name                  created size run number      an object, and which content it has
//! 02 run number                                                    some object has this content
//! 03 container                                                     a container that was removed: its objects are to go
//! ```
//!
//! Numbers are of 8 bytes, big-endian; times are nanoseconds since 1970. As a container's number never comes back, its
//! objects are out of reach as soon as its own row is gone.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use wattle_spec::quota::Quota;

use super::content_id::ContentId;
use super::counted;
use crate::blobs::{ObjectEntry, checked};
use crate::bucket::{Bucket, Owner};
use crate::disk::batch::{Batch, Failure};
use crate::disk::cache::Row;
use crate::disk::table_key;
use crate::error::BackendError;
use crate::quota::Tally;

const CONTAINER: u8 = 0;
const OBJECT: u8 = 1;
const CONTENT: u8 = 2;
const REMOVED: u8 = 3;

/// What tells a container from all others that there are, were and will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContainerNumber(pub(super) u64);

/// What the index knows of an object beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ObjectRecord {
    pub(super) created: SystemTime,
    pub(super) size: u64,
    pub(super) content: ContentId,
}

impl ObjectRecord {
    /// A record of now.
    pub(super) fn new(size: u64, content: ContentId) -> Self {
        Self { created: time(nanos(SystemTime::now())), size, content }
    }

    fn bytes(&self) -> Bytes {
        let ContentId { run, number } = self.content;
        numbers([nanos(self.created), self.size, run, number]).into()
    }

    /// The record in a value of the index, if it is one.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let [created, size, run, number] = read_numbers(value)?;
        Some(Self { created: time(created), size, content: ContentId { run, number } })
    }

    /// The same with the name, for whoever asks.
    pub(super) fn entry(&self, name: String) -> ObjectEntry {
        ObjectEntry { name, size: self.size, created: self.created }
    }
}

pub(super) fn container_row(container: &Bucket) -> Result<Row, BackendError> {
    checked(container, "")?;
    let rest = table_key::prefix(container)?;
    Ok([&[CONTAINER], &*rest].concat().into())
}

/// What the rows of the containers of `owner` begin with.
pub(super) fn containers_prefix(owner: &Owner) -> Vec<u8> {
    [&[CONTAINER], &*table_key::owner(owner)].concat()
}

/// What the rows of a container's objects begin with.
pub(super) fn objects_prefix(container: ContainerNumber) -> Vec<u8> {
    row_of(OBJECT, [container.0])
}

pub(super) fn object_row(container: ContainerNumber, name: &str) -> Row {
    [&*objects_prefix(container), name.as_bytes()].concat().into()
}

pub(super) fn content_row(content: ContentId) -> Row {
    row_of(CONTENT, [content.run, content.number]).into()
}

/// What the rows of all contents begin with, and what comes after them.
pub(super) const CONTENTS: Range<&[u8]> = &[CONTENT]..&[CONTENT + 1];

/// The content that a row is of.
pub(super) fn content_of(row: &[u8]) -> Option<ContentId> {
    let [run, number] = read_numbers(row.strip_prefix(&[CONTENT])?)?;
    Some(ContentId { run, number })
}

/// What the rows of all containers begin with that were removed.
pub(super) fn removed_prefix() -> Vec<u8> {
    vec![REMOVED]
}

/// Which container a row says was removed.
pub(super) fn removed_container(row: &[u8]) -> Option<ContainerNumber> {
    let [number] = read_numbers(row.strip_prefix(&[REMOVED])?)?;
    Some(ContainerNumber(number))
}

/// When a container was made, from its value.
pub(super) fn created(value: &[u8]) -> Option<SystemTime> {
    read_numbers(value).map(|[created]| time(created))
}

/// Makes a container. Whether it was not there.
pub(super) fn create_container(batch: &mut Batch<'_>, container: &Bucket, quota: Quota) -> Result<bool, Failure> {
    let row = container_row(container)?;
    if batch.get(&row)?.is_some() {
        return Ok(false);
    }
    counted::check_new(batch, container, quota)?;
    let number = ContainerNumber(batch.set(&row, &numbers([nanos(SystemTime::now())]).into(), None)?.0);
    let (none, one) = (Tally::default(), counted::of_container(container));
    counted::replace(batch, (container, number), (none, one), quota)?;
    Ok(true)
}

/// The containers of `owner`, and the bytes of their names.
pub(super) fn containers_of(batch: &Batch<'_>, owner: &Owner) -> Result<Vec<(ContainerNumber, usize)>, Failure> {
    let prefix = containers_prefix(owner);
    let mut containers = Vec::new();
    batch.each(&prefix, |row, record| {
        let name_bytes = row.len() - prefix.len() - size_of::<u16>();
        containers.push((ContainerNumber(record.version.0), name_bytes));
    })?;
    Ok(containers)
}

/// Removes a container and says which one it was.
pub(super) fn remove_container(batch: &mut Batch<'_>, container: &Bucket) -> Result<Option<ContainerNumber>, Failure> {
    let row = container_row(container)?;
    let Some(entry) = batch.get(&row)? else { return Ok(None) };
    let number = ContainerNumber(entry.version.0);
    counted::remove(batch, container, number)?;
    batch.delete(&row)?;
    batch.set(&row_of(REMOVED, [number.0]).into(), &Bytes::new(), None)?;
    Ok(Some(number))
}

/// Puts an object in its place. The content that was there before.
pub(super) fn place(
    batch: &mut Batch<'_>,
    container: &Bucket,
    (name, record): (&str, &ObjectRecord),
    quota: Quota,
) -> Result<Option<ContentId>, Failure> {
    let number = number_of(batch, container)?;
    let row = object_row(number, name);
    let (old, new) = (tally(batch, &row, name)?, Tally::one(name.len(), record.size));
    counted::replace(batch, (container, number), (old, new), quota)?;
    let old = take(batch, &row)?;
    batch.set(&row, &record.bytes(), None)?;
    batch.set(&content_row(record.content), &Bytes::new(), None)?;
    Ok(old)
}

/// Removes an object. The content that it had.
pub(super) fn remove(batch: &mut Batch<'_>, container: &Bucket, name: &str) -> Result<Option<ContentId>, Failure> {
    let number = number_of(batch, container)?;
    let row = object_row(number, name);
    let old = tally(batch, &row, name)?;
    counted::replace(batch, (container, number), (old, Tally::default()), Quota::default())?;
    take(batch, &row)
}

/// The most bytes that the object may have now.
pub(super) fn room(batch: &mut Batch<'_>, container: &Bucket, name: &str, quota: Quota) -> Result<u64, Failure> {
    let row = object_row(number_of(batch, container)?, name);
    let old = batch.get(&row)?.and_then(|entry| ObjectRecord::read(&entry.value));
    counted::room(batch, (container, name), old, quota)
}

/// Removes some objects of a container that was removed, and the container if there are no others. Their contents.
pub(super) fn take_apart(
    batch: &mut Batch<'_>,
    container: ContainerNumber,
    names: &[String],
    more: bool,
) -> Result<Vec<ContentId>, Failure> {
    let mut contents = Vec::new();
    for name in names {
        contents.extend(take(batch, &object_row(container, name))?);
    }
    if !more {
        batch.delete(&row_of(REMOVED, [container.0]).into())?;
    }
    Ok(contents)
}

fn number_of(batch: &Batch<'_>, container: &Bucket) -> Result<ContainerNumber, Failure> {
    let entry = batch.get(&container_row(container)?)?;
    let entry = entry.ok_or_else(|| Failure::Own(BackendError::no_container(container)))?;
    Ok(ContainerNumber(entry.version.0))
}

/// What is counted for the object at `row`, if there is one.
fn tally(batch: &Batch<'_>, row: &Row, name: &str) -> Result<Tally, Failure> {
    let size = batch.get(row)?.map(|entry| ObjectRecord::read(&entry.value).map_or(0, |object| object.size));
    Ok(size.map(|size| Tally::one(name.len(), size)).unwrap_or_default())
}

fn take(batch: &mut Batch<'_>, row: &Row) -> Result<Option<ContentId>, Failure> {
    let Some(entry) = batch.get(row)? else { return Ok(None) };
    batch.delete(row)?;
    // Of a record that cannot be read, the checksum was right: another release wrote it. Its content stays.
    let Some(record) = ObjectRecord::read(&entry.value) else { return Ok(None) };
    batch.delete(&content_row(record.content))?;
    Ok(Some(record.content))
}

fn row_of<const N: usize>(kind: u8, rest: [u64; N]) -> Vec<u8> {
    [&[kind], &*numbers(rest)].concat()
}

fn numbers<const N: usize>(numbers: [u64; N]) -> Vec<u8> {
    numbers.into_iter().flat_map(u64::to_be_bytes).collect()
}

fn read_numbers<const N: usize>(bytes: &[u8]) -> Option<[u64; N]> {
    let (numbers, []) = bytes.as_chunks::<8>() else { return None };
    let numbers: &[[u8; 8]; N] = numbers.try_into().ok()?;
    Some(numbers.map(u64::from_be_bytes))
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().try_into().unwrap_or(u64::MAX)
}

fn time(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}
