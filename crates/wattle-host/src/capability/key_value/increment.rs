//! Numbers: decimal text, as Redis keeps them, from the smallest to the largest of 64 bits with a sign.
//!
//! Every interface sees the same numbers. One whose numbers have no sign is refused what would leave one below zero, and
//! nothing is written.

use std::ops::RangeInclusive;
use std::sync::Arc;

use wattle_backend::key_value::Change;

use super::fault::{Answer, refuse};
use super::open_bucket::{OpenBucket, checked_key};
use super::operation::INCREMENT;

/// What an interface can tell.
pub(super) const SIGNED: RangeInclusive<i64> = i64::MIN..=i64::MAX;
/// What one without a sign can tell.
pub(super) const UNSIGNED: RangeInclusive<i64> = 0..=i64::MAX;

impl OpenBucket {
    /// Adds `delta` to the number at `key`, where a missing one counts as 0, unless the sum would not be in `told`.
    pub(super) async fn increment(&self, key: &str, delta: i128, told: RangeInclusive<i64>) -> Answer<i64> {
        self.caller.watch(INCREMENT, self.add(key, delta, told)).await
    }

    async fn add(&self, key: &str, delta: i128, told: RangeInclusive<i64>) -> Answer<i64> {
        let (key, call) = (checked_key(key)?, self.call().await?);
        let _note = call.writes(Some(key));
        let sum = call.store().update(&call.bucket, key, adding(delta, told)).await?;
        let number = std::str::from_utf8(&sum).ok().and_then(|text| text.parse().ok());
        number.map_or_else(|| refuse("the backend answered something else than the sum"), Ok)
    }
}

fn adding(delta: i128, told: RangeInclusive<i64>) -> Change {
    Arc::new(move |old| {
        let number: i128 = match old {
            None => 0,
            Some(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| "the value at this key is not a number".to_owned())?,
        };
        let sum = number.saturating_add(delta);
        match i64::try_from(sum) {
            Ok(sum) if told.contains(&sum) => Ok(sum.to_string().into()),
            Ok(_) => Err("the number would be below zero, and this interface has no such numbers".to_owned()),
            Err(_) if sum > 0 => Err("the number would be too large".to_owned()),
            Err(_) => Err("the number would be too small".to_owned()),
        }
    })
}
