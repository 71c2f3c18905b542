//! Closing a connection in order: first our side, then, for a moment, what the client still sends is read and dropped.
//! Else the system would reset the connection, and the client might lose the answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::timer::Timer;

/// How long, and for how many bytes, a closing connection still listens.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1 << 20;

/// A connection's end.
pub(super) struct Linger {
    until: Option<Instant>,
    /// Our side is closed.
    closed: bool,
    bytes_left: usize,
    timer: Timer,
}

impl Default for Linger {
    fn default() -> Self {
        Self { until: None, closed: false, bytes_left: LINGER_BYTES, timer: Timer::default() }
    }
}

impl Linger {
    /// Ready when `stream` may be dropped.
    pub(super) fn poll<S>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let until = *self.until.get_or_insert_with(|| Instant::now() + LINGER);
        if !self.closed {
            match Pin::new(&mut *stream).poll_shutdown(cx) {
                Poll::Ready(closed) => closed?,
                // TLS has something left to say, to a client that may not listen.
                Poll::Pending => return self.timer.poll(cx, until).map(Ok),
            }
            self.closed = true;
        }
        let mut scratch = [0; 8 << 10];
        while self.bytes_left > 0 {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.bytes_left = self.bytes_left.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => break,
                Poll::Pending => return self.timer.poll(cx, until).map(Ok),
            }
        }
        Poll::Ready(Ok(()))
    }
}
