//! Reading an object: chunk by chunk as it is asked for, each found by its number.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::connection::NatsConnection;
use super::container::{Chunk, Container, Found};
use super::events::Reason;
use crate::blobs::Content;
use crate::error::BackendError;

/// An object that is being read.
struct Download {
    connection: Arc<NatsConnection>,
    container: Container,
    found: Found,
    /// The bytes that are still to come.
    wanted: Range<u64>,
    /// Where in the stream the next chunk is at the earliest.
    from: u64,
    /// The number of the next chunk that is wanted.
    number: u64,
    /// The number of the chunk that was seen last, and where in the object its end is.
    seen: Option<(u64, u64)>,
    /// Over everything, if everything is read.
    digest: Option<Sha256>,
}

/// The bytes of `range`, which is within the object.
pub(super) fn content(
    connection: Arc<NatsConnection>,
    container: Container,
    found: Found,
    range: Range<u64>,
) -> Content {
    let chunk_bytes = found.record.options.as_ref().and_then(|options| options.max_chunk_size).filter(|size| *size > 0);
    // Without its place and the size of chunks an object is read from its beginning.
    let number = match (found.first, chunk_bytes) {
        (Some(_), Some(bytes)) => range.start / bytes,
        _ => 0,
    };
    let is_whole = range.start == 0 && range.end == found.record.size;
    let download = Download {
        from: found.first.unwrap_or(1) + number,
        digest: is_whole.then(Sha256::new),
        wanted: range,
        number,
        seen: None,
        connection,
        container,
        found,
    };
    let steps = futures::stream::try_unfold(download, async |download| match download.wanted.is_empty() {
        true => Ok(None),
        false => download.step().await.map(Some),
    });
    // After an error nothing more comes.
    steps.boxed()
}

impl Download {
    /// The next bytes, and what comes after them.
    async fn step(mut self) -> Result<(Bytes, Self), BackendError> {
        loop {
            let (container, nuid, from) = (&self.container, &self.found.record.nuid, self.from);
            let read = self
                .connection
                .within("a read of a chunk", async |session| container.chunk(&session, nuid, from).await);
            let chunk = read.await?.ok_or_else(|| self.replaced())?;
            if let Some(bytes) = self.take(chunk)? {
                return Ok((bytes, self));
            }
        }
    }

    /// What of a chunk is wanted, if any.
    fn take(&mut self, chunk: Chunk) -> Result<Option<Bytes>, BackendError> {
        let number = chunk.number.unwrap_or_else(|| self.seen.map_or(0, |(number, _)| number + 1));
        if number > self.number {
            return Err(self.replaced());
        }
        if number < self.number && chunk.number.is_some() {
            // Others wrote between the chunks: the one that is wanted is at least so much further.
            self.from = chunk.sequence + (self.number - number);
            return Ok(None);
        }
        let begin = match self.seen {
            Some((_, end)) => end,
            None => number * self.chunk_bytes(chunk.content.len()),
        };
        let end = begin + chunk.content.len() as u64;
        self.seen = Some((number, end));
        self.from = chunk.sequence + 1;
        self.number = number + 1;
        let (start, stop) = (self.wanted.start.clamp(begin, end), self.wanted.end.clamp(begin, end));
        if let Some(digest) = &mut self.digest {
            digest.update(&chunk.content);
        }
        if start == stop {
            return Ok(None);
        }
        self.wanted.start = stop;
        if self.wanted.is_empty() {
            self.check_digest()?;
        }
        Ok(Some(chunk.content.slice((start - begin) as usize..(stop - begin) as usize)))
    }

    /// The bytes of all chunks but the last.
    fn chunk_bytes(&self, otherwise: usize) -> u64 {
        let options = self.found.record.options.as_ref();
        options.and_then(|options| options.max_chunk_size).unwrap_or(otherwise as u64)
    }

    fn check_digest(&mut self) -> Result<(), BackendError> {
        let (Some(digest), Some(expected)) = (self.digest.take(), &self.found.record.digest) else { return Ok(()) };
        let found = format!("SHA-256={}", URL_SAFE.encode(digest.finalize()));
        match found.trim_end_matches('=') == expected.trim_end_matches('=') {
            true => Ok(()),
            false => Err(BackendError::Corrupt {
                path: PathBuf::from(format!("{}/{}", self.container.name(), self.found.record.name)),
                detail: format!("its digest is {found}, not {expected}"),
            }),
        }
    }

    fn replaced(&self) -> BackendError {
        let reason = Reason("the object was replaced or removed while it was read".to_owned());
        BackendError::Unavailable { backend: self.connection.name().to_owned(), source: Arc::new(reason) }
    }
}
