//! A connection's bytes, and the time they may take: idle, within a head, while writing.
//!
//! Timers are lazy: progress only notes an instant, and a timer that fires too early is set again. So a request costs
//! no timer at all.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use wattle_spec::limits::HostLimits;

/// How long, and for how many bytes, a closing connection still listens.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1 << 20;

struct Linger {
    until: Instant,
    bytes_left: usize,
}

/// A connection's stream with its time-outs.
pub(super) struct Wire {
    stream: TcpStream,
    progress: Arc<Progress>,
    reading: Timer,
    writing: Timer,
    write_stalled: Option<Instant>,
    linger: Option<Linger>,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    idle: Duration,
    head: Duration,
    body: Duration,
    head_len: usize,
}

/// What a connection is doing, shared between its bytes and its requests.
pub(super) struct Progress(Mutex<Reading>);

struct Reading {
    phase: Phase,
    /// The raw bytes of the head under way, as far as they are one.
    head: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// Between two requests, or before the first.
    Idle { since: Instant, first: bool },
    /// A head has begun and is not whole yet.
    Head { since: Instant },
    /// A request is being served.
    Busy,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// A head is whole, its request is being served. Where it has a `Transfer-Encoding`, the parser has dropped a
    /// `Content-Length` beside it, so the raw bytes are looked at. Bytes that were not seen (of a head that came
    /// before the answer to the last request) count as having one.
    pub(super) fn begin(&self, headers: &http::HeaderMap) -> Framing {
        let mut reading = self.lock();
        reading.phase = Phase::Busy;
        let conflicting = headers.contains_key(http::header::TRANSFER_ENCODING) && length_stands_in(&reading.head);
        reading.head.clear();
        if conflicting { Framing::Conflicting } else { Framing::Clear }
    }

    /// The answer is complete: the connection rests.
    pub(super) fn rest(&self) {
        self.lock().phase = Phase::Idle { since: Instant::now(), first: false };
    }
}

/// Whether it is clear where a request's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Clear,
    /// Both a length and a transfer coding, or nobody knows.
    Conflicting,
}

/// Whether the head at the start of `bytes` has a `Content-Length`, or is not there as a whole.
fn length_stands_in(bytes: &[u8]) -> bool {
    const NAME: &[u8] = b"content-length";
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return true };
    bytes[..end]
        .split(|byte| *byte == b'\n')
        .any(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))
}

#[derive(Default)]
struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready once `deadline` has passed; else the task is woken then, or earlier.
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl Wire {
    pub(super) fn new(stream: TcpStream, limits: &HostLimits) -> (Self, Arc<Progress>) {
        let phase = Phase::Idle { since: Instant::now(), first: true };
        let progress = Arc::new(Progress(Mutex::new(Reading { phase, head: Vec::new() })));
        let limits = Limits {
            idle: limits.idle_timeout,
            head: limits.header_timeout,
            body: limits.body_timeout,
            head_len: usize::try_from(limits.header_bytes.0).unwrap_or(usize::MAX),
        };
        let wire = Self {
            stream,
            progress: progress.clone(),
            reading: Timer::default(),
            writing: Timer::default(),
            write_stalled: None,
            linger: None,
            limits,
        };
        (wire, progress)
    }

    fn arrived(&self, bytes: &[u8]) {
        let mut reading = self.progress.lock();
        if let Phase::Idle { .. } = reading.phase {
            reading.phase = Phase::Head { since: Instant::now() };
        }
        if let Phase::Head { .. } = reading.phase {
            let room = self.limits.head_len.saturating_sub(reading.head.len());
            reading.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// While nothing arrives: whether it has taken too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let phase = self.progress.lock().phase;
        match phase {
            Phase::Busy => Poll::Pending,
            Phase::Head { since } => self.reading.poll(cx, since + self.limits.head).map(|()| Err(timed_out())),
            // To the HTTP machinery this is a client that hung up.
            Phase::Idle { since, first: true } => self.reading.poll(cx, since + self.limits.head).map(Ok),
            Phase::Idle { since, first: false } => self.reading.poll(cx, since + self.limits.idle).map(Ok),
        }
    }

    fn watch_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_stalled = None;
            return written;
        }
        let since = *self.write_stalled.get_or_insert_with(Instant::now);
        self.writing.poll(cx, since + self.limits.body).map(|()| Err(timed_out()))
    }
}

fn timed_out() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Pending => self.poll_silence(cx),
            Poll::Ready(Ok(())) => {
                self.arrived(&buffer.filled()[before..]);
                Poll::Ready(Ok(()))
            }
            failed => failed,
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Closes in order: first our side, then, for a moment, what the client still sends is read and dropped. Else the
    /// system would reset the connection, and the client might lose the answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = &mut *self;
        let linger = match &mut wire.linger {
            Some(linger) => linger,
            None => {
                ready!(Pin::new(&mut wire.stream).poll_shutdown(cx))?;
                wire.linger.insert(Linger { until: Instant::now() + LINGER, bytes_left: LINGER_BYTES })
            }
        };
        let mut scratch = [0; 8 << 10];
        while linger.bytes_left > 0 {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut wire.stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    linger.bytes_left = linger.bytes_left.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => break,
                Poll::Pending => return wire.reading.poll(cx, linger.until).map(Ok),
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::length_stands_in;

    #[test]
    fn a_length_is_found_in_the_head_only() {
        let check = |head: &str, found: bool| assert_eq!(length_stands_in(head.as_bytes()), found, "{head:?}");
        check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", false);
        check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncOnTent-LENGTH: 3\r\n\r\n", true);
        check("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", true);
        check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nContent-Length: 3\r\n", false);
        check("POST / HTTP/1.1\r\nX-Content-Length: 3\r\n\r\n", false);
        check("POST / HTTP/1.1\r\n", true);
        check("", true);
    }
}
