//! The store in memory.

use std::sync::Arc;

use bytes::Bytes;
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;
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
        match store.set(&bucket, &written.to_string(), value.clone()).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, BackendError::Full { .. }), "{error:?}");
    assert_eq!((error.code(), written), ("full", 8));
    store.set(&bucket, "0", "small".into()).await.expect("a smaller value may replace a larger one");
    store.delete(&bucket, "1").await.expect("delete");
    for _ in 0..100 {
        store.set(&bucket, "2", value.clone()).await.expect("what is replaced makes room");
    }
    store.set(&bucket, "new", value).await.expect("there is room again");
}
