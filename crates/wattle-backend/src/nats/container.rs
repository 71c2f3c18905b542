//! A container of objects: one object store of NATS, which is a stream of records and of chunks.
//!
//! ```text
//! $O.CONTAINER.M.NAME   the record of an object: its size, its digest, the id of its chunks
//! $O.CONTAINER.C.ID     its chunks, each with its number in a header
//! ```
//!
//! [Source](https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-20.md). The numbers of chunks and
//! the place of the first one are ours: other clients neither write nor need them, and with them a range is found without
//! reading what is before it.

use std::collections::BTreeSet;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info};
use async_nats::{HeaderMap, header};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wattle_spec::quota::Quota;

use super::api::ApiError;
use super::events::Reason;
use super::layout::NatsLayout;
use super::names;
use super::quota::StreamLimits;
use super::session::Session;
use super::stream::Copy;
use crate::blobs::{ContainerEntry, ObjectEntry};
use crate::bucket::{Bucket, Owner};
use crate::error::{BackendError, Part};

/// The number of a chunk, from 0 on, in its own headers.
const CHUNK: &str = "Wattle-Chunk";
/// Where in the stream the first chunk is, in the headers of the record.
const FIRST: &str = "Wattle-First";

/// A container, whether or not it is there.
#[derive(Debug, Clone)]
pub(super) struct Container {
    /// What the guest calls it.
    bucket: Bucket,
    name: String,
    stream: String,
    copy: Copy,
    limits: StreamLimits,
}

/// What is known of an object, as all clients of NATS write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) bucket: String,
    /// The id of its chunks.
    #[serde(default)]
    pub(super) nuid: String,
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default)]
    pub(super) chunks: u64,
    #[serde(default)]
    pub(super) digest: Option<String>,
    #[serde(default)]
    pub(super) deleted: bool,
    #[serde(default)]
    pub(super) options: Option<RecordOptions>,
}

/// How an object was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordOptions {
    #[serde(default)]
    pub(super) max_chunk_size: Option<u64>,
}

/// A record where it was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) record: Record,
    pub(super) entry: ObjectEntry,
    /// Its own place in the stream.
    pub(super) sequence: u64,
    /// The place of its first chunk.
    pub(super) first: Option<u64>,
}

/// A chunk where it was found.
pub(super) struct Chunk {
    pub(super) sequence: u64,
    /// Its number, where it says so.
    pub(super) number: Option<u64>,
    pub(super) content: Bytes,
}

impl Container {
    /// That of an owner who may keep so much in each.
    pub(super) fn of(layout: &NatsLayout, container: &Bucket, quota: Quota) -> Result<Self, BackendError> {
        let name = names::container(layout, container)?;
        let copy = if layout.replicas.get() == 1 { Copy::Any } else { Copy::Leader };
        let limits = StreamLimits::of_objects(layout, quota);
        Ok(Self { bucket: container.clone(), stream: format!("OBJ_{name}"), name, copy, limits })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn chunks(&self, nuid: &str) -> String {
        format!("$O.{}.C.{nuid}", self.name)
    }

    fn config(&self, layout: &NatsLayout) -> Config {
        Config {
            name: self.stream.clone(),
            subjects: vec![format!("$O.{}.C.>", self.name), format!("$O.{}.M.>", self.name)],
            max_bytes: layout.max_stream_bytes(),
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            discard: DiscardPolicy::New,
            allow_rollup: true,
            allow_direct: true,
            num_replicas: layout.replicas.get(),
            // The name of a stream does not always tell it.
            description: Some(self.bucket.name.clone()),
            ..Config::default()
        }
    }

    /// Makes it. Whether it was not there before.
    pub(super) async fn create(&self, session: &Session, layout: &NatsLayout) -> Result<bool, BackendError> {
        if self.entry(session).await?.is_some() {
            return Ok(false);
        }
        let config = self.limits.applied(&self.config(layout)).map_err(|error| session.strange(error))?;
        let made = session.api::<Info>(&format!("STREAM.CREATE.{}", self.stream), &config).await;
        match made {
            Ok(_) => Ok(true),
            Err(error) if error.has_code(ErrorCode::STREAM_NAME_EXIST) => Ok(false),
            Err(error) => Err(session.translated(&self.stream, error)),
        }
    }

    /// The containers of `owner`, by name.
    pub(super) async fn all(
        session: &Session,
        layout: &NatsLayout,
        owner: &Owner,
    ) -> Result<BTreeSet<String>, BackendError> {
        let prefix = format!("OBJ_{}__", names::owner(layout, owner));
        let streams = session.streams().await.map_err(|error| session.translated("any", error))?;
        let mut containers = BTreeSet::new();
        for stream in streams {
            let Some(part) = stream.strip_prefix(&prefix) else { continue };
            if let Some(name) = names::container_of(part) {
                containers.insert(name);
                continue;
            }
            match session.stream_info(&stream).await {
                Ok(Info { config: Config { description: Some(name), .. }, .. }) => _ = containers.insert(name),
                Ok(_) => {
                    let reason = format!("the stream {stream} does not say which container it keeps");
                    return Err(session.unavailable(Reason(reason)));
                }
                Err(error) if error.has_code(ErrorCode::STREAM_NOT_FOUND) => {}
                Err(error) => return Err(session.translated(&stream, error)),
            }
        }
        Ok(containers)
    }

    /// Gives it the limits of its owner's quota, if it does not have them.
    pub(super) async fn limit(&self, session: &Session) -> Result<(), BackendError> {
        let limited = match session.stream_info(&self.stream).await {
            Ok(info) => session.limit(&info.config, self.limits).await,
            Err(error) => Err(error),
        };
        match limited {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed(session, error).await),
        }
    }

