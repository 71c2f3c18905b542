//! What is sent to a registry: bytes, or something that can be opened again for each try.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future;
use futures::stream::{self, Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How much is sent at once: what is not taken for long is noticed by the piece.
const PIECE_LEN: usize = 64 << 10;
/// How many pieces are read ahead.
const AHEAD: usize = 4;

/// Bytes that are read as often as they have to be sent.
pub trait Source: Send + Sync + 'static {
    /// Begins at the first byte. Called, and read from, where a thread may wait.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
}

/// A file, as it is when it is read.
impl Source for PathBuf {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(std::fs::File::open(self)?))
    }
}

/// What is sent.
#[derive(Clone)]
pub enum Content {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes elsewhere.
    Source(Arc<dyn Source>),
}

impl<B: Into<Bytes>> From<B> for Content {
    fn from(bytes: B) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl Content {
    /// What is in a file.
    pub fn file(path: PathBuf) -> Self {
        Self::Source(Arc::new(path))
    }

    /// Its bytes in pieces, of which there must be `len`.
    pub(super) fn stream(
        &self,
        len: u64,
        sending: Arc<Sending>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let pieces = match self.clone() {
            Self::Bytes(bytes) => stream::iter(pieces(bytes).map(Ok)).boxed(),
            Self::Source(source) => read_ahead(source),
        };
        let mut missing = Some(len);
        let ended = stream::once(async { Ok(Bytes::new()) });
        pieces.chain(ended).filter_map(move |piece| {
            let checked = piece.and_then(|piece| counted(&mut missing, piece));
            sending.is_at(if missing == Some(0) { Stage::Sent } else { Stage::Sending });
            let sent = checked.map_err(|error| sending.fail(error));
            future::ready(Some(sent).filter(|sent| !matches!(sent, Ok(last) if last.is_empty())))
        })
    }
}

/// Takes a piece off what is missing; the empty one is the last.
fn counted(missing: &mut Option<u64>, piece: Bytes) -> io::Result<Bytes> {
    let left = missing.and_then(|missing| missing.checked_sub(piece.len() as u64));
    *missing = left;
    match left {
        None => Err(io::Error::other("there are more bytes than were announced")),
        Some(1..) if piece.is_empty() => Err(io::Error::other("there are fewer bytes than were announced")),
        Some(_) => Ok(piece),
    }
}

fn pieces(mut bytes: Bytes) -> impl Iterator<Item = Bytes> + Send {
    std::iter::from_fn(move || {
        let piece = bytes.split_to(bytes.len().min(PIECE_LEN));
        (!piece.is_empty()).then_some(piece)
    })
}

fn read_ahead(source: Arc<dyn Source>) -> stream::BoxStream<'static, io::Result<Bytes>> {
    let (pieces, mut read) = mpsc::channel(AHEAD);
    // It ends when nobody wants the next piece, so that nobody has to join it.
    tokio::task::spawn_blocking(move || {
        let outcome = source.open().and_then(|mut reader| {
            loop {
                let mut piece = Vec::with_capacity(PIECE_LEN);
                let len = (&mut reader).take(PIECE_LEN as u64).read_to_end(&mut piece)?;
                if len == 0 || pieces.blocking_send(Ok(piece.into())).is_err() {
                    return Ok(());
                }
            }
        });
        if let Err(error) = outcome {
            // Nobody listens where the request has ended before.
            let _ = pieces.blocking_send(Err(error));
        }
    });
    stream::poll_fn(move |context| read.poll_recv(context)).boxed()
}

/// How far the sending of a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Begun,
    Sending,
    Sent,
}

/// How the sending of a body goes.
#[derive(Debug)]
pub(super) struct Sending {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    last: Instant,
    fault: Option<io::Error>,
}

impl Sending {
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { stage: Stage::Begun, last: Instant::now(), fault: None }) })
    }

    pub(super) fn stage(&self) -> Stage {
        self.locked(|state| state.stage)
    }

    /// When something of it was taken last.
    pub(super) fn last(&self) -> Instant {
        self.locked(|state| state.last)
    }

    /// Why what is sent could not be read.
    pub(super) fn take_fault(&self) -> Option<io::Error> {
        self.locked(|state| state.fault.take())
    }

    fn is_at(&self, stage: Stage) {
        self.locked(|state| (state.stage, state.last) = (stage, Instant::now()));
    }

    /// Keeps the error for whoever sends, and gives one for whoever carries.
    fn fail(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        self.locked(|state| state.fault = Some(error));
        kind.into()
    }

    fn locked<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
