//! What a guest prints becomes log lines that say who printed them: cut to a length, held to a rate, without control
//! characters.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::Current;
use crate::component::Identity;

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Stdout,
    Stderr,
    Log(tracing::Level),
}

/// The log of one instance.
#[derive(Clone)]
pub(crate) struct LineLog(Current);

impl LineLog {
    pub(crate) fn new(current: Current) -> Self {
        Self(current)
    }

    /// The instance whose log it is.
    pub(crate) fn current(&self) -> &Current {
        &self.0
    }

    fn identity(&self) -> &Identity {
        self.0.identity()
    }

    /// Writes one line, cut and cleaned, unless the component has used up its rate.
    pub(crate) fn line(&self, source: Source, context: &str, text: &[u8]) {
        let allowed = match self.identity().log_rate.take() {
            Ok(0) => true,
            Ok(dropped) => {
                self.event(Source::Stderr, "", &format!("{dropped} lines were dropped (limit log-lines-per-second)"));
                true
            }
            Err(()) => {
                if let Some(series) = self.0.series() {
                    series.log_line_dropped();
                }
                false
            }
        };
        if allowed {
            let limit = usize::try_from(self.identity().limits.log_line.0).unwrap_or(usize::MAX);
            self.event(source, &cleaned(context.as_bytes(), limit), &cleaned(text, limit));
        }
    }

    fn event(&self, source: Source, context: &str, message: &str) {
        let Identity { app, name, .. } = self.identity();
        let (trigger, instance, request) = (self.0.trigger(), self.0.instance(), self.0.request());
        let sent_by = self.0.chain().sender.map(tracing::field::display);
        macro_rules! event {
            ($level:expr, $stream:literal) => {
                tracing::event!(target: "guest", $level, %app, component = %name, %trigger, %instance, %request,
                    sent_by, stream = $stream, context, "{message}")
            };
        }
        use tracing::Level;
        match source {
            Source::Stdout => event!(Level::INFO, "stdout"),
            Source::Stderr => event!(Level::WARN, "stderr"),
            Source::Log(Level::TRACE) => event!(Level::TRACE, "log"),
            Source::Log(Level::DEBUG) => event!(Level::DEBUG, "log"),
            Source::Log(Level::INFO) => event!(Level::INFO, "log"),
            Source::Log(Level::WARN) => event!(Level::WARN, "log"),
            Source::Log(Level::ERROR) => event!(Level::ERROR, "log"),
        }
    }

    /// A stream that makes lines of what is written to it.
    pub(crate) fn stream(&self, source: Source) -> LineStream {
        LineStream { log: self.clone(), source, rest: Arc::default() }
    }
}

/// Text without control characters (tabs stay), at most `limit` bytes of it, marked where it was cut.
fn cleaned(text: &[u8], limit: usize) -> String {
    let kept = &text[..text.len().min(limit)];
    let mut clean = String::with_capacity(kept.len());
    for c in String::from_utf8_lossy(kept).chars() {
        match c {
            '\t' => clean.push(c),
            c if c.is_control() || turns_text(c) => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    if text.len() > limit {
        clean.push_str("… (cut: limit log-line)");
    }
    clean
}

/// Whether `c` changes the direction of the text around it: a line could look like another.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The standard output or error of a guest.
#[derive(Clone)]
pub(crate) struct LineStream {
    log: LineLog,
    source: Source,
    rest: Arc<Mutex<Line>>,
}

/// A line that has not ended yet: as much of it as may be kept, and one byte more to tell that there was more.
#[derive(Default)]
struct Line(Vec<u8>);

impl LineStream {
    fn take(&self, bytes: &[u8]) {
        let room = usize::try_from(self.log.identity().limits.log_line.0).unwrap_or(usize::MAX).saturating_add(1);
        let mut rest = self.rest.lock().expect("invariant: nothing panics while it holds this lock");
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let take = text.len().min(room.saturating_sub(rest.0.len()));
            rest.0.extend_from_slice(&text[..take]);
            if ended {
                let line = rest.0.strip_suffix(b"\r").unwrap_or(&rest.0);
                self.log.line(self.source, "", line);
                rest.0.clear();
            }
        }
    }

    fn finish(&self) {
        let mut rest = self.rest.lock().expect("invariant: nothing panics while it holds this lock");
        if !rest.0.is_empty() {
            self.log.line(self.source, "", &rest.0);
            rest.0.clear();
        }
    }
}

impl Drop for LineStream {
    fn drop(&mut self) {
        if Arc::strong_count(&self.rest) == 1 {
            self.finish();
        }
    }
}

impl IsTerminal for LineStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LineStream {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LineStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LineStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

impl AsyncWrite for LineStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How many lines a component may write: a bucket that is filled once a second.
pub(crate) struct LogRate {
    per_second: u64,
    state: Mutex<Rate>,
}

struct Rate {
    second: std::time::Instant,
    used: u64,
    dropped: u64,
}

impl LogRate {
    pub(crate) fn new(per_second: u32) -> Self {
        let state = Rate { second: std::time::Instant::now(), used: 0, dropped: 0 };
        Self { per_second: per_second.into(), state: Mutex::new(state) }
    }

    /// Room for one line. `Ok` says how many were dropped since the last that had room.
    pub(crate) fn take(&self) -> Result<u64, ()> {
        let mut rate = self.state.lock().expect("invariant: nothing panics while it holds this lock");
        if rate.second.elapsed() >= std::time::Duration::from_secs(1) {
            rate.second = std::time::Instant::now();
            rate.used = 0;
        }
        if rate.used >= self.per_second {
            rate.dropped += 1;
            return Err(());
        }
        rate.used += 1;
        Ok(std::mem::take(&mut rate.dropped))
    }
}
