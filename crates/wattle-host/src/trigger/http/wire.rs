//! A connection's bytes, and the time they may take: idle, within a head, while writing.
//!
//! Timers are lazy: progress only notes an instant, and a timer that fires too early is set again. So a request costs
//! no timer at all.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::FutureExt as _;
use http::Request;
use http::header::TRANSFER_ENCODING;
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
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

/// How often it is looked whether the client is still there, while nobody reads what it sends.
const GLANCE: Duration = Duration::from_millis(5);

/// A connection's stream with its time-outs.
pub(super) struct Wire {
    stream: TcpStream,
    progress: Arc<Progress>,
    reading: Timer,
    writing: Timer,
    glances: Timer,
    write_stalled: Option<Instant>,
    linger: Option<Linger>,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    idle: Duration,
    head: Duration,
    body: Duration,
    head_max: usize,
}

/// What a connection is doing, shared between its bytes and its requests.
pub(super) struct Progress(Mutex<Reading>);

struct Reading {
    phase: Phase,
    head: Head,
    body: RawBody,
}

#[derive(Clone, Copy)]
enum Phase {
    /// Between two requests, or before the first.
    Idle { since: Instant, first: bool },
    /// A head has begun and is not whole yet.
    Head { since: Instant },
    /// A request is being served.
    Busy { received: bool, answered: bool },
}

/// The raw bytes of the head that is read or comes next.
enum Head {
    /// All of them so far, up to the limit on heads and a byte more.
    Seen(Vec<u8>),
    /// Some came together with the request before: from now on nobody knows where a head begins.
    Unseen,
}

/// What was read of the body under way, told by its raw bytes.
#[derive(Clone, Copy)]
enum RawBody {
    /// So many bytes are missing; `None`: more were read than it has.
    Length(Option<u64>),
    /// The last read may have been its end.
    Chunked { may_have_ended: bool },
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().expect("invariant: nothing panics while it holds this lock")
    }

    /// A head is whole, its request is being served. The parser hides some of what the bytes were: a `Content-Length`
    /// beside a `Transfer-Encoding`, bare line feeds, the size. So they are looked at here.
    pub(super) fn begin<B: Body>(&self, request: &Request<B>) -> Framing {
        let mut reading = self.lock();
        let coded = request.headers().contains_key(TRANSFER_ENCODING);
        let received = request.body().is_end_stream();
        reading.phase = Phase::Busy { received, answered: false };
        let seen = match &mut reading.head {
            Head::Seen(bytes) if !bytes.is_empty() => std::mem::take(bytes),
            _ => {
                reading.head = Head::Unseen;
                return if coded { Framing::Unseen } else { Framing::Clear };
            }
        };
        let (framing, head_len) = framing(&seen, coded);
        let rest = &seen[head_len..];
        if received {
            reading.head = Head::Seen(rest.to_vec());
        } else {
            reading.body = match request.body().size_hint().exact() {
                Some(length) => RawBody::Length(Some(length)),
                None => RawBody::Chunked { may_have_ended: false },
            };
            reading.body.read(rest);
        }
        framing
    }

    /// The request is there as a whole, or nobody wants the rest.
    pub(super) fn received(&self) {
        let mut reading = self.lock();
        let Phase::Busy { received: received @ false, .. } = &mut reading.phase else { return };
        *received = true;
        if !reading.body.ended_with_its_read() {
            reading.head = Head::Unseen;
        }
        reading.rest();
    }

    /// The answer is complete.
    pub(super) fn answered(&self) {
        let mut reading = self.lock();
        if let Phase::Busy { answered, .. } = &mut reading.phase {
            *answered = true;
        }
        reading.rest();
    }
}

impl RawBody {
    fn read(&mut self, bytes: &[u8]) {
        match self {
            RawBody::Length(missing) => *missing = missing.and_then(|missing| missing.checked_sub(bytes.len() as u64)),
            RawBody::Chunked { may_have_ended } => *may_have_ended = bytes.ends_with(b"\r\n\r\n"),
        }
    }

    /// Whether nothing came behind it in the read that ended it. A whole head may still have: then the next request
    /// is there without a byte of it seen.
    fn ended_with_its_read(self) -> bool {
        matches!(self, RawBody::Length(Some(0)) | RawBody::Chunked { may_have_ended: true })
    }
}

