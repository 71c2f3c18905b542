//! Any text is a key and the name of a bucket.

use super::{all_keys, bucket, set, value};
use crate::conformance::odd_names::odd_names;
use crate::key_value::KeyValue;

/// Any text is a key, and no two are taken for one.
pub async fn any_text_is_a_key(store: &dyn KeyValue) {
    let bucket = bucket("any-text-is-a-key");
    let mut names = odd_names();
    for name in &names {
        set(store, &bucket, name, &format!("value of {name:?}")).await;
    }
    for name in &names {
        let expected = format!("value of {name:?}").into_bytes();
        assert_eq!(value(store, &bucket, name).await, Some(expected), "key {name:?}");
    }
    names.sort_unstable();
    assert_eq!(all_keys(store, &bucket, 7).await, names, "they are listed in byte order");
    for name in &names {
        store.delete(&bucket, name).await.expect("delete");
        assert_eq!(value(store, &bucket, name).await, None, "key {name:?}");
    }
    assert_eq!(all_keys(store, &bucket, 7).await, Vec::<String>::new());
}

/// Any text is the name of a bucket, and no two are taken for one.
pub async fn any_text_is_a_bucket(store: &dyn KeyValue) {
    let names = odd_names();
    for name in &names {
        set(store, &bucket(name), "key", &format!("value of {name:?}")).await;
    }
    for name in &names {
        let expected = format!("value of {name:?}").into_bytes();
        assert_eq!(value(store, &bucket(name), "key").await, Some(expected), "bucket {name:?}");
        assert_eq!(all_keys(store, &bucket(name), 7).await, ["key"], "bucket {name:?}");
    }
}
