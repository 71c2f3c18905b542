//! What one owner may keep. Each check has owners of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wattle_spec::quota::Quota;

use super::concurrency::write_at_once;
use super::{all_keys, bucket_of, set, value};
use crate::bucket::Bucket;
use crate::error::BackendError;
use crate::key_value::{KeyValue, Put, Swap};

/// How long a backend may take to see that an entry has ended.
const PATIENCE: Duration = Duration::from_secs(30);
const VALUE_BYTES: usize = 10_000;

fn keys(keys: u64) -> Quota {
    Quota { keys: Some(keys), bytes: None }
}

fn bytes(bytes: u64) -> Quota {
    Quota { keys: None, bytes: Some(bytes) }
}

/// What `result` gives; `None`: the quota is used up.
fn within<T>(result: Result<T, BackendError>, unit: &str) -> Option<T> {
    match result {
        Ok(done) => Some(done),
        Err(BackendError::Quota { unit: of, .. }) if of == unit => None,
        Err(error) => panic!("{error:?}"),
    }
}

async fn set_bytes(store: &dyn KeyValue, bucket: &Bucket, key: &str, bytes: usize) -> bool {
    within(store.set(bucket, key, vec![0; bytes].into()).await, "bytes").is_some()
}

/// An owner keeps as many keys as it may, in all its buckets together, and no more by any operation; a key that is there
/// can be written, and one that is deleted makes room. Others are not concerned.
pub async fn keys_stop_at_the_quota(store: &dyn KeyValue) {
    let (one, other) = (bucket_of("quota-keys", "one"), bucket_of("quota-keys", "other"));
    store.limit(&one.owner, keys(3));
    set(store, &one, "a", "1").await;
    set(store, &one, "b", "1").await;
    set(store, &other, "c", "1").await;
    let full = store.set(&other, "d", "1".into()).await.expect_err("a fourth key");
    assert!(matches!(full, BackendError::Quota { limit: 3, unit: "keys" }), "{full:?}");
    assert_eq!(within(store.swap(&one, "d", None, "1".into()).await, "keys"), None);
    assert_eq!(within(store.update(&one, "d", Arc::new(|_| Ok("1".into()))).await, "keys"), None);
    assert_eq!(all_keys(store, &one, 10).await, ["a", "b"]);
    assert_eq!(all_keys(store, &other, 10).await, ["c"]);

    set(store, &one, "a", "something longer").await;
    store.update(&other, "c", Arc::new(|_| Ok("2".into()))).await.expect("it is there");
    let version = store.get(&one, "b").await.expect("get").map(|entry| entry.version);
    let swapped = store.swap(&one, "b", version, "2".into()).await.expect("it is there");
    assert!(matches!(swapped, Swap::Done(_)), "{swapped:?}");
    set(store, &bucket_of("quota-keys-neighbour", "one"), "d", "1").await;

    store.delete(&other, "c").await.expect("delete");
    set(store, &one, "d", "1").await;
    assert_eq!(within(store.set(&other, "c", "1".into()).await, "keys"), None);
}

/// A quota can be changed while there is something: a higher one makes room, a lower one takes nothing away.
pub async fn quotas_change(store: &dyn KeyValue) {
    let bucket = bucket_of("quota-changes", "bucket");
    set(store, &bucket, "a", "1").await;
    set(store, &bucket, "b", "1").await;
    store.limit(&bucket.owner, keys(2));
    assert_eq!(within(store.set(&bucket, "c", "1".into()).await, "keys"), None, "what was there before counts");
    store.limit(&bucket.owner, keys(3));
    set(store, &bucket, "c", "1").await;
    store.limit(&bucket.owner, keys(1));
    assert_eq!(all_keys(store, &bucket, 10).await, ["a", "b", "c"]);
    set(store, &bucket, "a", "2").await;
    store.delete(&bucket, "c").await.expect("delete");
    assert_eq!(within(store.set(&bucket, "c", "1".into()).await, "keys"), None, "there is one too many still");
    store.limit(&bucket.owner, Quota::default());
    set(store, &bucket, "c", "1").await;
}

