//! Compare-and-swap: a value is written if what is there is what somebody expects.

use wattle_backend::key_value::{Entry, Swap, Version};

use super::fault::{Answer, Failure, Fault};
use super::open_bucket::{OpenBucket, checked_key, checked_value};
use super::operation::{CURRENT, SWAP};

/// What must be there.
pub(super) struct Expected {
    /// As a guest was told it; a text that is no version is none that could be there.
    pub(super) version: Option<String>,
    /// The bytes.
    pub(super) value: Option<Vec<u8>>,
}

impl Expected {
    fn is_met_by(&self, found: &Entry) -> bool {
        self.version.as_ref().is_none_or(|version| *version == told(found.version))
            && self.value.as_ref().is_none_or(|value| *value == found.value)
    }
}

/// A version as guests are told it.
pub(super) fn told(version: Version) -> String {
    version.0.to_string()
}

impl OpenBucket {
    /// What is at `key`, with its version, for one who may swap it.
    pub(super) async fn current(&self, key: &str) -> Answer<Option<Entry>> {
        self.caller.watch(CURRENT, self.entry(key)).await
    }

    /// What is at `key`, with its version.
    pub(super) async fn entry(&self, key: &str) -> Answer<Option<Entry>> {
        let (key, call) = (checked_key(key)?, self.call().await?);
        Ok(call.store().get(&call.bucket, key).await?)
    }

    /// Writes `value` if the version at `key` is `version` (`None`: if nothing is there).
    pub(super) async fn swap(&self, key: &str, version: Option<Version>, value: Vec<u8>) -> Answer<Swap> {
        self.caller.watch(SWAP, self.swap_version(key, version, value)).await
    }

    /// Writes `value` if `expected` is at `key`. A conflict tells what is there instead.
    pub(super) async fn swap_expected(&self, key: &str, value: Vec<u8>, expected: &Expected) -> Answer<Swap> {
        self.caller.watch(SWAP, self.swap_if(key, value, expected)).await
    }

    async fn swap_version(&self, key: &str, version: Option<Version>, value: Vec<u8>) -> Answer<Swap> {
        let (key, value) = (checked_key(key)?, checked_value(value)?);
        let call = self.call().await?;
        let _note = call.writes(Some(key));
        Ok(call.store().swap(&call.bucket, key, version, value.into()).await?)
    }

    async fn swap_if(&self, key: &str, value: Vec<u8>, expected: &Expected) -> Answer<Swap> {
        if expected.version.is_none() && expected.value.is_none() {
            return Err(Failure::Guest(Fault::Senseless("a swap needs something that it expects")));
        }
        let version = expected.version.as_ref().and_then(|version| version.parse().ok().map(Version));
        if let (Some(version), None) = (version, &expected.value) {
            return self.swap_version(key, Some(version), value).await;
        }
        let (key, value) = (checked_key(key)?, checked_value(value)?);
        // One call: a version is one of the store that it was read in.
        let call = self.call().await?;
        let _note = call.writes(Some(key));
        let mut found = call.store().get(&call.bucket, key).await?;
        // Who else writes in between may have written what is expected: then it is tried again, for as long as the call
        // may take.
        while let Some(entry) = found.take_if(|entry| expected.is_met_by(entry)) {
            match call.store().swap(&call.bucket, key, Some(entry.version), value.clone().into()).await? {
                Swap::Conflict(now) => found = now,
                done @ Swap::Done(_) => return Ok(done),
            }
        }
        Ok(Swap::Conflict(found))
    }
}
