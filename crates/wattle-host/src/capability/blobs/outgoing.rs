//! The content of an object on its way from a guest: through a pipe that takes as much as the backend keeps up with.
//!
//! A guest may write before `write-data` has said where to. Until then its bytes wait in memory, those of an instance
//! together within [`AHEAD_MAX`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Bytes, BytesMut};
use futures::future::poll_fn;
use futures::stream::{self, StreamExt};
use tokio::sync::Notify;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wattle_backend::blobs::Content;
use wattle_backend::error::BackendError;

use super::PIECE_MAX;
use super::container::OpenContainer;
use super::failure::{Outcome, Refusal, refuse};
use crate::capability::patience::Patience;
use crate::telemetry::Watched;

/// The most bytes that the values of an instance hold together before it is said where they go.
const AHEAD_MAX: usize = 8 << 20;
/// The most bytes of a value that wait for the backend.
const WINDOW: usize = 256 << 10;

/// How many bytes the values of one instance hold for which nothing has a place yet.
#[derive(Clone, Default)]
pub(crate) struct Ahead(Option<Arc<AtomicUsize>>);

impl Ahead {
    fn used(&mut self) -> Arc<AtomicUsize> {
        self.0.get_or_insert_default().clone()
    }
}

/// The resource `outgoing-value`. Unless it is finished, what was there before stays.
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct OutgoingValue {
    pipe: Arc<Pipe>,
    has_stream: bool,
    /// Since `write-data`.
    writing: Option<AbortOnDropJoinHandle<Outcome<()>>>,
}

impl OutgoingValue {
    pub(super) fn new(ahead: &mut Ahead) -> Self {
        Self { pipe: Arc::new(Pipe::new(ahead.used())), has_stream: false, writing: None }
    }

    /// The stream of its content, once.
    pub(super) fn stream(&mut self) -> Option<OutgoingStream> {
        let first = !std::mem::replace(&mut self.has_stream, true);
        first.then(|| OutgoingStream(self.pipe.clone()))
    }

    /// From now on it has a place, once.
    pub(super) fn begin(&mut self) -> Outcome<()> {
        match self.writing {
            Some(_) => refuse("this value is being written already"),
            None => self.pipe.begin(),
        }
    }

    /// Writes the value to `container`, what has been written to it and what will be: the rest of a call that is `watched`.
    pub(super) fn write_to(
        &mut self,
        container: OpenContainer,
        name: String,
        patience: Patience,
        mut watched: Watched,
    ) {
        let pipe = self.pipe.clone();
        self.writing = Some(spawn(async move {
            let written = patience.within(container.write(&name, content(pipe.clone()))).await;
            let written = written.unwrap_or_else(|timed_out| Err(timed_out.into()));
            watched.ended(&written);
            if let Err(refusal) = &written {
                pipe.end(Phase::Failed(refusal.clone()));
            }
            written
        }));
    }

    /// The content is complete: waits until it is kept.
    pub(super) async fn finish(mut self) -> Outcome<()> {
        let Some(mut writing) = self.writing.take() else {
            return refuse("write-data has not said where this value goes");
        };
        self.pipe.end(Phase::Finished);
        poll_fn(|cx| std::pin::Pin::new(&mut writing).poll(cx)).await
    }
}

impl Drop for OutgoingValue {
    fn drop(&mut self) {
        self.pipe.end(Phase::GivenUp);
    }
}

/// How far a value is.
#[derive(Debug, Clone)]
enum Phase {
    /// Nobody takes its bytes.
    Ahead,
    /// The backend does.
    Flowing,
    /// Nothing more comes, and it is complete.
    Finished,
    /// Nothing more comes, and it is not.
    GivenUp,
    /// It cannot be written.
    Failed(Refusal),
}

/// The bytes between a guest that writes and a backend that reads.
struct Pipe {
    flow: Mutex<Flow>,
    readable: Notify,
    writable: Notify,
    /// By all values of the instance.
    ahead: Arc<AtomicUsize>,
}

struct Flow {
    phase: Phase,
    bytes: BytesMut,
    /// So many of the bytes that come next are counted in `ahead`.
    counted: usize,
}

