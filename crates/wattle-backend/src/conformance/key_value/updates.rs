//! Changing a value in one step.

use std::sync::Arc;

use super::{bucket, get, set, value};
use crate::error::BackendError;
use crate::key_value::{Change, KeyValue};

/// A change is given what is there, and its result is there afterwards.
pub async fn updates_see_what_was_there(store: &dyn KeyValue) {
    let bucket = bucket("updates-see-what-was-there");
    let append: Change = Arc::new(|old| {
        let mut text = old.map_or_else(|| b"nothing".to_vec(), <[u8]>::to_vec);
        text.push(b'+');
        Ok(text.into())
    });
    for expected in ["nothing+", "nothing++", "nothing+++"] {
        let new = store.update(&bucket, "a", append.clone()).await.expect("update");
        assert_eq!(&new[..], expected.as_bytes());
        assert_eq!(value(store, &bucket, "a").await.as_deref(), Some(expected.as_bytes()));
    }
    set(store, &bucket, "a", "").await;
    let new = store.update(&bucket, "a", append.clone()).await.expect("update");
    assert_eq!(&new[..], b"+", "an empty value is not a missing one");
    store.delete(&bucket, "a").await.expect("delete");
    let new = store.update(&bucket, "a", append).await.expect("update");
    assert_eq!(&new[..], b"nothing+");
}

/// A change that refuses leaves everything as it was, the version too, and the caller gets its reason.
pub async fn refused_changes_change_nothing(store: &dyn KeyValue) {
    let bucket = bucket("refused-changes-change-nothing");
    let refuse: Change = Arc::new(|_| Err("the number would be too large".to_owned()));
    set(store, &bucket, "a", "one").await;
    let before = get(store, &bucket, "a").await;
    for key in ["a", "b"] {
        match store.update(&bucket, key, refuse.clone()).await {
            Err(BackendError::Refused { reason }) => assert_eq!(reason, "the number would be too large"),
            other => panic!("a change that refuses gave {other:?}"),
        }
    }
    assert_eq!(get(store, &bucket, "a").await, before);
    assert_eq!(get(store, &bucket, "b").await, None);
}

/// A change that panics fails by itself: the store and its other callers go on.
pub async fn panicking_changes_do_no_harm(store: &dyn KeyValue) {
    let bucket = bucket("panicking-changes-do-no-harm");
    set(store, &bucket, "a", "one").await;
    let result = store.update(&bucket, "a", Arc::new(|_| panic!("a change that panics, for a test"))).await;
    assert!(matches!(result, Err(BackendError::ChangePanicked)), "{result:?}");
    assert_eq!(value(store, &bucket, "a").await.as_deref(), Some(&b"one"[..]));
    set(store, &bucket, "a", "two").await;
    assert_eq!(value(store, &bucket, "a").await.as_deref(), Some(&b"two"[..]));
}
