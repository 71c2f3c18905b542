//! The stores in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use wattle_backend::blobs::{Blobs, Content};
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::{Entry, KeyValue, Put};
use wattle_backend::memory::{MemoryBlobs, MemoryKeyValue};

mod blobs {
    use super::*;

    fn open() -> (Arc<dyn Blobs>, ()) {
        (Arc::new(MemoryBlobs::default()), ())
    }

    wattle_backend::blobs_conformance!(open, 16 << 20);
    wattle_backend::blobs_conformance! { @each open; objects_are_counted_exactly }
}

mod conformance {
    use super::*;

    fn open() -> (Arc<dyn KeyValue>, ()) {
        (Arc::new(MemoryKeyValue::default()), ())
    }

    wattle_backend::key_value_conformance!(open);
    wattle_backend::key_value_conformance! { @each open; bytes_are_counted_exactly }
}

#[tokio::test]
async fn a_full_store_refuses_more_until_there_is_room() {
    let store = MemoryKeyValue::with_capacity(10_000);
    let bucket = Bucket { owner: Owner::Shared, name: "full".to_owned() };
    let value = Bytes::from(vec![1; 1000]);
    let mut written = 0;
    let error = loop {
        match store.set(&bucket, &written.to_string(), value.clone().into()).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, BackendError::Full { .. }), "{error:?}");
    assert_eq!((error.code(), written), ("full", 8));
    store.set(&bucket, "0", "small".into()).await.expect("a smaller value may replace a larger one");
    store.delete(&bucket, "1").await.expect("delete");
    for _ in 0..100 {
        store.set(&bucket, "2", value.clone().into()).await.expect("what is replaced makes room");
    }
    store.set(&bucket, "new", value.into()).await.expect("there is room again");
}

#[tokio::test]
async fn what_has_ended_makes_room() {
    let store = MemoryKeyValue::with_capacity(10_000);
    let bucket = |number: usize| Bucket { owner: Owner::Shared, name: format!("bucket-{number}") };
    let put = |lifetime| Put { value: vec![1; 300].into(), lifetime: Some(lifetime) };
    // Buckets of several shards: a write to one has to make room in the others.
    let mut written = 0;
    let full = loop {
        match store.set(&bucket(written), "key", put(Duration::from_secs(1))).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full.code(), "full");
    assert!(written > 10, "{written}");
    wait_until(|| (0..written).all(|number| store.get(&bucket(number), "key").now_or_never().is_some_and(is_gone)));
    for number in 0..written {
        store.set(&bucket(number + 1000), "key", put(Duration::from_secs(3600))).await.expect("there is room again");
    }
    let full = store.set(&bucket(1), "key", put(Duration::ZERO)).await.expect_err("nothing has ended since");
    assert_eq!(full.code(), "full");
}

fn is_gone(found: Result<Option<Entry>, BackendError>) -> bool {
    found.expect("get").is_none()
}

fn wait_until(predicate: impl Fn() -> bool) {
    let begin = Instant::now();
    while !predicate() {
        assert!(begin.elapsed() < Duration::from_secs(30), "it did not come");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn readers_of_objects_go_on() {
    wattle_backend::conformance::blobs::readers_go_on(&MemoryBlobs::default()).await;
}

/// The bound is on memory: what is replaced counts for as long as somebody reads it, what failed does not count.
#[tokio::test]
async fn a_full_store_of_objects_refuses_more_until_there_is_room() {
    let store = MemoryBlobs::with_capacity(1 << 20);
    let container = Bucket { owner: Owner::Shared, name: "full".to_owned() };
    store.create_container(&container).await.expect("create");
    let half = || store.write(&container, "a", pieces(500_000));
    let full = |result: Result<_, BackendError>| {
        let error = result.expect_err("there is no room");
        assert!(matches!(error, BackendError::Full { source: None, .. }), "{error:?}");
    };
    half().await.expect("there is room");
    half().await.expect("there is room for both");
    for _ in 0..10 {
        full(store.write(&container, "b", pieces(600_000)).await);
    }
    let reader = store.read(&container, "a", 0..u64::MAX).await.expect("read").expect("it was written");
    half().await.expect("there is room for both");
    full(half().await);
    let read: usize = reader
        .content
        .map_ok(|piece| piece.len())
        .try_fold(0, async |all, len| Ok(all + len))
        .await
        .expect("it is whole");
    assert_eq!(read, 500_000);
    half().await.expect("nobody reads the first any more");
    let error = loop {
        let name = "n".repeat(1000);
        let number = store.list(&container, None, 1000).await.expect("list").objects.len();
        if let Err(error) = store.write(&container, &format!("{name}{number}"), stream::empty().boxed()).await {
            break Err(error);
        }
    };
    full(error);
    store.remove_container(&container).await.expect("remove");
    store.create_container(&container).await.expect("create");
    store.write(&container, "b", pieces(1_000_000)).await.expect("all room is there again");
}

/// A content that hands out small parts of a large buffer.
fn pieces(size: usize) -> Content {
    let buffer = Bytes::from(vec![1; size]);
    stream::iter((0..size).step_by(999)).map(move |at| Ok(buffer.slice(at..size.min(at + 999)))).boxed()
}
