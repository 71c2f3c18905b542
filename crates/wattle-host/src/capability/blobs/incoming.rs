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

/// Pieces of a content. None is empty.
type Pieces = Parts<Bytes>;

/// The pieces of `content`, each waited for as long as `patience` lasts.
pub(super) fn pieces(content: Content, patience: Patience) -> Pieces {
    let next = |state: Option<(Content, Patience)>| async move {
        let (mut content, patience) = state?;
        loop {
            return match patience.within(content.next()).await {
                Ok(Some(Ok(piece))) if piece.is_empty() => continue,
                Ok(Some(Ok(piece))) => Some((Ok(piece), Some((content, patience)))),
                Ok(Some(Err(error))) => Some((Err(error.into()), None)),
                Err(timed_out) => Some((Err(timed_out.into()), None)),
                Ok(None) => None,
            };
        }
    };
    stream::unfold(Some((content, patience)), next).boxed()
}

/// The resource `incoming-value`: a part of an object that has not been read yet.
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct IncomingValue {
    /// The bytes of the part.
    pub(super) size: u64,
    content: Content,
}

impl IncomingValue {
    /// `range` of `object`, as it was read.
    pub(super) fn new(object: Object, range: &Range<u64>) -> Self {
        let size = object.entry.size;
        Self { size: range.end.min(size).saturating_sub(range.start.min(size)), content: object.content }
    }

    /// All bytes at once, if they are not too many.
    pub(super) async fn whole(self, patience: Patience) -> Outcome<Vec<u8>> {
        if self.size > WHOLE_MAX {
            return refuse(format!(
                "at most {WHOLE_MAX} bytes are read at once, these are {}: read them as a stream",
                self.size
            ));
        }
        let mut whole = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default());
        let mut pieces = pieces(self.content, patience);
        while let Some(piece) = pieces.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole)
    }

    pub(super) fn stream(self, patience: Patience) -> IncomingStream {
        IncomingStream { pieces: Some(pieces(self.content, patience)), piece: Bytes::new(), failure: None }
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
