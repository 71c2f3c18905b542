//! The standard streams of this process as a guest gets them: byte for byte, unbuffered, never held in memory.
//!
//! Writing blocks the thread, as it does in any program; so a guest that gets these runs on a thread of its own.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::sync::Notify;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// Bytes that are taken from the guest at a time.
const PIECE_MAX: usize = 64 << 10;

/// The streams of this process.
pub(crate) struct ProcessStreams {
    pub(crate) stdout: ProcessOutput,
    pub(crate) stderr: ProcessOutput,
    reader_gone: Arc<Notify>,
}

/// Standard output or error.
#[derive(Clone)]
pub(crate) struct ProcessOutput {
    file: Arc<File>,
    reader_gone: Arc<Notify>,
}

/// Whoever read the output of this process has closed it. It ends a program as SIGPIPE does.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the program's output any more")]
pub(crate) struct ReaderGone;

impl ProcessStreams {
    pub(crate) fn open() -> io::Result<Self> {
        let reader_gone = Arc::<Notify>::default();
        let output = |file: &dyn AsFd| -> io::Result<ProcessOutput> {
            let file = Arc::new(File::from(file.as_fd().try_clone_to_owned()?));
            Ok(ProcessOutput { file, reader_gone: reader_gone.clone() })
        };
        let (stdout, stderr) = (output(&io::stdout())?, output(&io::stderr())?);
        Ok(Self { stdout, stderr, reader_gone })
    }

    /// Waits until somebody wrote to a reader that is gone.
    pub(crate) fn reader_gone(&self) -> impl Future<Output = ()> + use<> {
        let gone = self.reader_gone.clone();
        async move { gone.notified().await }
    }
}

impl IsTerminal for ProcessOutput {
    fn is_terminal(&self) -> bool {
        io::IsTerminal::is_terminal(&*self.file)
    }
}

impl StdoutStream for ProcessOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for ProcessOutput {
    async fn ready(&mut self) {}
}

impl OutputStream for ProcessOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        match (&*self.file).write_all(&bytes) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(StreamError::Trap(ReaderGone.into())),
            Err(error) => Err(StreamError::LastOperationFailed(error.into())),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PIECE_MAX)
    }
}

impl AsyncWrite for ProcessOutput {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match (&*self.file).write(bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The guest gets no further: whoever runs it ends it.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    self.reader_gone.notify_one();
                    return Poll::Pending;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
