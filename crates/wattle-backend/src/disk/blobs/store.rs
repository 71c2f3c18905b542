//! The store of blobs on disk: opening, closing, and what callers see.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc};
use wattle_spec::quota::Quota;

use super::content_id::Group;
use super::contents::Contents;
use super::files::Files;
use super::index::{self, container_row};
use super::operations::Shared;
use super::sweeper::{Sweeper, Task};
use crate::backend::Backend;
use crate::blobs::{Blobs, ContainerEntry, Content, Object, ObjectEntry, ObjectPage, checked};
use crate::bucket::{Bucket, Owner};
use crate::disk::data_dir::{BLOBS, CONTENTS, DataDir};
use crate::disk::options::DiskOptions;
use crate::disk::rows::Rows;
use crate::disk::storage_error::corrupt;
use crate::disk::workers::Workers;
use crate::error::BackendError;
use crate::key_value::Page;
use crate::quota::Quotas;

/// Threads that read contents, and as many that write them.
const THREADS: usize = 4;
/// What waits to be read at most, in bytes.
const READ_QUEUE_BYTES: usize = 16 << 20;
/// How many objects are being written at the same time, each with an open file. Others wait.
const OPEN_WRITES: usize = 128;

/// [`Blobs`] in the file `blobs.redb` and the directory `blobs` of a data directory.
///
/// A write is acknowledged when the disk has confirmed it. Dropping the store does what [`close`](Self::close) does.
pub struct DiskBlobs {
    shared: Arc<Shared>,
    sweeper: Mutex<Option<JoinHandle<()>>>,
}

impl DiskBlobs {
    /// Opens the blobs of a data directory, which has none at first. Blocks while it reads the index.
    ///
    /// What a crash left is removed afterwards, by a thread of its own, if the index is small enough to be checked as a
    /// whole (see [`DiskOptions::verify_max_bytes`]): what only seems to be missing in it must not be removed.
    pub fn open(dir: Arc<DataDir>, options: DiskOptions) -> Result<Self, BackendError> {
        let (index, path) = (dir.path().join(BLOBS), dir.path().join(CONTENTS));
        let files = Files::open(path.clone(), &options)?;
        let groups = files.groups()?;
        if !groups.is_empty() && !index.exists() {
            return Err(corrupt(&index, "it is gone, and the contents of its objects are not"));
        }
        let write_queue_bytes = options.write_queue_bytes;
        let rows = Arc::new(Rows::open(dir, BLOBS, options)?);
        let (tasks, received) = mpsc::unbounded_channel();
        let contents = Arc::new(Contents::new(files, 1 + last_run(&rows, &groups)?, tasks));
        contents.task(Task::Containers);
        if rows.was_verified() {
            groups.into_iter().for_each(|group| contents.task(Task::Group(group)));
        }
        let no_thread = |error| BackendError::io("start a thread for", &path, error);
        let shared = Shared {
            rows: rows.clone(),
            contents: contents.clone(),
            readers: Workers::start("wattle-blob-read", THREADS, READ_QUEUE_BYTES).map_err(no_thread)?,
            writers: Workers::start("wattle-blob-write", THREADS, write_queue_bytes).map_err(no_thread)?,
            places: Arc::new(Semaphore::new(OPEN_WRITES)),
            quotas: Quotas::default(),
        };
        let sweeper = Sweeper { rows, contents, tasks: received }.start().map_err(no_thread)?;
        Ok(Self { shared: Arc::new(shared), sweeper: Mutex::new(Some(sweeper)) })
    }

    /// Ends the store: objects whose content the disk has are put in their place, later operations fail with
    /// [`Closed`](BackendError::Closed), and so do contents that are still read. Blocks until the files are closed: not
    /// to be called on a thread that serves requests.
    pub fn close(&self) {
        let Shared { rows, contents, readers, writers, places, .. } = &*self.shared;
        places.close();
        readers.close();
        writers.close();
        contents.stop();
        if let Some(sweeper) = self.sweeper.lock().unwrap_or_else(PoisonError::into_inner).take()
            && sweeper.join().is_err()
        {
            tracing::error!("the thread that sweeps had panicked");
        }
        rows.close();
    }
}

