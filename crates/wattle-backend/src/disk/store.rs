//! Keys and values on disk: what a caller does, handed to the threads that may wait for the disk.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::batch::{Batch, Failure};
use super::cache::{Cache, Row};
use super::data_dir::{DataDir, StateClaim};
use super::database::Location;
use super::engine::Engine;
#[cfg(feature = "conformance")]
use super::faults::Faults;
use super::queue::Queue;
use super::reader::{self, Reads};
use super::state_file::Distrust;
use super::table_key;
use super::writer::{Write, Writer, Writes};
use crate::backend::Backend;
use crate::bucket::Bucket;
use crate::error::{BackendError, Part};
use crate::key_value::{Change, Entry, KeyValue, Page, Put, Swap, Version};
use crate::lifetime::{Kept, Moment};
use crate::limits;

/// Threads that read. Two, so that one slow page does not hold up everything else.
const READERS: usize = 2;
/// What waits to be read at most, in bytes: some 250 reads.
const READ_QUEUE_BYTES: usize = 4 << 20;

/// How much memory a store may use, and how carefully it opens.
#[derive(Debug, Clone)]
pub struct DiskOptions {
    /// For entries that were read or written lately, in bytes.
    pub entry_cache_bytes: usize,
    /// For pages of the database file, in bytes.
    pub page_cache_bytes: usize,
    /// For writes that wait, in bytes; each counts 16 KiB beside its value. Who writes more waits.
    pub write_queue_bytes: usize,
    /// A file of at most this many bytes is read and checked as a whole when it is opened (about 1 ms per MiB). In a
    /// larger one every value is still checked when it is read, but a damaged key may look like a missing one.
    pub verify_max_bytes: u64,
    /// Makes the disk fail when a test says so.
    #[cfg(feature = "conformance")]
    pub faults: Faults,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            entry_cache_bytes: 16 << 20,
            page_cache_bytes: 16 << 20,
            write_queue_bytes: 64 << 20,
            verify_max_bytes: 64 << 20,
            #[cfg(feature = "conformance")]
            faults: Faults::default(),
        }
    }
}

/// A [`KeyValue`] in the file `state.redb` of a data directory.
///
/// A write is acknowledged when the disk has confirmed it. Dropping the store does what [`close`](Self::close) does.
pub struct DiskKeyValue {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

struct Shared {
    engine: Arc<Engine>,
    cache: Arc<Cache>,
    reads: Arc<Reads>,
    writes: Arc<Writes>,
}

/// What ends with the store.
struct Running {
    threads: Vec<JoinHandle<()>>,
    _claim: StateClaim,
}

impl DiskKeyValue {
    /// Opens the keys and values of a data directory, which has none at first. Blocks while it reads the file.
    pub fn open(dir: Arc<DataDir>, options: DiskOptions) -> Result<Self, BackendError> {
        let path = dir.state_file();
        let claim = dir.claim_state().ok_or_else(|| {
            let busy = io::Error::new(io::ErrorKind::ResourceBusy, "a store of this process has it open");
            BackendError::io("open", &path, busy)
        })?;
        let engine = Engine::open(Location {
            path,
            page_cache_bytes: options.page_cache_bytes,
            verify_max_bytes: options.verify_max_bytes,
            distrust: Distrust::default(),
            #[cfg(feature = "conformance")]
            faults: options.faults,
        })?;
        let shared = Arc::new(Shared {
            engine: Arc::new(engine),
            cache: Arc::new(Cache::new(options.entry_cache_bytes)),
            reads: Arc::new(Queue::new(READ_QUEUE_BYTES)),
            writes: Arc::new(Queue::new(options.write_queue_bytes)),
        });
        let running = Running { threads: Vec::new(), _claim: claim };
        let store = Self { shared, running: Mutex::new(Some(running)) };
        // If one thread cannot be started, dropping the store ends the others.
        store.start_threads()?;
        Ok(store)
    }

    /// Ends the store: what waits to be written is written, later operations fail with
    /// [`Closed`](BackendError::Closed). Blocks until the file is closed: not to be called on a thread that serves
    /// requests.
    pub fn close(&self) {
        self.shared.reads.close();
        self.shared.writes.close();
        let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        for thread in running.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the disk store had panicked");
            }
        }
        self.shared.engine.close();
    }

    fn start_threads(&self) -> Result<(), BackendError> {
        let Shared { engine, cache, reads, writes } = &*self.shared;
        let writer = Writer { engine: engine.clone(), cache: cache.clone(), writes: writes.clone() };
        self.start("wattle-write", move || writer.run())?;
        for _ in 0..READERS {
            let (engine, reads) = (engine.clone(), reads.clone());
            self.start("wattle-read", move || reader::run(engine, reads))?;
        }
        Ok(())
    }

    fn start(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), BackendError> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
        let thread =
            thread.map_err(|error| BackendError::io("start a thread for", self.shared.engine.path(), error))?;
        if let Some(running) = &mut *self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            running.threads.push(thread);
        }
        Ok(())
    }

    /// A write of `work` that holds `bytes` while it waits.
    fn write<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl Fn(&mut Batch<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BackendError>> {
        let shared = self.shared.clone();
        let (step, result) = Write::step(work);
        async move {
            shared.writes.push(step, bytes).await?;
            result.await.map_err(|_| BackendError::Closed)?
        }
        .boxed()
    }
}

