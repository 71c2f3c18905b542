//! Compare-and-swap: a value is written if what is there is what somebody expects.

use std::fmt;

use bytes::Bytes;
use wattle_backend::key_value::{Entry, KeyValue, Swap, Version};
use wattle_spec::name::BackendName;

use super::fault::{Answer, Failure, Fault};
use super::open_bucket::{OpenBucket, checked_key, checked_value};
use super::operation::{CURRENT, SWAP};
use crate::capability::keep::Call;

/// A version that a guest was told, and whose it is: after a move, or behind another link, the same number means another
/// value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    backend: BackendName,
    version: Version,
}

/// A value with its version.
pub(super) struct Current {
    pub(super) value: Bytes,
    pub(super) seen: Seen,
}

/// What must be there.
pub(super) struct Expected {
    /// As a guest was told it; a text that is no version is none that could be there.
    pub(super) version: Option<String>,
    /// The bytes.
    pub(super) value: Option<Vec<u8>>,
}

/// What became of a swap.
pub(super) enum Swapped {
    /// The new value is there now.
    Done,
    /// Something else was there: this, or nothing. Nothing was written.
    Conflict(Option<Current>),
}

/// As guests are told it.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.backend, self.version.0)
    }
}

impl Seen {
    /// Of a text that a guest was told; `None`: nobody was.
    fn read(text: &str) -> Option<Self> {
        let (backend, version) = text.split_once(':')?;
        let seen = Self { backend: backend.parse().ok()?, version: Version(version.parse().ok()?) };
        (seen.to_string() == text).then_some(seen)
    }
}

impl Expected {
    fn is_met_by(&self, found: &Current) -> bool {
        self.version.as_ref().is_none_or(|version| *version == found.seen.to_string())
            && self.value.as_ref().is_none_or(|value| *value == found.value)
    }
}

impl OpenBucket {
    /// What is at `key`, with its version, for one who may swap it.
    pub(super) async fn current(&self, key: &str) -> Answer<Option<Current>> {
        let found = async {
            let (key, call) = (checked_key(key)?, self.call().await?);
            now(&call, key).await
        };
        self.caller.watch(CURRENT, found).await
    }

    /// Writes `value` if what is at `key` is what was `seen` there (`None`: if nothing is there).
    pub(super) async fn swap(&self, key: &str, seen: Option<&Seen>, value: Vec<u8>) -> Answer<Swapped> {
        self.caller.watch(SWAP, self.swap_seen(key, seen, value)).await
    }

    /// Writes `value` if `expected` is at `key`. A conflict tells what is there instead.
    pub(super) async fn swap_expected(&self, key: &str, value: Vec<u8>, expected: &Expected) -> Answer<Swapped> {
        self.caller.watch(SWAP, self.swap_if(key, value, expected)).await
    }

    async fn swap_seen(&self, key: &str, seen: Option<&Seen>, value: Vec<u8>) -> Answer<Swapped> {
        let (key, value, call) = (checked_key(key)?, checked_value(value)?, self.call().await?);
        match seen {
            Some(seen) if seen.backend != *call.backend() => Ok(Swapped::Conflict(now(&call, key).await?)),
            seen => put(&call, key, seen.map(|seen| seen.version), value).await,
        }
    }

    async fn swap_if(&self, key: &str, value: Vec<u8>, expected: &Expected) -> Answer<Swapped> {
        if expected.version.is_none() && expected.value.is_none() {
            return Err(Failure::Guest(Fault::Senseless("a swap needs something that it expects")));
        }
        let seen = expected.version.as_deref().and_then(Seen::read);
        if let (Some(seen), None) = (seen, &expected.value) {
            return self.swap_seen(key, Some(&seen), value).await;
        }
        // One call: a version is one of the store that it was read in.
        let (key, value, call) = (checked_key(key)?, checked_value(value)?, self.call().await?);
        let mut found = now(&call, key).await?;
        // Who else writes in between may have written what is expected: then it is tried again, for as long as the call
        // may take.
        while let Some(current) = found.take_if(|current| expected.is_met_by(current)) {
            match put(&call, key, Some(current.seen.version), value.clone()).await? {
                Swapped::Conflict(other) => found = other,
                Swapped::Done => return Ok(Swapped::Done),
            }
        }
        Ok(Swapped::Conflict(found))
    }
}

/// What is at `key` now.
async fn now(call: &Call<'_, dyn KeyValue>, key: &str) -> Answer<Option<Current>> {
    let found = call.store().get(&call.bucket, key).await?;
    Ok(found.map(|entry| told(call, entry)))
}

async fn put(call: &Call<'_, dyn KeyValue>, key: &str, version: Option<Version>, value: Bytes) -> Answer<Swapped> {
    let _note = call.writes(Some(key));
    Ok(match call.store().swap(&call.bucket, key, version, value.into()).await? {
        Swap::Done(_) => Swapped::Done,
        Swap::Conflict(found) => Swapped::Conflict(found.map(|entry| told(call, entry))),
    })
}

fn told(call: &Call<'_, dyn KeyValue>, entry: Entry) -> Current {
    Current { value: entry.value, seen: Seen { backend: call.backend().clone(), version: entry.version } }
}
