//! A connection's bytes, and the time they may take: [`Wire`] for HTTP/1.1, [`FramedWire`] for HTTP/2.
//!
//! Timers are lazy: progress only notes an instant, and a timer that fires too early is set again. So a request costs
//! no timer at all.

mod budget;
mod framed;
mod frames;
mod linger;
mod progress;
mod streams;
mod timer;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use wattle_spec::limits::HostLimits;

pub(super) use framed::FramedWire;
pub(super) use frames::PREFACE;
pub(super) use progress::{Framing, Progress};
pub(super) use streams::{OpenStream, Streams};

use linger::Linger;
use progress::Phase;
use timer::{Stall, Timer, timed_out};

/// How often it is looked whether the client is still there, while nobody reads what it sends.
const GLANCE: Duration = Duration::from_millis(5);

/// What carries a connection's bytes.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// The socket below.
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// The stream of a connection of HTTP/1.1 with its time-outs.
pub(super) struct Wire<S> {
    stream: S,
    /// What was read before it was known which protocol this is.
    first: Vec<u8>,
    progress: Arc<Progress>,
    reading: Timer,
    writing: Stall,
    glances: Timer,
    linger: Linger,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    idle: Duration,
    head: Duration,
    body: Duration,
    head_max: usize,
}

impl<S: Stream> Wire<S> {
    /// `first` are bytes that were read from `stream` already.
    pub(super) fn new(stream: S, first: Vec<u8>, limits: &HostLimits) -> (Self, Arc<Progress>) {
        let progress = Arc::new(Progress::new());
        let limits = Limits {
            idle: limits.idle_timeout,
            head: limits.header_timeout,
            body: limits.body_timeout,
            head_max: usize::try_from(limits.header_bytes.0).unwrap_or(usize::MAX),
        };
        let wire = Self {
            stream,
            first,
            progress: progress.clone(),
            reading: Timer::default(),
            writing: Stall::new(limits.body),
            glances: Timer::default(),
            linger: Linger::default(),
            limits,
        };
        (wire, progress)
    }

    /// While nothing arrives: whether it has taken too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.progress.phase() {
            Phase::Busy { .. } => Poll::Pending,
            Phase::Head { since } => self.reading.poll(cx, since + self.limits.head).map(|()| Err(timed_out())),
            // To the HTTP machinery this is a client that hung up.
            Phase::Idle { since, first: true } => self.reading.poll(cx, since + self.limits.head).map(Ok),
            Phase::Idle { since, first: false } => self.reading.poll(cx, since + self.limits.idle).map(Ok),
        }
    }

    /// While a request waits for its answer and its body is not read: whether the client went away. The HTTP machinery
    /// finds that out by reading only, and reads no more than its guest asks for.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Phase::Busy { received: false, answered: false } = self.progress.phase() else { return Ok(()) };
        let _again = self.glances.poll(cx, Instant::now() + GLANCE);
        match self.stream.socket().ready(Interest::READABLE).now_or_never() {
            Some(Ok(ready)) if ready.is_read_closed() => Err(io::ErrorKind::ConnectionAborted.into()),
            _ => Ok(()),
        }
    }
}

/// Gives out what was read before, or else reads.
fn poll_read_after<S: Stream>(
    first: &mut Vec<u8>,
    stream: &mut S,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if first.is_empty() {
        return Pin::new(stream).poll_read(cx, buffer);
    }
    let len = first.len().min(buffer.remaining());
    buffer.put_slice(&first[..len]);
    first.drain(..len);
    Poll::Ready(Ok(()))
}

impl<S: Stream> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let wire = &mut *self;
        match poll_read_after(&mut wire.first, &mut wire.stream, cx, buffer) {
            Poll::Pending => self.poll_silence(cx),
            Poll::Ready(Ok(())) => {
                let arrived = &buffer.filled()[before..];
                self.progress.arrived(arrived, self.limits.head_max);
                Poll::Ready(Ok(()))
            }
            failed => failed,
        }
    }
}

impl<S: Stream> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.writing.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.writing.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_client(cx)?;
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.writing.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = &mut *self;
        wire.linger.poll(&mut wire.stream, cx)
    }
}
