//! Blobs on disk.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use wattle_backend::blobs::Blobs;
use wattle_backend::disk::{DataDir, DiskBlobs, DiskOptions};
use wattle_backend::error::BackendError;

use super::{temporary, without_entry_cache};

mod conformance {
    use super::*;

    fn open() -> (Arc<dyn Blobs>, TempDir) {
        let dir = temporary();
        (Arc::new(open_in(&dir.path().join("data"), DiskOptions::default())), dir)
    }

    wattle_backend::blobs_conformance!(open, 16 << 20);
}

/// The same with hardly any memory, so that everything is read from and pressed through the disk.
mod conformance_without_caches {
    use super::*;

    fn open() -> (Arc<dyn Blobs>, TempDir) {
        let dir = temporary();
        let tight = DiskOptions { page_cache_bytes: 64 << 10, write_queue_bytes: 1, ..without_entry_cache() };
        (Arc::new(open_in(&dir.path().join("data"), tight)), dir)
    }

    wattle_backend::blobs_conformance!(open, 1 << 20);
}

#[tokio::test]
async fn readers_go_on() {
    let dir = temporary();
    let store = open_in(&dir.path().join("data"), DiskOptions::default());
    wattle_backend::conformance::blobs::readers_go_on(&store).await;
}

fn open_in(data: &Path, options: DiskOptions) -> DiskBlobs {
    try_open_in(data, options).expect("a store")
}

fn try_open_in(data: &Path, options: DiskOptions) -> Result<DiskBlobs, BackendError> {
    DiskBlobs::open(Arc::new(DataDir::open(data).expect("a data directory")), options)
}
