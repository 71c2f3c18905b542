//! Opening, closing and sharing a store, and what it takes to read and write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use wattle_backend::backend::Backend;
use wattle_backend::blobs::Blobs;
use wattle_backend::disk::faults::{Faults, FileOperation};
use wattle_backend::disk::{DataDir, DiskBlobs, DiskKeyValue, DiskOptions};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;

use super::{container, names, open_in, read, temporary, without_entry_cache, write};

#[tokio::test]
async fn readers_go_on() {
    let dir = temporary();
    let store = open_in(&dir.path().join("data"), DiskOptions::default());
    wattle_backend::conformance::blobs::readers_go_on(&store).await;
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let dir = temporary();
    let data = dir.path().join("data");
    for round in 0..4 {
        let store = open_in(&data, DiskOptions::default());
        assert_eq!(store.create_container(&container()).await.expect("create"), round == 0);
        assert_eq!(names(&store).await.len(), round);
        for earlier in 0..round {
            let expected = Some(('a', earlier * 100_000));
            let found = read(&store, &earlier.to_string()).await.expect("read");
            assert!(found == expected || (earlier == 0 && found == Some((' ', 0))), "{found:?}");
        }
        write(&store, &round.to_string(), 'a', round * 100_000).await.expect("write");
    }
}

#[tokio::test]
async fn keys_and_blobs_share_a_directory() {
    let dir = temporary();
    let data = Arc::new(DataDir::open(dir.path().join("data")).expect("a data directory"));
    let blobs = DiskBlobs::open(data.clone(), DiskOptions::default()).expect("a store");
    let keys = DiskKeyValue::open(data.clone(), DiskOptions::default()).expect("another store");
    let error = DiskBlobs::open(data.clone(), DiskOptions::default()).err().expect("it is open");
    assert!(super::super::chain(&error).ends_with("blobs.redb: a store of this process has it open"), "{error}");
    blobs.create_container(&container()).await.expect("create");
    write(&blobs, "same", 'a', 10).await.expect("write");
    keys.set(&container(), "same", "value".into()).await.expect("set");
    drop(keys);
    assert_eq!(read(&blobs, "same").await.expect("read"), Some(('a', 10)));
    drop(blobs);
    let blobs = DiskBlobs::open(data, DiskOptions::default()).expect("it was closed");
    assert_eq!(read(&blobs, "same").await.expect("read"), Some(('a', 10)));
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let dir = temporary();
    let store = open_in(&dir.path().join("data"), DiskOptions::default());
    store.create_container(&container()).await.expect("create");
    write(&store, "a", 'a', 1_000_000).await.expect("write");
    let mut reader = store.read(&container(), "a", 0..u64::MAX).await.expect("read").expect("it is there").content;
    reader.try_next().await.expect("the first piece");
    store.close();
    let closed = |error: BackendError| assert!(matches!(error, BackendError::Closed), "{error:?}");
    closed(reader.try_next().await.expect_err("it is closed"));
    closed(write(&store, "b", 'b', 10).await.expect_err("it is closed"));
    closed(read(&store, "a").await.expect_err("it is closed"));
    closed(store.remove(&container(), "a").await.expect_err("it is closed"));
    closed(store.list(&container(), None, 10).await.expect_err("it is closed"));
    closed(store.check().await.expect_err("it is closed"));
    store.close();
}

/// What is in memory of an object does not grow with it: a write is never far ahead of the disk, nor is a reader.
#[tokio::test]
async fn no_object_is_held_as_a_whole() {
    const PIECE: u64 = 50_000;
    let (dir, faults) = (temporary(), Faults::default());
    let options = DiskOptions { faults: faults.clone(), ..without_entry_cache() };
    let store = open_in(&dir.path().join("data"), options);
    store.create_container(&container()).await.expect("create");
    let (before, ahead) = (faults.count(FileOperation::Write), Arc::new(AtomicU64::new(0)));
    let content = stream::iter(0..400_u64).map({
        let (faults, ahead) = (faults.clone(), ahead.clone());
        move |number| {
            let written = (faults.count(FileOperation::Write) - before) * (64 << 10);
            ahead.fetch_max((number * PIECE).saturating_sub(written), Ordering::Relaxed);
            Ok(Bytes::from(vec![b'a'; PIECE as usize]))
        }
    });
    store.write(&container(), "large", content.boxed()).await.expect("write");
    let ahead = ahead.load(Ordering::Relaxed);
    assert!(ahead < 600_000, "{ahead} bytes were taken before the disk had them");

    let before = faults.count(FileOperation::Read);
    let object = store.read(&container(), "large", 0..u64::MAX).await.expect("read").expect("it is there");
    let index = faults.count(FileOperation::Read) - before;
    let mut content = object.content;
    let first = content.try_next().await.expect("the content").expect("a piece");
    assert!(first.len() <= 256 << 10, "{} bytes in one piece", first.len());
    assert_eq!(faults.count(FileOperation::Read) - before - index, 1, "nothing is read before it is asked for");
}

/// Writers that do not go on hold a file open each: there are no more than 128, and others have their turn after them.
#[tokio::test]
async fn open_writes_are_bounded() {
    let dir = temporary();
    let store = open_in(&dir.path().join("data"), DiskOptions::default());
    store.create_container(&container()).await.expect("create");
    let endless = || super::letters('a', 300_000).chain(stream::pending()).boxed();
    let mut stuck: Vec<_> = (0..128).map(|number| store.write(&container(), &number.to_string(), endless())).collect();
    for write in &mut stuck {
        assert!(futures::poll!(write).is_pending());
    }
    while super::content_files(&dir.path().join("data")).len() < 128 {
        for write in &mut stuck {
            assert!(futures::poll!(write).is_pending());
        }
        tokio::task::yield_now().await;
    }
    let begun = Arc::new(AtomicBool::new(false));
    let content = stream::once({
        let begun = begun.clone();
        async move {
            begun.store(true, Ordering::Relaxed);
            Ok(Bytes::from_static(b"b"))
        }
    });
    // The container is known without asking the disk: all that it waits for is its place.
    let mut next = store.write(&container(), "next", content.boxed());
    assert!(futures::poll!(&mut next).is_pending() && !begun.load(Ordering::Relaxed), "there is no place for it");
    stuck.pop();
    next.await.expect("there is a place now");
    drop(stuck);
    assert_eq!(names(&store).await, ["next"]);
    super::await_content_files(&dir.path().join("data"), 1);
}

/// A page is as large as it was asked for, however many objects there are.
#[tokio::test]
async fn pages_are_bounded() {
    let dir = temporary();
    let store = open_in(&dir.path().join("data"), DiskOptions::default());
    store.create_container(&container()).await.expect("create");
    let writes = stream::iter(0..1500).map(|number| {
        let store = &store;
        async move { write(store, &format!("{number:04}"), 'a', 1).await }
    });
    writes.buffer_unordered(64).try_collect::<()>().await.expect("write");
    let page = store.list(&container(), None, usize::MAX).await.expect("list");
    assert_eq!((page.objects.len(), page.next.as_deref()), (1000, Some("0999")));
    assert_eq!(names(&store).await.len(), 1500);
}
