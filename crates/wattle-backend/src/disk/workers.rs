//! Threads that wait for the disk, so that who asks does not have to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::queue::Queue;
use crate::error::BackendError;

/// Something to do on a thread that may wait.
type Job = Box<dyn FnOnce() + Send>;

/// Some threads that do jobs in the order in which they came in. Dropping them does what [`close`](Self::close) does.
pub(super) struct Workers {
    jobs: Arc<Queue<Job>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// Starts `count` threads called `name`. Jobs that wait hold at most `queue_bytes`, 16 KiB each beside their own.
    pub(super) fn start(name: &str, count: usize, queue_bytes: usize) -> std::io::Result<Self> {
        let workers = Self { jobs: Arc::new(Queue::new(queue_bytes)), threads: Mutex::default() };
        for _ in 0..count {
            let jobs = workers.jobs.clone();
            // If this one cannot be started, dropping the workers ends the others.
            let thread = thread::Builder::new().name(name.to_owned()).spawn(move || work(&jobs))?;
            workers.threads().push(thread);
        }
        Ok(workers)
    }

    /// Does `work` on one of the threads. It holds `bytes` while it waits, and is not done if nobody waits any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let (reply, result) = oneshot::channel();
        let job = Box::new(move || {
            if !reply.is_closed() {
                let _ = reply.send(work());
            }
        });
        self.jobs.push(job, bytes).await?;
        result.await.map_err(|_| BackendError::Closed)?
    }

    /// Takes no more jobs, does those that wait, and ends the threads. Blocks until they have ended.
    pub(super) fn close(&self) {
        self.jobs.close();
        let threads = std::mem::take(&mut *self.threads());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the disk store had panicked");
            }
        }
    }

    // Nothing panics while the lock is held.
    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.close();
    }
}

/// Does jobs until the queue is closed and empty. One that panics fails by itself: who waits is told that there is nobody.
fn work(jobs: &Queue<Job>) {
    while let Some(job) = jobs.pop(1).pop() {
        if catch_unwind(AssertUnwindSafe(job.item)).is_err() {
            tracing::error!("a job of the disk store panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_fails_by_itself() {
        let workers = Workers::start("test", 1, 1 << 20).expect("a thread");
        let failed = workers.run::<()>(0, || panic!("as the test wants it")).await;
        assert!(matches!(failed, Err(BackendError::Closed)), "{failed:?}");
        assert_eq!(workers.run(0, || Ok(7)).await.expect("the thread goes on"), 7);
    }
}