impl Drop for DiskBlobs {
    fn drop(&mut self) {
        self.close();
    }
}

/// The last run of which there is anything left. What is not left can be written again.
fn last_run(rows: &Rows, groups: &[Group]) -> Result<u64, BackendError> {
    let last = rows.read_here(|view| Ok(view.last(index::CONTENTS)?.as_deref().and_then(index::content_of)))?;
    let runs = groups.iter().map(|group| group.run).chain(last.map(|content| content.run));
    Ok(runs.max().unwrap_or(0))
}

impl Backend for DiskBlobs {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        let shared = self.shared.clone();
        async move {
            shared.contents.files.trusted()?;
            shared.rows.write(0, |batch| batch.touch()).await
        }
        .boxed()
    }

    fn limit(&self, owner: &Owner, quota: Quota) {
        self.shared.quotas.set(owner, quota);
    }

    fn buckets(
        &self,
        owner: &Owner,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<Page, BackendError>> {
        let (shared, prefix, after) = (self.shared.clone(), index::containers_prefix(owner), after.map(str::to_owned));
        async move { shared.rows.read(move |view| view.names(&prefix, after.as_deref(), limit)).await }.boxed()
    }
}

impl Blobs for DiskBlobs {
    fn create_container(&self, container: &Bucket) -> BoxFuture<'static, Result<bool, BackendError>> {
        let (shared, container) = (self.shared.clone(), container.clone());
        async move {
            checked(&container, "")?;
            let quota = shared.quotas.of(&container.owner);
            shared.rows.write(0, move |batch| index::create_container(batch, &container, quota)).await
        }
        .boxed()
    }

    fn container(&self, container: &Bucket) -> BoxFuture<'static, Result<Option<ContainerEntry>, BackendError>> {
        let (shared, row) = (self.shared.clone(), container_row(container));
        async move {
            let Some(entry) = shared.rows.get(row?).await? else { return Ok(None) };
            let created = index::created(&entry.value).ok_or_else(|| shared.damaged_record())?;
            Ok(Some(ContainerEntry { created }))
        }
        .boxed()
    }

    fn remove_container(&self, container: &Bucket) -> BoxFuture<'static, Result<(), BackendError>> {
        let (shared, container) = (self.shared.clone(), container.clone());
        async move {
            checked(&container, "")?;
            shared.remove_container(container).await
        }
        .boxed()
    }

    fn write(
        &self,
        container: &Bucket,
        name: &str,
        content: Content,
    ) -> BoxFuture<'static, Result<ObjectEntry, BackendError>> {
        let (shared, container, name) = (self.shared.clone(), container.clone(), name.to_owned());
        async move {
            checked(&container, &name)?;
            shared.write(container, name, content).await
        }
        .boxed()
    }

    fn read(
        &self,
        container: &Bucket,
        name: &str,
        range: Range<u64>,
    ) -> BoxFuture<'static, Result<Option<Object>, BackendError>> {
        let (shared, container, name) = (self.shared.clone(), container.clone(), name.to_owned());
        async move {
            checked(&container, &name)?;
            shared.read(&container, name, range).await
        }
        .boxed()
    }

    fn remove(&self, container: &Bucket, name: &str) -> BoxFuture<'static, Result<(), BackendError>> {
        let (shared, container, name) = (self.shared.clone(), container.clone(), name.to_owned());
        async move {
            checked(&container, &name)?;
            shared.remove(container, name).await
        }
        .boxed()
    }

    fn list(
        &self,
        container: &Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> BoxFuture<'static, Result<ObjectPage, BackendError>> {
        let (shared, container, after) = (self.shared.clone(), container.clone(), after.map(str::to_owned));
        async move {
            checked(&container, "")?;
            shared.list(&container, after, limit).await
        }
        .boxed()
    }
}
