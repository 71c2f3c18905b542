//! The store in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::{Entry, KeyValue, Put};
use wattle_backend::memory::MemoryKeyValue;

mod conformance {
    use super::*;

    fn open() -> (Arc<dyn KeyValue>, ()) {
        (Arc::new(MemoryKeyValue::default()), ())
    }

    wattle_backend::key_value_conformance!(open);
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