impl Drop for DiskKeyValue {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// Reads on a thread that may wait.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let (reply, result) = tokio::sync::oneshot::channel();
        let read = Box::new(move |engine: &Engine| {
            // Nobody may be waiting any more.
            if !reply.is_closed() {
                let _ = reply.send(work(engine));
            }
        });
        self.reads.push(read, 0).await?;
        result.await.map_err(|_| BackendError::Closed)?
    }

    async fn get(&self, row: Row) -> Result<Option<Entry>, BackendError> {
        if self.writes.is_closed() {
            return Err(BackendError::Closed);
        }
        if let Some(found) = self.cache.get(&row) {
            return Ok(living(found));
        }
        let cache = self.cache.clone();
        self.read(move |engine| {
            let ticket = cache.ticket(&row);
            let found = engine.read(|view| view.get(&row))?;
            if let Some(ticket) = ticket {
                cache.fill(ticket, row, found.clone());
            }
            Ok(living(found))
        })
        .await
    }
}

fn living(found: Option<Kept>) -> Option<Entry> {
    found.filter(Kept::is_living).map(|kept| kept.entry)
}

fn row(bucket: &Bucket, key: &str) -> Result<Row, BackendError> {
    table_key::row(bucket, key).map(Row::from)
}

/// The row of a write, if its value is small enough, and when it ends.
fn row_to_write(bucket: &Bucket, key: &str, put: &Put) -> Result<(Row, Option<Moment>), BackendError> {
    limits::checked(Part::Value, put.value.len())?;
    Ok((row(bucket, key)?, put.lifetime.map(Moment::after)))
}

fn failed<T: Send + 'static>(error: BackendError) -> BoxFuture<'static, Result<T, BackendError>> {
    futures::future::ready(Err(error)).boxed()
}

impl Backend for DiskKeyValue {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        self.write(0, |batch| batch.touch())
    }
}

impl KeyValue for DiskKeyValue {
    fn get(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<Option<Entry>, BackendError>> {
        match row(bucket, key) {
            Ok(row) => {
                let shared = self.shared.clone();
                async move { shared.get(row).await }.boxed()
            }
            Err(error) => failed(error),
        }
    }

    fn set(&self, bucket: &Bucket, key: &str, put: Put) -> BoxFuture<'static, Result<Version, BackendError>> {
        match row_to_write(bucket, key, &put) {
            Ok((row, ends)) => self.write(put.value.len(), move |batch| batch.set(&row, &put.value, ends)),
            Err(error) => failed(error),
        }
    }

    fn delete(&self, bucket: &Bucket, key: &str) -> BoxFuture<'static, Result<(), BackendError>> {
        match row(bucket, key) {
            Ok(row) => self.write(0, move |batch| batch.delete(&row)),
            Err(error) => failed(error),
        }
    }

    fn list(
        &self,
        bucket: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>> {
        let prefix = match table_key::prefix(bucket) {
            Ok(prefix) => prefix,
            Err(error) => return failed(error),
        };
        let (shared, after) = (self.shared.clone(), after.map(str::to_owned));
        async move { shared.read(move |engine| engine.read(|view| view.page(&prefix, after.as_deref(), limit))).await }
            .boxed()
    }

    fn swap(
        &self,
        bucket: &Bucket,
        key: &str,
        expected: Option<Version>,
        put: Put,
    ) -> BoxFuture<'static, Result<Swap, BackendError>> {
        match row_to_write(bucket, key, &put) {
            Ok((row, ends)) => self.write(put.value.len(), move |batch| batch.swap(&row, expected, &put.value, ends)),
            Err(error) => failed(error),
        }
    }

    fn update(&self, bucket: &Bucket, key: &str, change: Change) -> BoxFuture<'static, Result<Bytes, BackendError>> {
        match row(bucket, key) {
            Ok(row) => self.write(0, move |batch| batch.update(&row, &change)),
            Err(error) => failed(error),
        }
    }
}
