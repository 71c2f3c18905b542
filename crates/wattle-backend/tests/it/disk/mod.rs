//! The store on disk.

mod blobs;
mod bus;
mod child;
mod crash;
mod damage;
mod data_dir;
mod faults;
mod lifetimes;
mod migration;
mod quotas;
mod store;

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::disk::{DataDir, DiskKeyValue, DiskOptions};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;

mod conformance {
    use super::*;

    fn open() -> (Arc<dyn KeyValue>, TempDir) {
        let dir = temporary();
        (Arc::new(open_in(&dir.path().join("data"), DiskOptions::default())), dir)
    }

    wattle_backend::key_value_conformance!(open);
    wattle_backend::key_value_conformance! { @each open; bytes_are_counted_exactly }
}

/// The same with hardly any memory, so that everything is read from and pressed through the disk.
mod conformance_without_caches {
    use super::*;

    fn open() -> (Arc<dyn KeyValue>, TempDir) {
        let dir = temporary();
        let tight = DiskOptions { page_cache_bytes: 64 << 10, write_queue_bytes: 1, ..without_entry_cache() };
        (Arc::new(open_in(&dir.path().join("data"), tight)), dir)
    }

    wattle_backend::key_value_conformance!(open);
}

fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn without_entry_cache() -> DiskOptions {
    DiskOptions { entry_cache_bytes: 0, ..DiskOptions::default() }
}

fn open_in(data: &Path, options: DiskOptions) -> DiskKeyValue {
    try_open_in(data, options).expect("a store")
}

fn try_open_in(data: &Path, options: DiskOptions) -> Result<DiskKeyValue, BackendError> {
    DiskKeyValue::open(Arc::new(DataDir::open(data).expect("a data directory")), options)
}

fn bucket() -> Bucket {
    Bucket { owner: Owner::Shared, name: "bucket".to_owned() }
}

async fn value(store: &DiskKeyValue, key: &str) -> Option<String> {
    let entry = store.get(&bucket(), key).await.expect("get")?;
    Some(String::from_utf8(entry.value.to_vec()).expect("text"))
}

async fn set(store: &DiskKeyValue, key: &str, value: &str) {
    store.set(&bucket(), key, value.to_owned().into()).await.expect("set");
}

/// An error with everything that caused it, as a log shows it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
