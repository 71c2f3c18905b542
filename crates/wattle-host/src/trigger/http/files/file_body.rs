//! A file, or a part of it, on its way to the client: read in pieces, each when there is room for it.

use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{self, Stream};

use super::folder::OpenFile;
use crate::trigger::http::admission::Permit;

/// How many bytes of a file are in memory for one request.
const PIECE_LEN: u64 = 64 << 10;

/// The body of an answer that is a file.
pub(in crate::trigger::http) struct FileBody {
    pieces: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    left: u64,
    _permit: Permit,
}

impl FileBody {
    /// `length` bytes of `file` from the byte `start` on, for a request that has this place.
    pub(super) fn new(file: OpenFile, start: u64, length: u64, permit: Permit) -> Self {
        let OpenFile { file, reads, .. } = file;
        let end = start + length;
        let pieces = stream::try_unfold(start, move |at| {
            let (file, reads) = (file.clone(), reads.clone());
            async move {
                if at == end {
                    return Ok(None);
                }
                let piece = reads.run(move || read(&file, at, PIECE_LEN.min(end - at))).await?;
                let next = at + piece.len() as u64;
                Ok(Some((piece, next)))
            }
        });
        Self { pieces: Box::pin(pieces), left: length, _permit: permit }
    }

    /// How many bytes are missing.
    pub(in crate::trigger::http) fn left(&self) -> u64 {
        self.left
    }

    pub(in crate::trigger::http) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let piece = self.pieces.as_mut().poll_next(cx);
        if let Poll::Ready(Some(Ok(piece))) = &piece {
            self.left -= piece.len() as u64;
        }
        piece
    }
}

/// Up to `length` bytes at `at`, at least one.
fn read(file: &Arc<std::fs::File>, at: u64, length: u64) -> io::Result<Bytes> {
    let mut piece = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    let length = file.read_at(&mut piece, at)?;
    if length == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was sent"));
    }
    piece.truncate(length);
    Ok(piece.into())
}
