//! The streams of JetStream that state is kept in: made when they are first needed, and what they hold.

use std::collections::{BTreeSet, HashMap};

use async_nats::StatusCode;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Config, Info, RawMessage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::ApiError;
use super::events::Reason;
use super::session::Session;
use crate::error::BackendError;

/// Subjects are told in pages, in their order: how many of a page are asked for again with the next one, as those before
/// them may have been removed meanwhile and the rest moved up.
const OVERLAP: usize = 1000;

/// The same of the names of streams, which come by the thousand.
const STREAMS_OVERLAP: usize = 24;

/// Who of several copies of a stream is asked for what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copy {
    /// Whoever answers first: right where there is only one, or where what is asked for never changes.
    Any,
    /// The leader, which knows every write.
    Leader,
}

/// A page of the names of streams.
#[derive(Deserialize)]
struct Streams {
    #[serde(default)]
    total: usize,
    streams: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Found {
    message: RawMessage,
}

/// A part of what `STREAM.INFO` tells: how many messages each subject has.
#[derive(Deserialize)]
struct Subjects {
    #[serde(default)]
    total: usize,
    state: SubjectsState,
}

#[derive(Deserialize)]
struct SubjectsState {
    #[serde(default)]
    subjects: Option<HashMap<String, u64>>,
}

impl Session {
    /// The stream that `config` describes, which is made if it is not there. One that is there stays as it is.
    pub(super) async fn stream(&self, config: &Config) -> Result<Config, BackendError> {
        let found = match self.stream_config(&config.name).await {
            Err(error) if error.has_code(ErrorCode::STREAM_NOT_FOUND) => self.made(config).await,
            found => found,
        };
        match found {
            // Somebody else made it at the same moment.
            Err(error) if error.has_code(ErrorCode::STREAM_NAME_EXIST) => self.stream_config(&config.name).await,
            found => found,
        }
        .map_err(|error| self.translated(&config.name, error))
    }

    /// What is known of a stream.
    pub(super) async fn stream_info(&self, name: &str) -> Result<Info, ApiError> {
        self.api(&format!("STREAM.INFO.{name}"), &json!({})).await
    }

    async fn stream_config(&self, name: &str) -> Result<Config, ApiError> {
        Ok(self.stream_info(name).await?.config)
    }

    /// The message of `stream` that is `wanted`: the last of a subject, or the next of one from a sequence number on.
    pub(super) async fn stored(
        &self,
        stream: &str,
        copy: Copy,
        wanted: &Value,
    ) -> Result<Option<StreamMessage>, ApiError> {
        if copy == Copy::Leader {
            return match self.api::<Found>(&format!("STREAM.MSG.GET.{stream}"), wanted).await {
                Err(error) if error.has_code(ErrorCode::NO_MESSAGE_FOUND) => Ok(None),
                found => Ok(Some(StreamMessage::try_from(found?.message).map_err(|error| self.strange(error))?)),
            };
        }
        let subject = format!("$JS.API.DIRECT.GET.{stream}");
        let found = self.request(&subject, None, wanted.to_string().into()).await?;
        if found.status == Some(StatusCode::NOT_FOUND) {
            return Ok(None);
        }
        Ok(Some(StreamMessage::try_from(found).map_err(|error| self.strange(error))?))
    }

    /// The names of all streams.
    pub(super) async fn streams(&self) -> Result<BTreeSet<String>, ApiError> {
        let (mut streams, mut offset) = (BTreeSet::new(), 0);
        loop {
            let page: Streams = self.api("STREAM.NAMES", &json!({ "offset": offset })).await?;
            let found = page.streams.unwrap_or_default();
            let end = offset + found.len();
            let is_last = found.is_empty() || end >= page.total;
            // Some may have been removed meanwhile.
            offset = end.saturating_sub(STREAMS_OVERLAP).max(offset + 1);
            streams.extend(found);
            if is_last {
                return Ok(streams);
            }
        }
    }

    /// All subjects of `pattern` that `stream` has messages of.
    pub(super) async fn subjects(&self, stream: &str, pattern: &str) -> Result<BTreeSet<String>, ApiError> {
        let (mut subjects, mut offset) = (BTreeSet::new(), 0);
        loop {
            let wanted = json!({ "subjects_filter": pattern, "offset": offset });
            let page: Subjects = self.api(&format!("STREAM.INFO.{stream}"), &wanted).await?;
            let found = page.state.subjects.unwrap_or_default();
            let end = offset + found.len();
            let is_last = found.is_empty() || end >= page.total;
            offset = end.saturating_sub(OVERLAP).max(offset + 1);
            subjects.extend(found.into_keys());
            if is_last {
                return Ok(subjects);
            }
        }
    }

    /// Removes every message about `subject` from `stream`.
    pub(super) async fn purge(&self, stream: &str, subject: &str) -> Result<(), ApiError> {
        let _: Value = self.api(&format!("STREAM.PURGE.{stream}"), &json!({ "filter": subject })).await?;
        Ok(())
    }

    /// The error of an answer that is none.
    pub(super) fn strange(&self, error: impl ToString) -> BackendError {
        self.unavailable(Reason(format!("the answer is not what was asked for: {}", error.to_string())))
    }

    async fn made(&self, config: &Config) -> Result<Config, ApiError> {
        let info: Info = self.api(&format!("STREAM.CREATE.{}", config.name), config).await?;
        tracing::info!(backend = self.signals.servers.name, stream = config.name, "a stream was made");
        Ok(info.config)
    }
}
