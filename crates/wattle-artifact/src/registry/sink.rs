//! Where the bytes of a blob go: to files, and so to a thread that may wait.

use std::io;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wattle_spec::digest::Digest;

use crate::blocking::joined;

/// How many pieces may wait to be written; one has at most about half a megabyte.
const WAITING: usize = 16;

/// What takes the bytes of a blob. It is called on a thread that may wait, and by nobody else meanwhile.
pub trait Sink: Send + 'static {
    /// How many bytes it has, from the first one on.
    fn have(&self) -> u64;

    /// Takes the bytes that follow.
    ///
    /// # Errors
    ///
    /// If they cannot be kept: nothing more is sent then.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Forgets what it has: the first byte comes again.
    ///
    /// # Errors
    ///
    /// If it cannot.
    fn restart(&mut self) -> io::Result<()>;

    /// Whether what it has, now that it is as long as it should be, is what it should be. A sink that tells what it
    /// found instead is filled again from elsewhere, if there is an elsewhere.
    ///
    /// # Errors
    ///
    /// What the bytes are.
    fn check(&mut self) -> Result<(), Digest> {
        Ok(())
    }
}

enum Step {
    Take(Bytes),
    Restart,
    Check(tokio::sync::oneshot::Sender<Result<(), Digest>>),
}

/// The asynchronous end of a sink.
pub(super) struct Feed<S> {
    have: u64,
    steps: mpsc::Sender<Step>,
    writer: JoinHandle<(S, io::Result<()>)>,
}

/// The sink takes nothing more; [`Feed::end`] says why.
#[derive(Debug)]
pub(super) struct Closed;

impl<S: Sink> Feed<S> {
    pub(super) fn start(sink: S) -> Self {
        let (steps, todo) = mpsc::channel(WAITING);
        let have = sink.have();
        // It ends with the channel, so that nobody has to join it where the whole of this is dropped.
        let writer = tokio::task::spawn_blocking(move || write(sink, todo));
        Self { have, steps, writer }
    }

    /// How many bytes it has been given.
    pub(super) fn have(&self) -> u64 {
        self.have
    }

    pub(super) async fn take(&mut self, bytes: Bytes) -> Result<(), Closed> {
        self.have += bytes.len() as u64;
        self.steps.send(Step::Take(bytes)).await.map_err(|_| Closed)
    }

    pub(super) async fn restart(&mut self) -> Result<(), Closed> {
        if self.have > 0 {
            self.have = 0;
            self.steps.send(Step::Restart).await.map_err(|_| Closed)?;
        }
        Ok(())
    }

    pub(super) async fn check(&mut self) -> Result<Result<(), Digest>, Closed> {
        let (told, answer) = tokio::sync::oneshot::channel();
        self.steps.send(Step::Check(told)).await.map_err(|_| Closed)?;
        answer.await.map_err(|_| Closed)
    }

    /// Waits until everything is written; gives the sink back.
    pub(super) async fn end(self) -> (S, io::Result<()>) {
        drop(self.steps);
        joined(self.writer).await
    }
}

fn write<S: Sink>(mut sink: S, mut todo: mpsc::Receiver<Step>) -> (S, io::Result<()>) {
    while let Some(step) = todo.blocking_recv() {
        let done = match step {
            Step::Take(bytes) => sink.take(&bytes),
            Step::Restart => sink.restart(),
            Step::Check(asked) => {
                // Who asked may be gone.
                let _ = asked.send(sink.check());
                Ok(())
            }
        };
        if done.is_err() {
            return (sink, done);
        }
    }
    (sink, Ok(()))
}
