//! What the file of messages has in its rows, and how writes change them.
//!
//! ```text
//! 00 owner and name (see table_key)  pattern   a group; the version is its number
//! 01 group  number                             a message that waits: attempts, due, span, bytes (see `Queued`)
//! 02 group  number                             the message (see codec)
//! ```
//!
//! Numbers are of 8 bytes, big-endian, so that messages are in their order. As a group's number never comes back, what
//! is left of one that was forgotten is out of reach.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::codec;
use crate::bucket::{Bucket, Owner};
use crate::bus::GroupId;
use crate::disk::batch::{Batch, Failure};
use crate::disk::cache::Row;
use crate::disk::database::View;
use crate::disk::table_key;
use crate::error::BackendError;

const GROUP: u8 = 0;
const QUEUED: u8 = 1;
const MESSAGE: u8 = 2;

/// Where a message of one group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    pub(super) group: u64,
    pub(super) number: u64,
}

/// What is known of a message that waits, beside what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Queued {
    /// How often it was delivered.
    attempt: u64,
    /// When it comes again, in milliseconds since 1970; and after how many of them that was when it was written, so
    /// that it does not have to wait for longer if the clock was wrong.
    due: u64,
    span: u64,
    /// The bytes that count against limits.
    bytes: u64,
}

/// What was kept when the file was opened.
pub(super) struct Kept {
    pub(super) groups: Vec<(Owner, GroupId, u64)>,
    /// In the order of groups, and of messages within them.
    pub(super) messages: Vec<(Slot, Queued)>,
}

impl Queued {
    /// A message that nobody was given yet.
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes: bytes as u64, ..Self::default() }
    }

    pub(super) fn attempt(&self) -> u32 {
        u32::try_from(self.attempt).unwrap_or(u32::MAX)
    }

    pub(super) fn bytes(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }

    /// After how long it comes again. None: now.
    pub(super) fn due_in(&self, now: SystemTime) -> Option<Duration> {
        let left = self.due.saturating_sub(millis_since_1970(now)).min(self.span);
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// The same, delivered so often and to come again after `span`.
    fn delayed(self, attempt: u32, span: Duration, now: SystemTime) -> Self {
        let span = millis(span);
        Self { attempt: attempt.into(), due: millis_since_1970(now).saturating_add(span), span, ..self }
    }

    fn value(self) -> Bytes {
        let Self { attempt, due, span, bytes } = self;
        [attempt, due, span, bytes].map(u64::to_be_bytes).concat().into()
    }

    fn read(value: &[u8]) -> Option<Self> {
        let (numbers, []) = value.as_chunks::<8>() else { return None };
        let [attempt, due, span, bytes] = *numbers else { return None };
        let [attempt, due, span, bytes] = [attempt, due, span, bytes].map(u64::from_be_bytes);
        Some(Self { attempt, due, span, bytes })
    }
}

/// Up to a whole one, so that nothing comes too early.
fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn millis_since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, millis)
}

impl Slot {
    /// Where the message itself is.
    pub(super) fn message(self) -> Row {
        self.row(MESSAGE)
    }

    /// Where it is noted that it waits.
    pub(super) fn queued(self) -> Row {
        self.row(QUEUED)
    }

    fn row(self, kind: u8) -> Row {
        [&[kind][..], &self.group.to_be_bytes(), &self.number.to_be_bytes()].concat().into()
    }

    fn of(row: &[u8]) -> Option<Self> {
        let (numbers, []) = row.get(1..)?.as_chunks::<8>() else { return None };
        let [group, number] = *numbers else { return None };
        Some(Self { group: u64::from_be_bytes(group), number: u64::from_be_bytes(number) })
    }
}

/// The row of a group.
pub(super) fn group_row(owner: &Owner, group: &GroupId) -> Result<Row, BackendError> {
    let bucket = Bucket { owner: owner.clone(), name: group.name.clone() };
    let rest = table_key::row(&bucket, group.pattern.as_str())?;
    Ok([&[GROUP], &*rest].concat().into())
}

