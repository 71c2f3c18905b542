//! The stream of a connection of HTTP/2: what its frames cost, and how long they may stand still.
//!
//! The HTTP machinery bounds what one frame or one stream can do. That a client sends frames without end which are
//! cheap for it and worth nothing is seen here, from the frames' heads alone.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use wattle_spec::limits::HostLimits;

use super::budget::Budget;
use super::frames::{FrameHead, Frames, Kind, calm_down};
use super::linger::Linger;
use super::streams::Streams;
use super::timer::{Stall, Timer, timed_out};
use super::{Stream, poll_read_after};

/// How many frames of control a client may send for each piece of an answer that it gets: it opens two windows.
const ACKNOWLEDGEMENTS: u32 = 2;

/// The stream of a connection of HTTP/2 with its budgets and time-outs.
pub(in crate::trigger::http) struct FramedWire<S> {
    stream: S,
    /// What was read before it was known which protocol this is.
    first: Vec<u8>,
    incoming: Frames,
    outgoing: Frames,
    spent: Spent,
    streams: Arc<Streams>,
    reading: Timer,
    writing: Stall,
    end: Option<End>,
    linger: Linger,
    head_timeout: Duration,
    body_timeout: Duration,
}

/// What the client has used up.
struct Spent {
    control: Budget,
    resets: Budget,
    /// Since when the head under way arrives.
    head_since: Option<Instant>,
    last_stream: u32,
    too_much: bool,
}

/// The connection is ended because of what its client does.
enum End {
    /// So much of the goodbye is still to be written.
    Goodbye(Vec<u8>),
    Lingering,
}

impl Spent {
    fn saw(&mut self, frame: FrameHead, now: Instant) {
        let paid = match frame.kind {
            Kind::Reset => self.resets.take(now),
            _ if frame.is_idle() => self.control.take(now),
            _ => true,
        };
        self.too_much |= !paid;
        if frame.kind == Kind::Headers {
            self.head_since = Some(now);
            self.last_stream = self.last_stream.max(frame.stream);
        }
    }
}

impl<S: Stream> FramedWire<S> {
    /// `first` are bytes that were read from `stream` already.
    pub(in crate::trigger::http) fn new(stream: S, first: Vec<u8>, streams: Arc<Streams>, limits: &HostLimits) -> Self {
        let spent = Spent {
            control: Budget::new(limits.http2_control_frames_per_second),
            resets: Budget::new(limits.http2_resets_per_second),
            head_since: None,
            last_stream: 0,
            too_much: false,
        };
        Self {
            stream,
            first,
            incoming: Frames::of_client(),
            outgoing: Frames::of_server(),
            spent,
            streams,
            reading: Timer::default(),
            writing: Stall::new(limits.body_timeout),
            end: None,
            linger: Linger::default(),
            head_timeout: limits.header_timeout,
            body_timeout: limits.body_timeout,
        }
    }

    fn arrived(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        self.incoming.read(bytes, |frame| self.spent.saw(frame, now));
        if !self.incoming.in_block() {
            self.spent.head_since = None;
        }
    }

    /// While nothing arrives: whether a head, or the client's taking of an answer, has taken too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let head = self.spent.head_since.map(|since| since + self.head_timeout);
        let answer = self.streams.stands_until(self.body_timeout);
        let Some(deadline) = head.into_iter().chain(answer).min() else { return Poll::Pending };
        self.reading.poll(cx, deadline).map(|()| Err(timed_out()))
    }

    /// Says goodbye and closes; what the client still sends is dropped.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = self.end.get_or_insert_with(|| {
            tracing::debug!("a client of HTTP/2 sends more frames than it may, and is let go");
            // In the middle of a frame nothing else can be said.
            match self.outgoing.between() {
                true => End::Goodbye(calm_down(self.spent.last_stream).to_vec()),
                false => End::Lingering,
            }
        });
        while let End::Goodbye(rest) = end {
            if rest.is_empty() {
                *end = End::Lingering;
                break;
            }
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(len)) if len > 0 => drop(rest.drain(..len)),
                // Who does not read gets no goodbye.
                _ => *end = End::Lingering,
            }
        }
        let _ = ready!(self.linger.poll(&mut self.stream, cx));
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    fn wrote(&mut self, bytes: &[u8]) {
        let mut pieces = 0;
        self.outgoing.read(bytes, |frame| pieces += u32::from(frame.kind == Kind::Data));
        if pieces > 0 {
            self.streams.written();
            self.spent.control.earn(pieces.saturating_mul(ACKNOWLEDGEMENTS));
        }
    }
}

impl<S: Stream> AsyncRead for FramedWire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let wire = &mut *self;
        if wire.spent.too_much {
            return wire.poll_end(cx);
        }
        match poll_read_after(&mut wire.first, &mut wire.stream, cx, buffer) {
            Poll::Pending => wire.poll_silence(cx),
            Poll::Ready(Ok(())) => {
                wire.arrived(&buffer.filled()[before..]);
                if wire.spent.too_much {
                    buffer.set_filled(before);
                    return wire.poll_end(cx);
                }
                Poll::Ready(Ok(()))
            }
            failed => failed,
        }
    }
}

impl<S: Stream> AsyncWrite for FramedWire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.end.is_some() {
            // The end is driven by whoever reads.
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(len)) = &written {
            self.wrote(&bytes[..*len]);
        }
        self.writing.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.end.is_some() {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if let Poll::Ready(Ok(len)) = &written {
            let mut left = *len;
            for slice in slices {
                let len = left.min(slice.len());
                self.wrote(&slice[..len]);
                left -= len;
            }
        }
        self.writing.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.end.is_some() {
            return Poll::Pending;
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.writing.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = &mut *self;
        wire.linger.poll(&mut wire.stream, cx)
    }
}