    pub(super) async fn entry(&self, session: &Session) -> Result<Option<ContainerEntry>, BackendError> {
        match session.stream_info(&self.stream).await {
            Ok(info) => Ok(Some(ContainerEntry { created: info.created.into() })),
            Err(error) if error.has_code(ErrorCode::STREAM_NOT_FOUND) => Ok(None),
            Err(error) => Err(session.translated(&self.stream, error)),
        }
    }

    pub(super) async fn delete(&self, session: &Session) -> Result<(), BackendError> {
        match session.api::<Value>(&format!("STREAM.DELETE.{}", self.stream), &json!({})).await {
            Err(error) if !error.has_code(ErrorCode::STREAM_NOT_FOUND) => Err(session.translated(&self.stream, error)),
            _ => Ok(()),
        }
    }

    /// The record of the object at this token.
    pub(super) async fn find(&self, session: &Session, token: &str) -> Result<Option<Found>, BackendError> {
        let wanted = json!({ "last_by_subj": format!("$O.{}.M.{token}", self.name) });
        self.found(session, &wanted).await
    }

    async fn found(&self, session: &Session, wanted: &Value) -> Result<Option<Found>, BackendError> {
        let Some(stored) = self.stored(session, wanted).await? else { return Ok(None) };
        let found = Found::of(stored).map_err(|error| session.strange(error))?;
        Ok(Some(found).filter(|found| !found.record.deleted))
    }

