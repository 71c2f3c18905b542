//! Compare-and-swap.

use super::{bucket, get, set, value};
use crate::key_value::{KeyValue, Swap, Version};

/// A swap that expects nothing creates, and only creates.
pub async fn swaps_expect_nothing(store: &dyn KeyValue) {
    let bucket = bucket("swaps-expect-nothing");
    let Swap::Done(version) = store.swap(&bucket, "a", None, "one".into()).await.expect("swap") else {
        panic!("there was nothing, as expected");
    };
    let entry = get(store, &bucket, "a").await.expect("it was created");
    assert_eq!((&entry.value[..], entry.version), (&b"one"[..], version));
    let again = store.swap(&bucket, "a", None, "two".into()).await.expect("swap");
    assert_eq!(again, Swap::Conflict(Some(entry)), "the conflict tells what is there");
    assert_eq!(value(store, &bucket, "a").await.as_deref(), Some(&b"one"[..]));
    store.delete(&bucket, "a").await.expect("delete");
    let created = store.swap(&bucket, "a", None, "three".into()).await.expect("swap");
    assert!(matches!(created, Swap::Done(new) if new != version), "{created:?}");
}

/// A swap that expects a version replaces that version and no other.
pub async fn swaps_expect_a_version(store: &dyn KeyValue) {
    let bucket = bucket("swaps-expect-a-version");
    let first = store.set(&bucket, "a", "one".into()).await.expect("set");
    let Swap::Done(second) = store.swap(&bucket, "a", Some(first), "two".into()).await.expect("swap") else {
        panic!("the version was there");
    };
    assert_ne!(first, second);
    let entry = get(store, &bucket, "a").await.expect("it is there");
    assert_eq!((&entry.value[..], entry.version), (&b"two"[..], second));
    let stale = store.swap(&bucket, "a", Some(first), "three".into()).await.expect("swap");
    assert_eq!(stale, Swap::Conflict(Some(entry)));

    // The same bytes written again are another version.
    set(store, &bucket, "a", "two").await;
    let stale = store.swap(&bucket, "a", Some(second), "four".into()).await.expect("swap");
    assert!(matches!(stale, Swap::Conflict(Some(_))), "{stale:?}");

    // Deleted and made again: what was expected before is gone for good.
    let third = get(store, &bucket, "a").await.expect("it is there").version;
    store.delete(&bucket, "a").await.expect("delete");
    let gone = store.swap(&bucket, "a", Some(third), "five".into()).await.expect("swap");
    assert_eq!(gone, Swap::Conflict(None));
    set(store, &bucket, "a", "two").await;
    let stale = store.swap(&bucket, "a", Some(third), "six".into()).await.expect("swap");
    assert!(matches!(stale, Swap::Conflict(Some(_))), "{stale:?}");
    let never = store.swap(&bucket, "b", Some(Version(u64::MAX)), "seven".into()).await.expect("swap");
    assert_eq!(never, Swap::Conflict(None));
    assert_eq!(get(store, &bucket, "b").await, None, "a conflict writes nothing");
}