impl Reading {
    fn rest(&mut self) {
        if let Phase::Busy { received: true, answered: true } = self.phase {
            let since = Instant::now();
            self.phase = match &self.head {
                Head::Seen(head) if !head.is_empty() => Phase::Head { since },
                _ => Phase::Idle { since, first: false },
            };
        }
    }

    /// `bytes` were read; a head is kept up to `head_max` bytes and one more.
    fn arrived(&mut self, bytes: &[u8], head_max: usize) {
        match self.phase {
            Phase::Busy { received: false, .. } => return self.body.read(bytes),
            Phase::Idle { .. } => self.phase = Phase::Head { since: Instant::now() },
            Phase::Busy { .. } | Phase::Head { .. } => {}
        }
        if let Head::Seen(head) = &mut self.head {
            let room = (head_max + 1).saturating_sub(head.len());
            head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}

/// What the raw bytes of a head say about where its request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Clear,
    /// Both a length and a transfer coding.
    Conflicting,
    /// A transfer coding, and nobody knows what is beside it: the connection must not be used again.
    Unseen,
    /// A line that other parsers might not take for one.
    BareLineFeed,
    /// More bytes than a head may have.
    TooLarge,
}

/// What the head at the start of `bytes` says, and how many bytes it has.
fn framing(bytes: &[u8], coded: bool) -> (Framing, usize) {
    const LENGTH: &[u8] = b"content-length";
    let mut has_length = false;
    let mut head_len = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        head_len += line.len();
        match line {
            b"\r\n" if coded && has_length => return (Framing::Conflicting, head_len),
            b"\r\n" => return (Framing::Clear, head_len),
            line if line.ends_with(b"\r\n") => {}
            line if line.ends_with(b"\n") => return (Framing::BareLineFeed, head_len),
            _ => break,
        }
        has_length |= line.get(..LENGTH.len()).is_some_and(|name| name.eq_ignore_ascii_case(LENGTH));
    }
    (Framing::TooLarge, bytes.len())
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
        let progress = Arc::new(Progress(Mutex::new(Reading {
            phase,
            head: Head::Seen(Vec::new()),
            body: RawBody::Length(Some(0)),
        })));
        let limits = Limits {
            idle: limits.idle_timeout,
            head: limits.header_timeout,
            body: limits.body_timeout,
            head_max: usize::try_from(limits.header_bytes.0).unwrap_or(usize::MAX),
        };
        let wire = Self {
            stream,
            progress: progress.clone(),
            reading: Timer::default(),
            writing: Timer::default(),
            glances: Timer::default(),
            write_stalled: None,
            linger: None,
            limits,
        };
        (wire, progress)
    }

    /// While nothing arrives: whether it has taken too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let phase = self.progress.lock().phase;
        match phase {
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
        let Phase::Busy { received: false, answered: false } = self.progress.lock().phase else { return Ok(()) };
        let _again = self.glances.poll(cx, Instant::now() + GLANCE);
        match self.stream.ready(Interest::READABLE).now_or_never() {
            Some(Ok(ready)) if ready.is_read_closed() => Err(io::ErrorKind::ConnectionAborted.into()),
            _ => Ok(()),
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
                let arrived = &buffer.filled()[before..];
                self.progress.lock().arrived(arrived, self.limits.head_max);
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
        self.poll_client(cx)?;
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
    use super::{Framing, framing};

    #[test]
    fn what_raw_heads_say() {
        let check = |head: &str, coded, expected| assert_eq!(framing(head.as_bytes(), coded).0, expected, "{head:?}");
        check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", true, Framing::Clear);
        check("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncOnTent-LENGTH: 3\r\n\r\n", true, Framing::Conflicting);
        check("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: x\r\n\r\n", true, Framing::Conflicting);
        check("POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\nContent-Length: 3\r\n", true, Framing::Clear);
        check("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\nb", false, Framing::Clear);
        check("GET / HTTP/1.1\r\nX-Content-Length: 3\r\n\r\n", false, Framing::Clear);
        check("GET / HTTP/1.1\nHost: a\n\n", false, Framing::BareLineFeed);
        check("GET / HTTP/1.1\r\nHost: a\n\r\n", false, Framing::BareLineFeed);
        check("GET / HTTP/1.1\r\nX: too lon", false, Framing::TooLarge);
    }
}
