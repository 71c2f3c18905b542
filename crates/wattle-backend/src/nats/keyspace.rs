//! The stream that keeps the keys and values of one owner, and what is done in it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use async_nats::{HeaderMap, header};
use bytes::Bytes;
use serde_json::json;
use wattle_spec::quota::Quota;

use super::api::ApiError;
use super::ending::Ending;
use super::events::Reason;
use super::layout::NatsLayout;
use super::names;
use super::quota::StreamLimits;
use super::session::Session;
use super::stream::Copy;
use crate::bucket::Owner;
use crate::error::{BackendError, Part};
use crate::key_value::{Entry, Version};
use crate::quota::Quotas;

/// What other programs say in place of a value that they deleted.
const OPERATION: &str = "KV-Operation";

/// The streams that are known to be there.
pub(super) struct Keyspaces {
    layout: NatsLayout,
    quotas: Quotas,
    known: Mutex<HashMap<Owner, Arc<Keyspace>>>,
}

/// The stream of one owner.
pub(super) struct Keyspace {
    /// What is before the bucket in a subject.
    pub(super) prefix: String,
    pub(super) stream: String,
    /// Who is asked for what is there.
    copy: Copy,
    /// Whether the server removes what has ended.
    has_lifetimes: bool,
}

/// What is to be written.
#[derive(Clone)]
pub(super) struct Content {
    pub(super) value: Bytes,
    pub(super) ending: Option<Ending>,
}

/// What is at a subject.
pub(super) struct Row {
    /// The version that a write has to expect; 0 where there is nothing.
    pub(super) version: u64,
    /// The entry, unless another program deleted it and left a mark.
    pub(super) entry: Option<Entry>,
    /// When that entry ends.
    pub(super) ending: Option<Ending>,
}

impl Keyspaces {
    pub(super) fn new(layout: NatsLayout) -> Self {
        Self { layout, quotas: Quotas::default(), known: Mutex::default() }
    }

    /// What `owner` may keep, when its stream is next needed.
    pub(super) fn limit(&self, owner: &Owner, quota: Quota) {
        self.quotas.set(owner, quota);
        self.known().remove(owner);
    }

    /// That of `owner`, made if it is not there.
    pub(super) async fn of(&self, session: &Session, owner: &Owner) -> Result<Arc<Keyspace>, BackendError> {
        if let Some(keyspace) = self.known().get(owner) {
            return Ok(keyspace.clone());
        }
        let name = names::owner(&self.layout, owner);
        let config = session.stream(&config(&self.layout, &name)).await?;
        let quota = self.quotas.of(owner);
        let limits = StreamLimits::of_keys(&self.layout, quota);
        let limited = session.limit(&config, limits).await;
        limited.map_err(|error| session.translated(&config.name, error))?;
        let copy = if config.allow_direct && config.num_replicas <= 1 { Copy::Any } else { Copy::Leader };
        let keyspace = Arc::new(Keyspace {
            prefix: format!("$KV.{name}."),
            stream: config.name,
            copy,
            has_lifetimes: config.allow_message_ttl,
        });
        let mut known = self.known();
        // Another quota that came meanwhile is for the next call to set.
        if self.quotas.of(owner) == quota {
            known.insert(owner.clone(), keyspace.clone());
        }
        Ok(keyspace)
    }

    /// An error of what was done in that of `owner`, for the caller.
    pub(super) fn failed(&self, session: &Session, owner: &Owner, error: ApiError) -> BackendError {
        let is_gone = match &error {
            ApiError::Backend(error) => matches!(error, BackendError::NoResponder { .. }),
            error => error.has_code(ErrorCode::STREAM_NOT_FOUND),
        };
        let name = names::owner(&self.layout, owner);
        if is_gone {
            self.known().remove(owner);
            let reason = format!("its stream KV_{name} was deleted or has no leader, the next call looks for it again");
            return session.unavailable(Reason(reason));
        }
        let exceeded = StreamLimits::of_keys(&self.layout, self.quotas.of(owner)).exceeded(&error);
        exceeded.unwrap_or_else(|| session.translated(&format!("KV_{name}"), error))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Owner, Arc<Keyspace>>> {
        // Whole at every point where a panic could come.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream of a new one, which any client of NATS takes for a bucket of its key-value store.
fn config(layout: &NatsLayout, name: &str) -> Config {
    // A stream that is made again after somebody deleted it goes on with versions that never were.
    let first = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros());
    Config {
        name: format!("KV_{name}"),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        max_bytes: layout.max_stream_bytes(),
        max_messages: -1,
        max_consumers: -1,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        allow_direct: true,
        allow_message_ttl: true,
        num_replicas: layout.replicas.get(),
        first_sequence: u64::try_from(first).ok(),
        ..Config::default()
    }
}

impl Keyspace {
    /// What is at `subject`.
    pub(super) async fn read(&self, session: &Session, subject: &str) -> Result<Row, ApiError> {
        let wanted = json!({ "last_by_subj": subject });
        let stored = session.stored(&self.stream, self.copy, &wanted).await?;
        Ok(stored.map_or_else(Row::nothing, Row::of))
    }

    /// Writes at `subject`, if the version there is `expected` where that is given. `None`: it is another.
    pub(super) async fn write(
        &self,
        session: &Session,
        subject: &str,
        expected: Option<u64>,
        content: Content,
    ) -> Result<Option<Version>, ApiError> {
        if content.ending.is_some() && !self.has_lifetimes {
            let what = format!("an entry that ends, which {} takes from nats-server 2.11 on", self.stream);
            return Err(session.denied(what).into());
        }
        let mut headers = HeaderMap::new();
        if let Some(version) = expected {
            headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, version.to_string());
        }
        if let Some(ending) = content.ending {
            ending.write(&mut headers);
        }
        let headers = (!headers.is_empty()).then_some(headers);
        session.check_size(Part::Value, headers.as_ref(), content.value.len())?;
        let answer = session.request(subject, headers, content.value).await?;
        match session.parsed::<PublishAck>(&answer.payload) {
            Ok(ack) => Ok(Some(Version(ack.sequence))),
            Err(error) if error.has_code(ErrorCode::STREAM_WRONG_LAST_SEQUENCE) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what is at `subject`, without a trace.
    pub(super) async fn remove(&self, session: &Session, subject: &str) -> Result<(), ApiError> {
        session.purge(&self.stream, subject).await
    }
}

impl Row {
    fn nothing() -> Self {
        Self { version: 0, entry: None, ending: None }
    }

    fn of(stored: StreamMessage) -> Self {
        let StreamMessage { sequence: version, headers, payload: value, .. } = stored;
        let is_mark = headers.get(OPERATION).is_some_and(|operation| operation.as_str() != "PUT");
        let entry = (!is_mark).then_some(Entry { value, version: Version(version) });
        Self { version, entry, ending: Ending::read(&headers) }
    }
}
