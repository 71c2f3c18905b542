//! Opening, closing and sharing a store.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use wattle_backend::backend::Backend;
use wattle_backend::disk::faults::{Faults, FileOperation};
use wattle_backend::disk::{DataDir, DiskKeyValue, DiskOptions};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;

use super::{bucket, open_in, set, temporary, value};

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let dir = temporary();
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions::default());
    set(&store, "a", "one").await;
    let before = store.get(&bucket(), "a").await.expect("get").expect("it was just written");
    set(&store, "b", "two").await;
    store.delete(&bucket(), "a").await.expect("delete");
    let entry = store.get(&bucket(), "b").await.expect("get");
    drop(store);

    let store = open_in(&data, DiskOptions::default());
    assert_eq!(value(&store, "a").await, None);
    assert_eq!(store.get(&bucket(), "b").await.expect("get"), entry);
    set(&store, "a", "one").await;
    let after = store.get(&bucket(), "a").await.expect("get").expect("it was just written");
    assert!(after.version > before.version.max(entry.expect("it was written").version), "versions never come back");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let dir = temporary();
    let store = open_in(&dir.path().join("data"), DiskOptions::default());
    set(&store, "a", "one").await;
    store.close();
    let closed = |error: BackendError| assert!(matches!(error, BackendError::Closed), "{error:?}");
    closed(store.get(&bucket(), "a").await.expect_err("it is closed"));
    closed(store.get(&bucket(), "b").await.expect_err("it is closed"));
    closed(store.set(&bucket(), "a", "two".into()).await.expect_err("it is closed"));
    closed(store.list(&bucket(), None, 10).await.expect_err("it is closed"));
    closed(store.check().await.expect_err("it is closed"));
    store.close();
}

#[tokio::test]
async fn closing_writes_what_waits() {
    let dir = temporary();
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions::default());
    let writes = (0..100).map(|number: u32| store.set(&bucket(), &number.to_string(), "value".into()));
    let mut writes: Vec<_> = writes.collect();
    // Each is in the queue once it was polled; nobody waits for the answers before the store is closed.
    writes.retain_mut(|write| write.now_or_never().is_none());
    drop(store);
    for write in writes {
        write.await.expect("it was in the queue");
    }
    let store = open_in(&data, DiskOptions::default());
    assert_eq!(store.list(&bucket(), None, 1000).await.expect("list").keys.len(), 100);
}

#[tokio::test]
async fn a_store_is_opened_once() {
    let dir = temporary();
    let data = Arc::new(DataDir::open(dir.path().join("data")).expect("a data directory"));
    let store = DiskKeyValue::open(data.clone(), DiskOptions::default()).expect("a store");
    let error = DiskKeyValue::open(data.clone(), DiskOptions::default()).err().expect("it is open");
    assert!(super::chain(&error).ends_with("state.redb: a store of this process has it open"), "{error}");
    set(&store, "a", "one").await;
    drop(store);
    let store = DiskKeyValue::open(data, DiskOptions::default()).expect("it was closed");
    assert_eq!(value(&store, "a").await.as_deref(), Some("one"));
}

#[tokio::test]
async fn writes_at_the_same_time_share_commits() {
    let dir = temporary();
    let faults = Faults::default();
    let store = open_in(&dir.path().join("data"), DiskOptions { faults: faults.clone(), ..DiskOptions::default() });
    let before = faults.count(FileOperation::Sync);
    join_all((0..64).map(|number: u32| store.set(&bucket(), &number.to_string(), "value".into()))).await;
    let syncs = faults.count(FileOperation::Sync) - before;
    assert!((2..=20).contains(&syncs), "64 writes took {syncs} syncs");
}

#[tokio::test]
async fn reads_and_changes_of_nothing_cost_no_commit() {
    let dir = temporary();
    let faults = Faults::default();
    let store = open_in(&dir.path().join("data"), DiskOptions { faults: faults.clone(), ..DiskOptions::default() });
    let before = faults.count(FileOperation::Write);
    assert_eq!(value(&store, "a").await, None);
    store.delete(&bucket(), "a").await.expect("delete");
    store.update(&bucket(), "a", Arc::new(|_| Err("no".to_owned()))).await.expect_err("it was refused");
    assert_eq!(faults.count(FileOperation::Write), before);
    store.check().await.expect("it is sound");
    assert!(faults.count(FileOperation::Write) > before, "a check really writes");
}
