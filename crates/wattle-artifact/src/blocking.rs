//! Work that waits for disks and processes, on threads that may.

use tokio::task::JoinHandle;

/// Does `work` where a thread may wait.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(tokio::task::spawn_blocking(work)).await
}

/// What such work gave. Its panic is ours.
pub(crate) async fn joined<T>(work: JoinHandle<T>) -> T {
    match work.await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => panic!("invariant: a runtime that is awaited on has not been shut down: {error}"),
        },
    }
}
