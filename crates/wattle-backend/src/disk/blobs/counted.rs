//! What owners keep in blobs: a tally for each owner, and one for each of its containers, so that all of it is given back
//! when the container is removed.
//!
//! An owner is counted from its first write with a quota on, when what is there already is counted once.

use wattle_spec::quota::Quota;

use super::index::{self, ContainerNumber, ObjectRecord};
use crate::bucket::{Bucket, Owner};
use crate::disk::batch::{Batch, Failure};
use crate::disk::table_key;
use crate::error::BackendError;
use crate::quota::Tally;

/// What the tally of a container begins with. None of an owner does (see `table_key`).
const CONTAINER: u8 = 0xff;

/// Counts `new` in the place of `old` in a container and for its owner, unless that is more than `quota`.
pub(super) fn replace(
    batch: &mut Batch<'_>,
    (container, number): (&Bucket, ContainerNumber),
    (old, new): (Tally, Tally),
    quota: Quota,
) -> Result<(), Failure> {
    let Some(tally) = tally(batch, &container.owner, quota)? else { return Ok(()) };
    let next = tally.replaced(old, new, quota)?;
    let of_container = batch.tally(&key(number))?.unwrap_or_default() - old + new;
    batch.set_tally(&table_key::owner(&container.owner), Some(next));
    batch.set_tally(&key(number), Some(of_container));
    Ok(())
}

/// Refuses one more container with that name, if there may be no more.
pub(super) fn check_new(batch: &mut Batch<'_>, container: &Bucket, quota: Quota) -> Result<(), Failure> {
    let Some(tally) = tally(batch, &container.owner, quota)? else { return Ok(()) };
    tally.replaced(Tally::default(), of_container(container), quota)?;
    Ok(())
}

/// Counts a container and all that is in it no more.
pub(super) fn remove(batch: &mut Batch<'_>, container: &Bucket, number: ContainerNumber) -> Result<(), Failure> {
    let owner = table_key::owner(&container.owner);
    let (Some(tally), Some(of_container)) = (batch.tally(&owner)?, batch.tally(&key(number))?) else { return Ok(()) };
    batch.set_tally(&owner, Some(tally - of_container));
    batch.set_tally(&key(number), None);
    Ok(())
}

/// The most bytes that an object in the place of `old` may have now.
pub(super) fn room(
    batch: &mut Batch<'_>,
    (container, name): (&Bucket, &str),
    old: Option<ObjectRecord>,
    quota: Quota,
) -> Result<u64, Failure> {
    let Some(tally) = tally(batch, &container.owner, quota)? else { return Ok(u64::MAX) };
    let old_size = old.map_or(0, |old| old.size);
    let old = old.map(|old| Tally::one(name.len(), old.size)).unwrap_or_default();
    tally.replaced(old, Tally::one(name.len(), 0), quota)?;
    let others = (tally - old + Tally::one(name.len(), 0)).bytes;
    Ok(quota.bytes.map_or(u64::MAX, |limit| limit.saturating_sub(others).max(old_size)))
}

/// That of a container without its objects.
pub(super) fn of_container(container: &Bucket) -> Tally {
    Tally::one(container.name.len(), 0)
}

/// What the owner keeps; `None`: nobody needs to know.
fn tally(batch: &mut Batch<'_>, owner: &Owner, quota: Quota) -> Result<Option<Tally>, Failure> {
    let key_of_owner = table_key::owner(owner);
    let known = batch.tally(&key_of_owner)?;
    if known.is_some() || !quota.is_some() {
        return Ok(known);
    }
    let mut all = Tally::default();
    for (number, name_bytes) in index::containers_of(batch, owner)? {
        let mut of_container = Tally::one(name_bytes, 0);
        let prefix = index::objects_prefix(number);
        batch.each(&prefix, |row, record| {
            let size = ObjectRecord::read(record.value).map_or(0, |object| object.size);
            of_container += Tally::one(row.len() - prefix.len(), size);
        })?;
        batch.set_tally(&key(number), Some(of_container));
        all += of_container;
    }
    batch.set_tally(&key_of_owner, Some(all));
    batch.touch()?;
    Ok(Some(all))
}

fn key(container: ContainerNumber) -> Vec<u8> {
    [&[CONTAINER][..], &container.0.to_be_bytes()].concat()
}

/// That an object has more bytes than there is room for.
pub(super) fn too_many(quota: Quota) -> BackendError {
    BackendError::Quota { limit: quota.bytes.unwrap_or(u64::MAX), unit: "bytes" }
}