/// An owner keeps no more bytes than it may; a smaller value passes, and leaves room.
pub async fn bytes_stop_at_the_quota(store: &dyn KeyValue) {
    let bucket = bucket_of("quota-bytes", "bucket");
    store.limit(&bucket.owner, bytes(10 * VALUE_BYTES as u64));
    let mut kept = 0;
    while set_bytes(store, &bucket, &kept.to_string(), VALUE_BYTES).await {
        kept += 1;
        assert!(kept < 10, "there are keys beside the values");
    }
    assert!(kept >= 8, "only {kept} were kept");
    assert!(!set_bytes(store, &bucket, "0", 3 * VALUE_BYTES).await, "a larger value");
    let larger: crate::key_value::Change = Arc::new(|_| Ok(vec![1; 3 * VALUE_BYTES].into()));
    assert_eq!(within(store.update(&bucket, "0", larger).await, "bytes"), None);
    assert_eq!(value(store, &bucket, "0").await, Some(vec![0; VALUE_BYTES]), "what was there is there still");

    assert!(set_bytes(store, &bucket, "0", VALUE_BYTES / 10).await, "a smaller value");
    assert!(set_bytes(store, &bucket, "small", VALUE_BYTES / 2).await, "it left room");
    assert!(!set_bytes(store, &bucket, "large", VALUE_BYTES * 2).await, "not for everything");
    store.delete(&bucket, "1").await.expect("delete");
    store.delete(&bucket, "2").await.expect("delete");
    assert!(set_bytes(store, &bucket, "large", VALUE_BYTES).await, "deleting made room");
}

/// Of 64 writers at the same time, of 640 keys, as many succeed as there is room for.
pub async fn many_writers_stay_within_the_quota(store: &dyn KeyValue) {
    const KEYS: usize = 100;
    let bucket = bucket_of("quota-writers", "bucket");
    store.limit(&bucket.owner, keys(KEYS as u64));
    let (next, written) = (AtomicUsize::new(0), AtomicUsize::new(0));
    write_at_once(10, async || {
        let key = next.fetch_add(1, Ordering::Relaxed).to_string();
        if within(store.set(&bucket, &key, "value".into()).await, "keys").is_some() {
            written.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert_eq!(written.into_inner(), KEYS);
    assert_eq!(all_keys(store, &bucket, 64).await.len(), KEYS);
}

/// What has ended makes room.
pub async fn ended_entries_make_room(store: &dyn KeyValue) {
    let bucket = bucket_of("quota-lifetimes", "bucket");
    store.limit(&bucket.owner, keys(2));
    let short = Put { lifetime: Some(Duration::from_secs(1)), ..Put::from("value") };
    set(store, &bucket, "stays", "value").await;
    store.set(&bucket, "ends", short).await.expect("set");
    let begun = Instant::now();
    while within(store.set(&bucket, "new", "value".into()).await, "keys").is_none() {
        assert!(begun.elapsed() < PATIENCE, "there is no room yet");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(all_keys(store, &bucket, 10).await, ["new", "stays"]);
}

/// Where the bytes of keys and values are all that counts: they can be used up to the last, and then a value be replaced
/// by one of its size.
pub async fn bytes_are_counted_exactly(store: &dyn KeyValue) {
    let bucket = bucket_of("quota-exact", "bucket");
    store.limit(&bucket.owner, bytes(100));
    assert!(set_bytes(store, &bucket, "key-1", 45).await);
    assert!(!set_bytes(store, &bucket, "key-2", 46).await, "one byte too many");
    assert!(set_bytes(store, &bucket, "key-2", 45).await, "all that is left");
    assert!(set_bytes(store, &bucket, "key-2", 45).await, "as many as before");
    assert!(!set_bytes(store, &bucket, "key-2", 46).await, "one more than before");
    assert!(!set_bytes(store, &bucket, "", 1).await);
    assert!(set_bytes(store, &bucket, "", 0).await, "nothing");
}
