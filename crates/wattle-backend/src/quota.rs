//! What owners keep in a store, and how much they may.
//!
//! Counted are keys (in a store of blobs: objects and containers), and the bytes of keys and values (of the names of
//! objects and containers, and of contents); neither the names of buckets nor what a backend needs beside. A write that
//! keeps no more keys and no more bytes than were there always passes, however much that is.

use std::collections::HashMap;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wattle_spec::quota::Quota;

use crate::bucket::Owner;
use crate::error::BackendError;

/// How much there is of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) keys: u64,
    pub(crate) bytes: u64,
}

impl Tally {
    /// That of one entry, object or container, where its name and what it holds have so many bytes.
    pub(crate) fn one(name_bytes: usize, content_bytes: u64) -> Self {
        Self { keys: 1, bytes: content_bytes.saturating_add(name_bytes as u64) }
    }

    /// This with `new` in the place of `old`, which is part of it, if that grows no further than `quota`.
    pub(crate) fn replaced(self, old: Self, new: Self, quota: Quota) -> Result<Self, BackendError> {
        let next = self - old + new;
        let over = |next: u64, now: u64, limit: Option<u64>| limit.filter(|limit| next > now && next > *limit);
        if let Some(limit) = over(next.keys, self.keys, quota.keys) {
            return Err(BackendError::Quota { limit, unit: "keys" });
        }
        match over(next.bytes, self.bytes, quota.bytes) {
            Some(limit) => Err(BackendError::Quota { limit, unit: "bytes" }),
            None => Ok(next),
        }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { keys: self.keys.saturating_add(other.keys), bytes: self.bytes.saturating_add(other.bytes) }
    }
}

impl Sub for Tally {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { keys: self.keys.saturating_sub(other.keys), bytes: self.bytes.saturating_sub(other.bytes) }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// What each owner may keep in a store. Who is not in it may keep what there is room for.
#[derive(Default)]
pub(crate) struct Quotas(Mutex<HashMap<Owner, Quota>>);

impl Quotas {
    /// From now on `owner` may keep so much, whatever it may have kept before.
    pub(crate) fn set(&self, owner: &Owner, quota: Quota) {
        match quota.is_some() {
            true => self.lock().insert(owner.clone(), quota),
            false => self.lock().remove(owner),
        };
    }

    /// What `owner` may keep.
    pub(crate) fn of(&self, owner: &Owner) -> Quota {
        self.lock().get(owner).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, Quota>> {
        // Whole at every point where a panic could come.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What each owner keeps in a store that forgets it when it ends, and how much it may.
#[derive(Default)]
pub(crate) struct Tallies(Mutex<HashMap<Owner, (Tally, Quota)>>);

impl Tallies {
    /// From now on `owner` may keep so much.
    pub(crate) fn limit(&self, owner: &Owner, quota: Quota) {
        self.lock().entry(owner.clone()).or_default().1 = quota;
    }

    /// Counts `new` in the place of `old`, unless that grows further than the owner may, or `also` fails, which is quick.
    pub(crate) fn replace(
        &self,
        owner: &Owner,
        (old, new): (Tally, Tally),
        also: impl FnOnce() -> Result<(), BackendError>,
    ) -> Result<(), BackendError> {
        let mut tallies = self.lock();
        let (tally, quota) = tallies.get(owner).copied().unwrap_or_default();
        let next = (tally.replaced(old, new, quota)?, quota);
        also()?;
        match tallies.get_mut(owner) {
            Some(known) => *known = next,
            None => _ = tallies.insert(owner.clone(), next),
        }
        Ok(())
    }

    /// Refuses if [`replace`](Self::replace) would now.
    pub(crate) fn check(&self, owner: &Owner, old: Tally, new: Tally) -> Result<(), BackendError> {
        let (tally, quota) = self.lock().get(owner).copied().unwrap_or_default();
        tally.replaced(old, new, quota).map(drop)
    }

    /// Counts `old` no more.
    pub(crate) fn remove(&self, owner: &Owner, old: Tally) {
        if let Some((tally, _)) = self.lock().get_mut(owner) {
            *tally -= old;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Owner, (Tally, Quota)>> {
        // Whole at every point where a panic could come.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: u64, new: u64, expected: Option<u64>) {
        let kept = Tally { keys: 3, bytes: 100 };
        let quota = Quota { keys: Some(3), bytes: Some(80) };
        let (old, new) = (Tally { keys: 1, bytes: old }, Tally { keys: 1, bytes: new });
        let next = kept.replaced(old, new, quota).ok().map(|next| next.bytes);
        assert_eq!(next, expected, "{old:?} replaced by {new:?}");
    }

    #[test]
    fn what_does_not_grow_passes_also_above_a_quota_that_was_lowered() {
        check(40, 40, Some(100));
        check(40, 30, Some(90));
        check(40, 41, None);
        check(90, 10, Some(20));
    }

    #[test]
    fn each_unit_has_its_own_limit() {
        let kept = Tally { keys: 3, bytes: 10 };
        let quota = Quota { keys: Some(3), bytes: None };
        let error = kept.replaced(Tally::default(), Tally::one(1, 1), quota).expect_err("a fourth key");
        assert!(matches!(error, BackendError::Quota { limit: 3, unit: "keys" }), "{error:?}");
        let one = Tally::one(1, 1);
        assert!(kept.replaced(one, Tally::one(1, u64::MAX), quota).is_ok(), "bytes have no limit");
    }
}