/// The number of a group, which is made if there is none.
pub(super) fn make_group(batch: &mut Batch<'_>, row: &Row, value: &Bytes) -> Result<u64, Failure> {
    match batch.get(row)? {
        Some(entry) => Ok(entry.version.0),
        None => Ok(batch.set(row, value, None)?.0),
    }
}

/// Removes a group and says which one it was. Its messages are then out of reach.
pub(super) fn remove_group(batch: &mut Batch<'_>, row: &Row) -> Result<Option<u64>, Failure> {
    let number = batch.get(row)?.map(|entry| entry.version.0);
    batch.delete(row)?;
    Ok(number)
}

/// Puts in a message.
pub(super) fn put(batch: &mut Batch<'_>, slot: Slot, queued: Queued, message: &Bytes) -> Result<(), Failure> {
    batch.set(&slot.message(), message, None)?;
    batch.set(&slot.queued(), &queued.value(), None)?;
    Ok(())
}

/// Takes note that a message comes again, if it is still there.
pub(super) fn delay(batch: &mut Batch<'_>, slot: Slot, attempt: u32, span: Duration) -> Result<(), Failure> {
    let row = slot.queued();
    // What is damaged is known anew.
    let queued = match batch.get(&row) {
        Ok(None) => return Ok(()),
        Ok(Some(entry)) => Queued::read(&entry.value).unwrap_or_default(),
        Err(Failure::Own(BackendError::Corrupt { .. })) => Queued::default(),
        Err(error) => return Err(error),
    };
    batch.set(&row, &queued.delayed(attempt, span, SystemTime::now()).value(), None)?;
    Ok(())
}

/// Removes a message.
pub(super) fn remove(batch: &mut Batch<'_>, slot: Slot) -> Result<(), Failure> {
    batch.delete(&slot.message())?;
    batch.delete(&slot.queued())
}

/// The first messages of a group, at most `limit`.
pub(super) fn first(view: &View<'_>, group: u64, limit: usize) -> Result<Vec<Slot>, BackendError> {
    let prefix = [&[QUEUED][..], &group.to_be_bytes()].concat();
    let mut rows = view.scan(&prefix, None)?;
    let mut slots = Vec::new();
    while slots.len() < limit
        && let Some(found) = rows.next()?
    {
        slots.extend(Slot::of(found.row()));
    }
    Ok(slots)
}

/// Everything that is kept, but for the messages themselves.
pub(super) fn kept(view: &View<'_>) -> Result<Kept, BackendError> {
    let mut kept = Kept { groups: Vec::new(), messages: Vec::new() };
    let mut rows = view.scan(&[GROUP], None)?;
    while let Some(found) = rows.next()? {
        let entry = found.entry()?;
        let (owner, id) = codec::group(&entry.value).ok_or_else(|| found.damaged("a group is not what was written"))?;
        kept.groups.push((owner, id, entry.version.0));
    }
    let mut rows = view.scan(&[QUEUED], None)?;
    while let Some(found) = rows.next()? {
        let Some(slot) = Slot::of(found.row()) else { continue };
        let queued = match found.entry() {
            Ok(entry) => Queued::read(&entry.value),
            Err(BackendError::Corrupt { .. }) => None,
            Err(error) => return Err(error),
        };
        // The message has a checksum of its own: it is delivered as if for the first time.
        let queued = queued.unwrap_or_else(|| {
            tracing::warn!(number = slot.number, "what was known of a message that waits is damaged; it comes at once");
            Queued::default()
        });
        kept.messages.push((slot, queued));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_makes_nobody_wait_for_longer_than_the_span() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let queued = Queued::new(7).delayed(3, Duration::from_secs(5), now);
        assert_eq!(Queued::read(&queued.value()), Some(queued));
        let due_in = |now| queued.due_in(now).map(|left| left.as_secs());
        assert_eq!(due_in(now), Some(5));
        assert_eq!(due_in(now + Duration::from_secs(2)), Some(3));
        assert_eq!(due_in(now + Duration::from_secs(5)), None);
        assert_eq!(due_in(now - Duration::from_secs(3600)), Some(5));
    }
}
