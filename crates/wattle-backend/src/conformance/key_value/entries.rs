//! Reading back what was written.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{bucket, get, set, value};
use crate::error::{BackendError, Part};
use crate::key_value::KeyValue;
use crate::limits::{BUCKET_NAME_MAX_BYTES, KEY_MAX_BYTES, VALUE_MAX_BYTES};

/// What was set is there, until it is set again or deleted.
pub async fn values_come_back(store: &dyn KeyValue) {
    let bucket = bucket("values-come-back");
    assert_eq!(get(store, &bucket, "a").await, None);
    store.delete(&bucket, "a").await.expect("deleting what is not there is no error");
    let version = store.set(&bucket, "a", "one".into()).await.expect("set");
    let entry = get(store, &bucket, "a").await.expect("it was set");
    assert_eq!((&entry.value[..], entry.version), (&b"one"[..], version));
    set(store, &bucket, "a", "").await;
    assert_eq!(value(store, &bucket, "a").await.as_deref(), Some(&b""[..]), "an empty value is a value");
    store.delete(&bucket, "a").await.expect("delete");
    assert_eq!(get(store, &bucket, "a").await, None);
    store.delete(&bucket, "a").await.expect("deleting twice is no error");
}

/// Each write leaves a version that no write of the key left before, also after a delete.
pub async fn versions_never_come_back(store: &dyn KeyValue) {
    let bucket = bucket("versions-never-come-back");
    let mut seen = BTreeSet::new();
    for round in 0..20 {
        let version = store.set(&bucket, "a", "same".into()).await.expect("set");
        assert!(seen.insert(version), "version {version:?} came back");
        assert_eq!(get(store, &bucket, "a").await.map(|entry| entry.version), Some(version));
        store.update(&bucket, "a", std::sync::Arc::new(|_| Ok("same".into()))).await.expect("update");
        let version = get(store, &bucket, "a").await.expect("it was set").version;
        assert!(seen.insert(version), "version {version:?} came back");
        if round % 3 == 0 {
            store.delete(&bucket, "a").await.expect("delete");
        }
    }
}

/// Values of 8 MiB come back byte for byte.
pub async fn large_values_come_back(store: &dyn KeyValue) {
    let bucket = bucket("large-values-come-back");
    let large = |seed: u8| -> Bytes { (0..8 << 20).map(|at: u32| (at % 251) as u8 ^ seed).collect() };
    set(store, &bucket, "small", "neighbour").await;
    for seed in [1, 2] {
        store.set(&bucket, "large", large(seed).into()).await.expect("set");
        assert!(get(store, &bucket, "large").await.is_some_and(|entry| entry.value == large(seed)));
    }
    let turned = store.update(
        &bucket,
        "large",
        std::sync::Arc::new(|old| Ok(old.unwrap_or_default().iter().map(|byte| byte ^ 3).collect())),
    );
    assert!(turned.await.expect("update") == large(2 ^ 3));
    assert!(get(store, &bucket, "large").await.is_some_and(|entry| entry.value == large(2 ^ 3)));
    assert_eq!(value(store, &bucket, "small").await.as_deref(), Some(&b"neighbour"[..]));
    store.delete(&bucket, "large").await.expect("delete");
    assert_eq!(get(store, &bucket, "large").await, None);
}

/// What is larger than any backend takes is refused as such, and nothing is written.
pub async fn too_large_is_refused(store: &dyn KeyValue) {
    let small = bucket("too-large-is-refused");
    let key = "k".repeat(KEY_MAX_BYTES + 1);
    let change = std::sync::Arc::new(|_: Option<&[u8]>| Ok(Bytes::new()));
    check(store.set(&small, &key, Bytes::new().into()).await, Part::Key);
    check(store.get(&small, &key).await, Part::Key);
    check(store.delete(&small, &key).await, Part::Key);
    check(store.swap(&small, &key, None, Bytes::new().into()).await, Part::Key);
    check(store.update(&small, &key, change).await, Part::Key);
    let large = bucket(&"b".repeat(BUCKET_NAME_MAX_BYTES + 1));
    check(store.set(&large, "key", Bytes::new().into()).await, Part::Bucket);
    check(store.get(&large, "key").await, Part::Bucket);
    check(store.list(&large, None, 10).await, Part::Bucket);
    let value = Bytes::from(vec![0; VALUE_MAX_BYTES + 1]);
    check(store.set(&small, "key", value.clone().into()).await, Part::Value);
    check(store.swap(&small, "key", None, value.clone().into()).await, Part::Value);
    check(store.update(&small, "key", std::sync::Arc::new(move |_| Ok(value.clone()))).await, Part::Value);
    assert_eq!(super::all_keys(store, &small, 10).await, Vec::<String>::new());
}

fn check<T>(result: Result<T, BackendError>, expected: Part) {
    match result {
        Err(BackendError::TooLarge { part, .. }) if part == expected => {}
        Err(error) => panic!("a {expected} that is too large gave {error:?}"),
        Ok(_) => panic!("a {expected} that is too large was taken"),
    }
}
