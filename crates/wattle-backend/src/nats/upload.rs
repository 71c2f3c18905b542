//! Writing an object: its chunks first, then the record that makes them the object, then the end of what was there.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::{Buf as _, Bytes, BytesMut};
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::connection::NatsConnection;
use super::container::{Container, Found, Record, RecordOptions};
use super::events::Reason;
use crate::blobs::{Content, ObjectEntry};
use crate::error::BackendError;

/// The most bytes of a chunk, as other clients of NATS have it.
const CHUNK_MAX_BYTES: usize = 128 << 10;
/// What the headers of a chunk take at most, where the server takes hardly more in one message.
const CHUNK_HEADERS_BYTES: usize = 64;
/// How often a record is put while others write the same object.
const PUT_TRIES: u32 = 200;

/// An object that is being written.
pub(super) struct Upload {
    leftovers: Leftovers,
    chunk_bytes: usize,
    pending: BytesMut,
    size: u64,
    chunks: u64,
    first: Option<u64>,
    digest: Sha256,
}

/// Chunks that are removed when this is dropped: no object has them.
struct Leftovers {
    connection: Arc<NatsConnection>,
    container: Container,
    /// `None`: they belong to an object by now.
    nuid: Option<String>,
}

/// Writes `content` as the object `name` of `container`.
pub(super) async fn write(
    connection: Arc<NatsConnection>,
    container: Container,
    name: String,
    mut content: Content,
) -> Result<ObjectEntry, BackendError> {
    let token = super::names::object(&name)?;
    // Nothing is read of a content that has no container.
    let look = connection.within("a look at an object", async |session| {
        let (limit, id) = (session.client().max_payload(), session.client().new_inbox());
        Ok((container.find(&session, &token).await?, limit, id))
    });
    let (before, limit, id) = look.await?;
    let nuid = id.rsplit('.').next().unwrap_or(&id).to_owned();
    let mut upload = Upload {
        leftovers: Leftovers { connection, container, nuid: Some(nuid.clone()) },
        chunk_bytes: CHUNK_MAX_BYTES.min(limit.saturating_sub(CHUNK_HEADERS_BYTES)).max(1),
        pending: BytesMut::new(),
        size: 0,
        chunks: 0,
        first: None,
        digest: Sha256::new(),
    };
    while let Some(piece) = content.next().await {
        upload.take(&nuid, piece?).await?;
    }
    if !upload.pending.is_empty() {
        upload.flush(&nuid).await?;
    }
    upload.finish(name, &nuid, before).await
}

impl Upload {
    async fn take(&mut self, nuid: &str, mut piece: Bytes) -> Result<(), BackendError> {
        while piece.has_remaining() {
            let room = (self.chunk_bytes - self.pending.len()).min(piece.len());
            self.pending.extend_from_slice(&piece.split_to(room));
            if self.pending.len() == self.chunk_bytes {
                self.flush(nuid).await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self, nuid: &str) -> Result<(), BackendError> {
        let content = self.pending.split().freeze();
        self.digest.update(&content);
        self.size += content.len() as u64;
        let (container, number) = (&self.leftovers.container, self.chunks);
        let append = self
            .leftovers
            .connection
            .within("a write of a chunk", async |session| container.append(&session, nuid, number, content).await);
        let sequence = append.await?;
        self.first.get_or_insert(sequence);
        self.chunks += 1;
        Ok(())
    }

    /// Puts the record in the place of the one before; whoever replaces a record removes its chunks.
    async fn finish(mut self, name: String, nuid: &str, before: Option<Found>) -> Result<ObjectEntry, BackendError> {
        let container = self.leftovers.container.clone();
        let record = Record {
            bucket: container.name().to_owned(),
            nuid: nuid.to_owned(),
            size: self.size,
            chunks: self.chunks,
            digest: Some(format!("SHA-256={}", URL_SAFE.encode(std::mem::take(&mut self.digest).finalize()))),
            deleted: false,
            options: Some(RecordOptions { max_chunk_size: Some(self.chunk_bytes as u64) }),
            name,
        };
        let connection = self.leftovers.connection.clone();
        let (written, replaced) = self.put(&connection, &container, &record, before).await?;
        self.leftovers.nuid = None;
        if let Some(replaced) = replaced.filter(|replaced| replaced.record.chunks > 0) {
            // Dropped at once: what removes them needs no one to wait.
            drop(Leftovers { connection, container, nuid: Some(replaced.record.nuid) });
        }
        Ok(written.entry)
    }

    /// Puts the record; gives it, and the one that was there before.
    async fn put(
        &self,
        connection: &Arc<NatsConnection>,
        container: &Container,
        record: &Record,
        mut before: Option<Found>,
    ) -> Result<(Found, Option<Found>), BackendError> {
        let token = super::names::object(&record.name)?;
        for _ in 0..PUT_TRIES {
            let expected = before.as_ref().map(|before| before.sequence);
            let put = connection.within("a write of an object", async |session| {
                container.put(&session, record, self.first, expected).await
            });
            if let Some(written) = put.await? {
                return Ok((written, before));
            }
            let look = connection.within("a look at an object", async |session| container.find(&session, &token).await);
            before = look.await?;
        }
        let source = Arc::new(Reason(format!("others wrote the object each of {PUT_TRIES} times")));
        Err(BackendError::Unavailable { backend: connection.name().to_owned(), source })
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        let Some(nuid) = self.nuid.take() else { return };
        let (connection, container) = (self.connection.clone(), self.container.clone());
        self.connection.runtime().spawn(async move {
            let removed = connection
                .within("a removal of chunks", async |session| container.remove_chunks(&session, &nuid).await);
            match removed.await {
                Ok(()) | Err(BackendError::NoContainer { .. }) => {}
                Err(error) => {
                    let (backend, subject) = (connection.name(), container.chunks(&nuid));
                    tracing::warn!(backend, subject, %error, "chunks that belong to no object stay in NATS");
                }
            }
        });
    }
}