impl Pipe {
    fn new(ahead: Arc<AtomicUsize>) -> Self {
        let flow = Flow { phase: Phase::Ahead, bytes: BytesMut::new(), counted: 0 };
        Self { flow: Mutex::new(flow), readable: Notify::new(), writable: Notify::new(), ahead }
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// From now on somebody takes its bytes.
    fn begin(&self) -> Outcome<()> {
        let mut flow = self.flow();
        if let Phase::Failed(refusal) = &flow.phase {
            return Err(refusal.clone());
        }
        flow.phase = Phase::Flowing;
        Ok(())
    }

    /// Nothing more is written. What was said first stays.
    fn end(&self, phase: Phase) {
        let mut flow = self.flow();
        if !matches!(flow.phase, Phase::Ahead | Phase::Flowing) {
            return;
        }
        if !matches!(phase, Phase::Finished) {
            flow.bytes = BytesMut::new();
            self.release(&mut flow, usize::MAX);
        }
        flow.phase = phase;
        drop(flow);
        self.readable.notify_one();
        self.writable.notify_one();
    }

    /// How many bytes can be written now.
    fn room(&self) -> StreamResult<usize> {
        let flow = self.flow();
        match &flow.phase {
            // There is always room for a byte: one too many is told by the write, and waiting for room would never end.
            Phase::Ahead => {
                let left = AHEAD_MAX.saturating_sub(self.ahead.load(Ordering::Relaxed));
                Ok(left.clamp(1, PIECE_MAX))
            }
            Phase::Flowing => Ok(WINDOW.saturating_sub(flow.bytes.len()).min(PIECE_MAX)),
            Phase::Finished | Phase::GivenUp => Err(StreamError::Closed),
            Phase::Failed(refusal) => Err(StreamError::LastOperationFailed(refusal.clone().into())),
        }
    }

    /// The value lacks something from here on, so it is not kept at all.
    fn too_far_ahead(&self) -> StreamError {
        let reason = format!("call write-data first: at most {AHEAD_MAX} bytes wait until it says where they go");
        let refusal = Refusal::Other(reason);
        self.end(Phase::Failed(refusal.clone()));
        StreamError::LastOperationFailed(refusal.into())
    }

    fn write(&self, bytes: &[u8]) -> StreamResult<()> {
        let mut flow = self.flow();
        match &flow.phase {
            Phase::Ahead => {
                let used = self.ahead.fetch_add(bytes.len(), Ordering::Relaxed);
                flow.counted += bytes.len();
                if used + bytes.len() > AHEAD_MAX {
                    drop(flow);
                    return Err(self.too_far_ahead());
                }
            }
            Phase::Flowing if flow.bytes.len() + bytes.len() > WINDOW => {
                return Err(StreamError::trap("more was written than check-write allowed"));
            }
            Phase::Flowing => {}
            Phase::Finished | Phase::GivenUp => return Err(StreamError::Closed),
            Phase::Failed(refusal) => return Err(StreamError::LastOperationFailed(refusal.clone().into())),
        }
        flow.bytes.extend_from_slice(bytes);
        drop(flow);
        self.readable.notify_one();
        Ok(())
    }

    /// The next piece, or `None` when the content is complete.
    async fn next(&self) -> Option<Result<Bytes, BackendError>> {
        loop {
            {
                let mut flow = self.flow();
                let length = flow.bytes.len().min(PIECE_MAX);
                if length > 0 {
                    let piece = flow.bytes.split_to(length).freeze();
                    self.release(&mut flow, length);
                    self.writable.notify_one();
                    return Some(Ok(piece));
                }
                match flow.phase {
                    Phase::Finished => return None,
                    Phase::GivenUp | Phase::Failed(_) => return Some(Err(BackendError::Unfinished)),
                    Phase::Ahead | Phase::Flowing => {}
                }
            }
            self.readable.notified().await;
        }
    }

    /// `length` bytes wait no more.
    fn release(&self, flow: &mut Flow, length: usize) {
        let released = flow.counted.min(length);
        flow.counted -= released;
        self.ahead.fetch_sub(released, Ordering::Relaxed);
    }
}

/// What comes out of a pipe.
fn content(pipe: Arc<Pipe>) -> Content {
    let next = |pipe: Option<Arc<Pipe>>| async move {
        let pipe = pipe?;
        let piece = pipe.next().await?;
        let rest = piece.is_ok().then_some(pipe);
        Some((piece, rest))
    };
    stream::unfold(Some(pipe), next).boxed()
}

/// The way into the pipe, as an `output-stream`. It may outlive its value, and is closed then.
pub(super) struct OutgoingStream(Arc<Pipe>);

#[async_trait]
impl Pollable for OutgoingStream {
    async fn ready(&mut self) {
        while matches!(self.0.room(), Ok(0)) {
            self.0.writable.notified().await;
        }
    }
}

impl OutputStream for OutgoingStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.write(&bytes)
    }

    /// There is nothing to do: `finish` waits until all of it is kept.
    fn flush(&mut self) -> StreamResult<()> {
        self.0.room().map(drop)
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.0.room()
    }
}
