//! The content of an object on its way to a guest: piece by piece, each asked of the backend when the guest wants it.

use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, Pollable, StreamError, StreamResult};
use wattle_backend::blobs::{Content, Object};

use super::WHOLE_MAX;
use super::failure::{Outcome, Refusal, refuse};
use super::flow::Parts;
use crate::capability::patience::Patience;
use crate::telemetry::Watched;

/// Pieces of a content. None is empty.
type Pieces = Parts<Bytes>;

/// A part of an object on its way to a guest, which is one call until its end.
pub(super) struct Reading {
    /// The bytes of the part.
    pub(super) size: u64,
    /// How many of them are still to come.
    left: u64,
    content: Content,
    watched: Watched,
}

impl Reading {
    /// `range` of `object`, as it was read.
    pub(super) fn new(object: Object, range: &Range<u64>, mut watched: Watched) -> Self {
        let whole = object.entry.size;
        let size = range.end.min(whole).saturating_sub(range.start.min(whole));
        if size == 0 {
            watched.done();
        }
        Self { size, left: size, content: object.content, watched }
    }

    /// The next piece, waited for as long as `patience` lasts. Nothing comes after one that failed.
    async fn next(&mut self, patience: &Patience) -> Option<Outcome<Bytes>> {
        let next = loop {
            break match patience.within(self.content.next()).await {
                Ok(Some(Ok(piece))) if piece.is_empty() => continue,
                Ok(next) => next.map(|piece| piece.map_err(Refusal::from)),
                Err(timed_out) => Some(Err(timed_out.into())),
            };
        };
        match &next {
            Some(Ok(piece)) => {
                // Nobody has to ask once more to learn that it was the last.
                self.left = self.left.saturating_sub(piece.len() as u64);
                if self.left == 0 {
                    self.watched.done();
                }
            }
            Some(failed) => self.watched.ended(failed),
            None => self.watched.done(),
        }
        next
    }
}

/// The pieces of what is read, each waited for as long as `patience` lasts.
pub(super) fn pieces(reading: Reading, patience: Patience) -> Pieces {
    let next = |state: Option<(Reading, Patience)>| async move {
        let (mut reading, patience) = state?;
        let piece = reading.next(&patience).await?;
        let rest = piece.is_ok().then_some((reading, patience));
        Some((piece, rest))
    };
    stream::unfold(Some((reading, patience)), next).boxed()
}

/// The resource `incoming-value`: a part of an object that has not been read yet.
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct IncomingValue(pub(super) Reading);

impl IncomingValue {
    /// All bytes at once, if they are not too many.
    pub(super) async fn whole(self, patience: Patience) -> Outcome<Vec<u8>> {
        let Self(mut reading) = self;
        if reading.size > WHOLE_MAX {
            let size = reading.size;
            let refused =
                refuse(format!("at most {WHOLE_MAX} bytes are read at once, these are {size}: read them as a stream"));
            reading.watched.ended(&refused);
            return refused;
        }
        let mut whole = Vec::with_capacity(usize::try_from(reading.size).unwrap_or_default());
        while let Some(piece) = reading.next(&patience).await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole)
    }

    pub(super) fn stream(self, patience: Patience) -> IncomingStream {
        IncomingStream { pieces: Some(pieces(self.0, patience)), piece: Bytes::new(), failure: None }
    }
}

/// The content as an `input-stream`.
pub(super) struct IncomingStream {
    /// `None`: nothing more comes.
    pieces: Option<Pieces>,
    /// The rest of the last piece.
    piece: Bytes,
    failure: Option<Refusal>,
}

#[async_trait]
impl Pollable for IncomingStream {
    async fn ready(&mut self) {
        let Some(pieces) = self.pieces.as_mut().filter(|_| self.piece.is_empty()) else { return };
        match pieces.next().await {
            Some(Ok(piece)) => self.piece = piece,
            Some(Err(failure)) => (self.pieces, self.failure) = (None, Some(failure)),
            None => self.pieces = None,
        }
    }
}

impl InputStream for IncomingStream {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if !self.piece.is_empty() {
            return Ok(self.piece.split_to(size.min(self.piece.len())));
        }
        match (self.failure.take(), &self.pieces) {
            (Some(failure), _) => Err(StreamError::LastOperationFailed(failure.into())),
            (None, Some(_)) => Ok(Bytes::new()),
            (None, None) => Err(StreamError::Closed),
        }
    }
}
