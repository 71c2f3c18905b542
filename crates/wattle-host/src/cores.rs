//! The data path's threads: one per core, each with a runtime of its own, owned by the host.
//!
//! A connection is dealt to the core that has the fewest, and everything it causes runs there: no request changes
//! threads.

use std::io;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::engine::{Engines, GuestRuntime};

/// Work that waits to be started on a core. More than that, and whoever deals waits.
const INBOX_LEN: usize = 1024;

/// How long blocking work may go on when a core ends.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// Which core, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CoreId(pub(crate) usize);

impl CoreId {
    /// That of a thread which has everything to itself.
    pub(crate) const ALONE: Self = Self(0);
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The cores of a host. Dropping them ends what still runs there.
pub(crate) struct Cores {
    cores: Vec<Core>,
    /// Their clock must tick until the last core has ended: a guest that computes lets go only when it is interrupted.
    _engines: Arc<Engines>,
}

struct Core {
    inbox: Option<mpsc::Sender<Task>>,
    load: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

/// Counts as load of a core until it is dropped.
struct Load(Arc<AtomicUsize>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Cores {
    /// Starts `count` threads.
    pub(crate) fn start(count: NonZeroUsize, engines: Arc<Engines>) -> io::Result<Self> {
        let cores = (0..count.get()).map(|id| Core::start(id, engines.runtime()?)).collect::<io::Result<_>>()?;
        Ok(Self { cores, _engines: engines })
    }

    pub(crate) fn count(&self) -> usize {
        self.cores.len()
    }

    /// Starts the task that `make` makes on the least loaded core.
    pub(crate) async fn deal<F>(&self, make: impl FnOnce(CoreId) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.start_on(self.least_loaded(), make).await;
    }

    /// The core that has the least to do.
    pub(crate) fn least_loaded(&self) -> CoreId {
        let load = |id: &usize| self.cores[*id].load.load(Ordering::Relaxed);
        CoreId((0..self.cores.len()).min_by_key(load).expect("invariant: there is at least one core"))
    }

    /// Every core.
    pub(crate) fn ids(&self) -> impl Iterator<Item = CoreId> + use<> {
        (0..self.cores.len()).map(CoreId)
    }

    /// Starts the task that `make` makes on the core `id`.
    pub(crate) async fn start_on<F>(&self, id: CoreId, make: impl FnOnce(CoreId) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let core = &self.cores[id.0];
        core.load.fetch_add(1, Ordering::Relaxed);
        let load = Load(core.load.clone());
        let task = make(id);
        let task = async move {
            let _load = load;
            task.await;
        };
        if let Some(inbox) = &core.inbox {
            let _ = inbox.send(Box::pin(task)).await;
        }
    }

    /// Runs the task that `make` makes on the least loaded core and waits for what it returns. `None`: the core ended
    /// before it did. When this is dropped, the task ends, too.
    pub(crate) async fn run<F>(&self, make: impl FnOnce(CoreId) -> F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let core = self.least_loaded();
        self.run_on(core, make(core)).await
    }

    /// Runs `task` on the core `id` and waits for what it returns. `None`: the core ended before it did.
    pub(crate) async fn run_on<F>(&self, id: CoreId, task: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (mut done, result) = oneshot::channel();
        let task = async move {
            let output = tokio::select! {
                biased;
                () = done.closed() => return,
                output = task => output,
            };
            let _ = done.send(output);
        };
        self.start_on(id, |_| task).await;
        result.await.ok()
    }
}

impl Core {
    fn start(id: usize, runtime: GuestRuntime) -> io::Result<Self> {
        let (inbox, mut tasks) = mpsc::channel::<Task>(INBOX_LEN);
        let thread = std::thread::Builder::new().name(format!("wattle-core-{id}")).spawn(move || {
            runtime.block_on(async {
                let mut running = JoinSet::new();
                loop {
                    tokio::select! {
                        task = tasks.recv() => match task {
                            Some(task) => drop(running.spawn(task)),
                            None => break,
                        },
                        Some(ended) = running.join_next() => {
                            if let Err(error) = ended && error.is_panic() {
                                tracing::error!(%error, "the host's own bug ended a connection");
                            }
                        }
                    }
                }
                running.shutdown().await;
            });
            // Work on files that hangs must not keep the host from ending.
            runtime.end_within(SHUTDOWN);
        })?;
        Ok(Self { inbox: Some(inbox), load: Arc::default(), thread: Some(thread) })
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        for core in &mut self.cores {
            core.inbox = None;
        }
        for core in &mut self.cores {
            // The last who holds the cores may be a task on one of them, which cannot wait for itself.
            if let Some(thread) = core.thread.take()
                && thread.thread().id() != std::thread::current().id()
            {
                let _ = thread.join();
            }
        }
    }
}
