//! One database file of a data directory, as rows: what a caller does, handed to the threads that may wait for the disk.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::batch::{Batch, Failure};
use super::cache::{Cache, Row};
use super::data_dir::{Claim, DataDir};
use super::database::{Location, View};
use super::engine::Engine;
use super::options::DiskOptions;
use super::queue::Queue;
use super::state_file::Distrust;
use super::workers::Workers;
use super::writer::{Write, Writer, Writes};
use crate::error::BackendError;
use crate::key_value::Entry;
use crate::lifetime::Kept;

/// Threads that read. Two, so that one slow page does not hold up everything else.
const READERS: usize = 2;
/// What waits to be read at most, in bytes: some 250 reads.
const READ_QUEUE_BYTES: usize = 4 << 20;

/// The rows of a file. Dropping them does what [`close`](Self::close) does.
pub(super) struct Rows {
    engine: Arc<Engine>,
    cache: Arc<Cache>,
    readers: Workers,
    writes: Arc<Writes>,
    running: Mutex<Option<Running>>,
}

/// What ends with the rows.
struct Running {
    writer: JoinHandle<()>,
    _claim: Claim,
}

impl Rows {
    /// Opens the file of that name in `dir`, which is made if there is none. Blocks while it reads the file.
    pub(super) fn open(dir: Arc<DataDir>, name: &'static str, options: DiskOptions) -> Result<Self, BackendError> {
        let path = dir.path().join(name);
        let claim = dir.claim(name).ok_or_else(|| {
            let busy = io::Error::new(io::ErrorKind::ResourceBusy, "a store of this process has it open");
            BackendError::io("open", &path, busy)
        })?;
        let no_thread = |error| BackendError::io("start a thread for", &path, error);
        let engine = Arc::new(Engine::open(Location {
            path: path.clone(),
            page_cache_bytes: options.page_cache_bytes,
            verify_max_bytes: options.verify_max_bytes,
            distrust: Distrust::default(),
            #[cfg(feature = "conformance")]
            faults: options.faults,
        })?);
        let cache = Arc::new(Cache::new(options.entry_cache_bytes));
        let writes: Arc<Writes> = Arc::new(Queue::new(options.write_queue_bytes));
        let readers = Workers::start("wattle-read", READERS, READ_QUEUE_BYTES).map_err(no_thread)?;
        let writer = Writer { engine: engine.clone(), cache: cache.clone(), writes: writes.clone() };
        let writer = thread::Builder::new().name("wattle-write".to_owned()).spawn(|| writer.run());
        let running = Running { writer: writer.map_err(no_thread)?, _claim: claim };
        Ok(Self { engine, cache, readers, writes, running: Mutex::new(Some(running)) })
    }

    /// What waits to be written is written, later operations fail with [`Closed`](BackendError::Closed). Blocks until
    /// the file is closed.
    pub(super) fn close(&self) {
        self.readers.close();
        self.writes.close();
        let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if running.writer.join().is_err() {
            tracing::error!("the thread that writes had panicked");
        }
        self.engine.close();
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        self.engine.path()
    }

    /// Whether the file was checked as a whole when it was opened.
    pub(super) fn was_verified(&self) -> bool {
        self.engine.was_verified()
    }

    /// Refuses if no write can be trusted any more.
    pub(super) fn trusted(&self) -> Result<(), BackendError> {
        self.engine.trusted()
    }

    /// The entry at `row`, from the cache if it is there.
    pub(super) async fn get(&self, row: Row) -> Result<Option<Entry>, BackendError> {
        Ok(self.kept(row).await?.map(|kept| kept.entry))
    }

    /// The same, with when it ends.
    pub(super) async fn kept(&self, row: Row) -> Result<Option<Kept>, BackendError> {
        if self.writes.is_closed() {
            return Err(BackendError::Closed);
        }
        if let Some(found) = self.cache.get(&row) {
            return Ok(living(found));
        }
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        let read = move || {
            let ticket = cache.ticket(&row);
            let found = engine.read(|view| view.get(&row))?;
            if let Some(ticket) = ticket {
                cache.fill(ticket, row, found.clone());
            }
            Ok(living(found))
        };
        self.readers.run(0, read).await
    }

    /// What `work` reads in one moment of the file. It is run again if the disk had failed before it began.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&View<'_>) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let engine = self.engine.clone();
        self.readers.run(0, move || engine.read(work)).await
    }

    /// The same on this thread, which may wait for the disk.
    pub(super) fn read_here<T>(&self, work: impl Fn(&View<'_>) -> Result<T, BackendError>) -> Result<T, BackendError> {
        self.engine.read(work)
    }

    /// A write of `work`, which may be called more than once and holds `bytes` while it waits.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl Fn(&mut Batch<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, BackendError> {
        self.write_then(bytes, work, |_| ()).await
    }

    /// The same. When the outcome is known, `settled` sees it, on the thread that writes, also if nobody waits any more.
    /// It is dropped without having been called if nothing was tried.
    pub(super) async fn write_then<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl Fn(&mut Batch<'_>) -> Result<T, Failure> + Send + 'static,
        settled: impl FnOnce(&Result<T, BackendError>) + Send + 'static,
    ) -> Result<T, BackendError> {
        let (step, result) = Write::step(work, settled);
        self.writes.push(step, bytes).await?;
        result.await.map_err(|_| BackendError::Closed)?
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.close();
    }
}

/// What is still there for whoever asks.
fn living(found: Option<Kept>) -> Option<Kept> {
    found.filter(Kept::is_living)
}