    /// The names of all objects, in byte order.
    pub(super) async fn names(&self, session: &Session) -> Result<Vec<String>, BackendError> {
        let prefix = format!("$O.{}.M.", self.name);
        let subjects = session.subjects(&self.stream, &format!("{prefix}>")).await;
        let subjects = match subjects {
            Ok(subjects) => subjects,
            Err(error) => return Err(self.failed(session, error).await),
        };
        let names = subjects.iter().filter_map(|subject| names::object_of(subject.strip_prefix(&prefix)?));
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Writes a chunk; gives its place in the stream.
    pub(super) async fn append(
        &self,
        session: &Session,
        nuid: &str,
        number: u64,
        content: Bytes,
    ) -> Result<u64, BackendError> {
        let mut headers = HeaderMap::new();
        headers.insert(CHUNK, number.to_string());
        session.check_size(Part::Value, Some(&headers), content.len())?;
        match self.publish(session, &self.chunks(nuid), headers, content).await {
            Ok(sequence) => Ok(sequence),
            Err(error) => Err(self.failed(session, error).await),
        }
    }

    /// Puts a record in the place of the one that is `expected`, or of none. `None`: there is another.
    pub(super) async fn put(
        &self,
        session: &Session,
        record: &Record,
        first: Option<u64>,
        expected: Option<u64>,
    ) -> Result<Option<Found>, BackendError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_ROLLUP, "sub");
        headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.unwrap_or_default().to_string());
        if let Some(first) = first {
            headers.insert(FIRST, first.to_string());
        }
        let payload = serde_json::to_vec(record).map_err(|error| session.strange(error))?;
        let subject = format!("$O.{}.M.{}", self.name, names::object(&record.name)?);
        let sequence = match self.publish(session, &subject, headers, payload.into()).await {
            Ok(sequence) => sequence,
            Err(error) if error.has_code(ErrorCode::STREAM_WRONG_LAST_SEQUENCE) => return Ok(None),
            Err(error) => return Err(self.failed(session, error).await),
        };
        // The time of an object is the one that the server gave it.
        let written = self.found(session, &json!({ "seq": sequence })).await?;
        Ok(Some(written.unwrap_or_else(|| Found::just_written(record, sequence))))
    }

    async fn publish(
        &self,
        session: &Session,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<u64, ApiError> {
        let answer = session.request(subject, Some(headers), payload).await?;
        Ok(session.parsed::<PublishAck>(&answer.payload)?.sequence)
    }

    /// Removes the record that is at this place, if it still is.
    pub(super) async fn remove_record(&self, session: &Session, sequence: u64) -> Result<bool, BackendError> {
        let wanted = json!({ "seq": sequence, "no_erase": true });
        match session.api::<Value>(&format!("STREAM.MSG.DELETE.{}", self.stream), &wanted).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_about_a_message() => Ok(false),
            Err(error) => Err(self.failed(session, error).await),
        }
    }

    pub(super) async fn remove_chunks(&self, session: &Session, nuid: &str) -> Result<(), BackendError> {
        match session.purge(&self.stream, &self.chunks(nuid)).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed(session, error).await),
        }
    }

    /// The first chunk of `nuid` that is at `from` or after it.
    pub(super) async fn chunk(&self, session: &Session, nuid: &str, from: u64) -> Result<Option<Chunk>, BackendError> {
        let wanted = json!({ "seq": from.max(1), "next_by_subj": self.chunks(nuid) });
        Ok(self.stored(session, &wanted).await?.map(|stored| Chunk {
            sequence: stored.sequence,
            number: number(&stored.headers, CHUNK),
            content: stored.payload,
        }))
    }

    async fn stored(&self, session: &Session, wanted: &Value) -> Result<Option<StreamMessage>, BackendError> {
        match session.stored(&self.stream, self.copy, wanted).await {
            Ok(stored) => Ok(stored),
            Err(error) => Err(self.failed(session, error).await),
        }
    }

    /// An error of what was done in the container, which may not be there at all.
    async fn failed(&self, session: &Session, error: ApiError) -> BackendError {
        if let Some(exceeded) = self.limits.exceeded(&error) {
            return exceeded;
        }
        let is_gone = match &error {
            // Nobody who has a stream answers, but also nobody who has JetStream.
            ApiError::Backend(BackendError::NoResponder { .. }) => match self.entry(session).await {
                Ok(entry) => entry.is_none(),
                Err(error) => return error,
            },
            error => error.has_code(ErrorCode::STREAM_NOT_FOUND),
        };
        match is_gone {
            true => BackendError::no_container(&self.bucket),
            false => session.translated(&self.stream, error),
        }
    }
}

impl Found {
    fn of(stored: StreamMessage) -> serde_json::Result<Self> {
        let record: Record = serde_json::from_slice(&stored.payload)?;
        let entry = ObjectEntry { name: record.name.clone(), size: record.size, created: stored.time.into() };
        Ok(Self { record, entry, sequence: stored.sequence, first: number(&stored.headers, FIRST) })
    }

    /// One that was replaced before it could be looked at.
    fn just_written(record: &Record, sequence: u64) -> Self {
        let created = std::time::SystemTime::now();
        let entry = ObjectEntry { name: record.name.clone(), size: record.size, created };
        Self { record: record.clone(), entry, sequence, first: None }
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.as_str().parse().ok()
}
