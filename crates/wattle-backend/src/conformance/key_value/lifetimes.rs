//! Entries that end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{all_keys, bucket, get, set, value};
use crate::bucket::Bucket;
use crate::key_value::{KeyValue, Put, Swap};

/// The shortest lifetime that every backend can keep.
const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(3600);
/// How long a backend may take, beyond the lifetime, to see that it has passed.
const PATIENCE: Duration = Duration::from_secs(30);

fn put(value: &'static str, lifetime: Duration) -> Put {
    Put { lifetime: Some(lifetime), ..Put::from(value) }
}

async fn set_for(store: &dyn KeyValue, bucket: &Bucket, key: &str, lifetime: Duration) {
    store.set(bucket, key, put("value", lifetime)).await.expect("set");
}

/// Waits until `key` is not there any more.
async fn ended(store: &dyn KeyValue, bucket: &Bucket, key: &str) {
    let begin = Instant::now();
    while get(store, bucket, key).await.is_some() {
        assert!(begin.elapsed() < SHORT + PATIENCE, "{key:?} is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until everything that was written for the shortest lifetime before this call has ended.
async fn a_lifetime(store: &dyn KeyValue, bucket: &Bucket) {
    set_for(store, bucket, "zz-last", SHORT).await;
    ended(store, bucket, "zz-last").await;
}

/// An entry is there for its lifetime and not for longer; neighbours that stay are not touched.
pub async fn entries_end_after_their_lifetime(store: &dyn KeyValue) {
    let bucket = bucket("entries-end-after-their-lifetime");
    set(store, &bucket, "a-stays", "value").await;
    set_for(store, &bucket, "b-long", LONG).await;
    let begin = Instant::now();
    set_for(store, &bucket, "c-short", SHORT).await;
    let created = store.swap(&bucket, "d-swapped", None, put("value", SHORT)).await.expect("swap");
    assert!(matches!(created, Swap::Done(_)), "{created:?}");
    let there = value(store, &bucket, "c-short").await;
    assert!(there.is_some() || begin.elapsed() >= SHORT, "it ended before its time");
    ended(store, &bucket, "c-short").await;
    assert!(begin.elapsed() >= SHORT, "it ended after {:?}", begin.elapsed());
    ended(store, &bucket, "d-swapped").await;
    assert_eq!(all_keys(store, &bucket, 1).await, ["a-stays", "b-long"]);
    assert_eq!(value(store, &bucket, "b-long").await.as_deref(), Some(&b"value"[..]));
}

/// To every operation an entry that has ended is one that was deleted.
pub async fn what_has_ended_is_not_there(store: &dyn KeyValue) {
    let bucket = bucket("what-has-ended-is-not-there");
    for key in ["created", "deleted", "swapped", "updated", "written"] {
        set_for(store, &bucket, key, SHORT).await;
    }
    let old = store.set(&bucket, "swapped", put("value", SHORT)).await.expect("set");
    a_lifetime(store, &bucket).await;
    assert_eq!(all_keys(store, &bucket, 10).await, Vec::<String>::new());
    let stale = store.swap(&bucket, "swapped", Some(old), "new".into()).await.expect("swap");
    assert_eq!(stale, Swap::Conflict(None));
    let created = store.swap(&bucket, "created", None, "new".into()).await.expect("swap");
    assert!(matches!(created, Swap::Done(_)), "{created:?}");
    store.delete(&bucket, "deleted").await.expect("deleting what is not there is no error");
    let seen = store.update(&bucket, "updated", Arc::new(|old| Ok(format!("{old:?}").into()))).await.expect("update");
    assert_eq!(&seen[..], b"None");
    let version = store.set(&bucket, "written", "new".into()).await.expect("set");
    assert!(version > old, "versions go on");
    assert_eq!(all_keys(store, &bucket, 10).await, ["created", "updated", "written"]);
}

/// The last write decides: a later one without a lifetime makes the entry stay, one with a lifetime makes it end.
pub async fn writes_set_the_lifetime_anew(store: &dyn KeyValue) {
    let bucket = bucket("writes-set-the-lifetime-anew");
    set_for(store, &bucket, "a", SHORT).await;
    set(store, &bucket, "a", "stays").await;
    set(store, &bucket, "b", "ends").await;
    set_for(store, &bucket, "b", SHORT).await;
    set_for(store, &bucket, "c", SHORT).await;
    set_for(store, &bucket, "c", LONG).await;
    let version = store.set(&bucket, "d", put("value", SHORT)).await.expect("set");
    let swapped = store.swap(&bucket, "d", Some(version), "stays".into()).await.expect("swap");
    set_for(store, &bucket, "e", SHORT).await;
    store.delete(&bucket, "e").await.expect("delete");
    set(store, &bucket, "e", "stays").await;
    a_lifetime(store, &bucket).await;
    // Only if it was not too late: on a slow machine it may have ended before.
    let d = if matches!(swapped, Swap::Done(_)) { &["d"][..] } else { &[] };
    assert_eq!(all_keys(store, &bucket, 10).await, [&["a", "c"][..], d, &["e"]].concat());
}

/// A change in one step keeps what is left of the lifetime: a number that is counted up still ends.
pub async fn updates_leave_the_lifetime(store: &dyn KeyValue) {
    let bucket = bucket("updates-leave-the-lifetime");
    let append = Arc::new(|old: Option<&[u8]>| Ok([old.unwrap_or_default(), b"+"].concat().into()));
    set_for(store, &bucket, "long", LONG).await;
    set_for(store, &bucket, "short", SHORT).await;
    let new = store.update(&bucket, "short", append.clone()).await.expect("update");
    store.update(&bucket, "long", append.clone()).await.expect("update");
    store.update(&bucket, "new", append.clone()).await.expect("update");
    if new != "value+" {
        // It had ended before, on a slow machine: what was made anew stays.
        store.delete(&bucket, "short").await.expect("delete");
    }
    ended(store, &bucket, "short").await;
    assert_eq!(value(store, &bucket, "long").await.as_deref(), Some(&b"value+"[..]));
    assert_eq!(value(store, &bucket, "new").await.as_deref(), Some(&b"+"[..]));
}

/// What is told for another store has the value and what is left of the lifetime.
pub async fn what_is_put_elsewhere_is_the_same(store: &dyn KeyValue) {
    let bucket = bucket("what-is-put-elsewhere-is-the-same");
    set(store, &bucket, "stays", "value").await;
    set_for(store, &bucket, "long", LONG).await;
    set_for(store, &bucket, "short", SHORT).await;
    let as_put = async |key: &str| store.as_put(&bucket, key).await.expect("read");
    assert_eq!(as_put("stays").await, Some(Put::from("value")));
    let long = as_put("long").await.expect("it is there");
    let left = long.lifetime.expect("it ends");
    assert!(left <= LONG + SHORT && left > LONG - PATIENCE, "{left:?}");
    assert_eq!(&long.value[..], b"value");
    ended(store, &bucket, "short").await;
    assert_eq!(as_put("short").await, None);
    assert_eq!(as_put("missing").await, None);
}
