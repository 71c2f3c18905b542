//! Quotas as limits of streams, which the server keeps to, however many hosts write.
//!
//! The server counts what it stores: to the bytes of a key and its value come those of the subject and the headers and
//! some 30 more, and a message that is to be replaced counts beside the new one, unless that is smaller. A stream whose
//! limits are a quota's is marked as such, so that they can be taken back; those that somebody else gave it stay.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use serde_json::{Value, json};
use wattle_spec::quota::Quota;

use super::api::ApiError;
use super::layout::NatsLayout;
use super::session::Session;
use crate::error::BackendError;

/// In the metadata of a stream: its limits are those of a quota.
const MARK: &str = "wattle-quota";

/// What a stream may hold by its layout and a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamLimits {
    quota: Quota,
    max_messages: i64,
    max_bytes: i64,
}

impl StreamLimits {
    /// Those of a stream with a message for each key.
    pub(super) fn of_keys(layout: &NatsLayout, quota: Quota) -> Self {
        let (room, wanted) = (layout.max_stream_bytes(), as_limit(quota.bytes));
        let max_bytes = if room < 0 || wanted < 0 { room.max(wanted) } else { room.min(wanted) };
        Self { quota, max_messages: as_limit(quota.keys), max_bytes }
    }

    /// Those of a stream of objects, which have any number of messages: bytes alone count.
    pub(super) fn of_objects(layout: &NatsLayout, quota: Quota) -> Self {
        Self::of_keys(layout, Quota { keys: None, ..quota })
    }

    /// Whether a stream that is set up like this has other limits than it should.
    fn differ(&self, config: &Config) -> bool {
        let is_marked = config.metadata.contains_key(MARK);
        let is_limited = is_marked
            && (config.max_messages, config.max_bytes) == (self.max_messages, self.max_bytes)
            && config.discard == DiscardPolicy::New;
        if self.quota.is_some() { !is_limited } else { is_marked }
    }

    /// The configuration of a stream that is made with these limits.
    pub(super) fn applied(&self, config: &Config) -> serde_json::Result<Value> {
        let mut config = serde_json::to_value(config)?;
        if self.quota.is_some() {
            self.apply(&mut config);
        }
        Ok(config)
    }

    fn apply(&self, config: &mut Value) {
        config["max_msgs"] = json!(self.max_messages);
        config["max_bytes"] = json!(self.max_bytes);
        // What is there must not go to make room.
        config["discard"] = json!("new");
        if self.quota.is_some() {
            config["metadata"][MARK] = json!("true");
        } else if let Some(metadata) = config["metadata"].as_object_mut() {
            metadata.remove(MARK);
        }
    }

    /// What an error says if it is that the quota is used up.
    pub(super) fn exceeded(&self, error: &ApiError) -> Option<BackendError> {
        let ApiError::Refused(refused) = error else { return None };
        if !error.has_code(ErrorCode::STREAM_STORE_FAILED) {
            return None;
        }
        // The code says only that it could not be stored, the text why.
        let told = refused.to_string();
        let of = |unit: &'static str, what: &str, limit: Option<u64>| {
            limit.filter(|_| told.contains(what)).map(|limit| BackendError::Quota { limit, unit })
        };
        of("keys", "maximum messages", self.quota.keys).or_else(|| of("bytes", "maximum bytes", self.quota.bytes))
    }
}

/// A limit as JetStream takes it.
fn as_limit(limit: Option<u64>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

impl Session {
    /// Gives a stream that is set up like this the limits that it should have.
    pub(super) async fn limit(&self, config: &Config, limits: StreamLimits) -> Result<(), ApiError> {
        if !limits.differ(config) {
            return Ok(());
        }
        // As the server tells it, so that nothing is lost that this release does not know.
        let mut info: Value = self.api(&format!("STREAM.INFO.{}", config.name), &json!({})).await?;
        let mut told = info["config"].take();
        limits.apply(&mut told);
        let _: Value = self.api(&format!("STREAM.UPDATE.{}", config.name), &told).await?;
        tracing::info!(
            backend = self.signals.servers.name,
            stream = config.name,
            max_messages = limits.max_messages,
            max_bytes = limits.max_bytes,
            "a stream has new limits"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    fn check(room: Option<u64>, quota: Option<u64>, expected: i64) {
        let layout = NatsLayout { max_bytes: room.and_then(NonZeroU64::new), ..NatsLayout::default() };
        let limits = StreamLimits::of_keys(&layout, Quota { keys: Some(7), bytes: quota });
        assert_eq!((limits.max_messages, limits.max_bytes), (7, expected), "{room:?} {quota:?}");
        assert_eq!(StreamLimits::of_objects(&layout, limits.quota).max_messages, -1);
    }

    #[test]
    fn the_lower_of_room_and_quota_counts() {
        check(None, None, -1);
        check(Some(5), None, 5);
        check(None, Some(6), 6);
        check(Some(5), Some(6), 5);
        check(Some(6), Some(5), 5);
    }
}
