//! What one owner may keep. Each check has owners of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::join_all;
use wattle_spec::quota::Quota;

use super::{container_of, pattern, pieces, whole};
use crate::blobs::{Blobs, Content};
use crate::bucket::Bucket;
use crate::error::BackendError;

/// How long a backend may take to give back the room of what was given up.
const PATIENCE: Duration = Duration::from_secs(30);
const PIECE: u64 = 64 << 10;
const MIB: u64 = 1 << 20;

async fn limited(store: &dyn Blobs, app: &str, quota: Quota) -> Bucket {
    let container = container_of(app, "container");
    store.limit(&container.owner, quota);
    assert!(store.create_container(&container).await.expect("create"));
    container
}

fn bytes(bytes: u64) -> Quota {
    Quota { keys: None, bytes: Some(bytes) }
}

/// Whether there is room for an object of that size.
async fn wrote(store: &dyn Blobs, container: &Bucket, name: &str, size: u64) -> bool {
    match store.write(container, name, pieces(1, size, PIECE)).await {
        Ok(entry) => entry.size == size,
        Err(BackendError::Quota { .. }) => false,
        Err(error) => panic!("{error:?}"),
    }
}

/// Writes an object for which there is room, once what was given up before is gone.
async fn write_at_last(store: &dyn Blobs, container: &Bucket, name: &str, size: u64) {
    let begun = Instant::now();
    while !wrote(store, container, name, size).await {
        assert!(begun.elapsed() < PATIENCE, "there is no room for {size} bytes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An owner keeps no more bytes than it may. A content that is too large is not read to its end, and leaves what was
/// there; what is removed makes room, an object and a container.
pub async fn bytes_stop_at_the_quota(store: &dyn Blobs) {
    let container = limited(store, "quota-bytes", bytes(4 * MIB)).await;
    assert!(wrote(store, &container, "a", MIB).await);
    assert!(wrote(store, &container, "b", MIB).await);
    let taken = Arc::new(AtomicU64::new(0));
    let counted = taken.clone();
    let endless = pieces(2, 512 * MIB, PIECE).inspect(move |_| _ = counted.fetch_add(PIECE, Ordering::Relaxed));
    let error = store.write(&container, "a", endless.boxed() as Content).await.expect_err("there is no room");
    assert!(matches!(error, BackendError::Quota { unit: "bytes", .. }), "{error:?}");
    let taken = taken.load(Ordering::Relaxed);
    assert!(taken < 8 * MIB, "{taken} bytes were taken before it was refused");
    assert!(
        whole(store, &container, "a").await.is_some_and(|found| found == pattern(1, 0..MIB)),
        "what was there is there still"
    );

    store.remove(&container, "b").await.expect("remove");
    write_at_last(store, &container, "c", 2 * MIB).await;
    assert!(!wrote(store, &container, "d", 2 * MIB).await);
    assert!(store.container(&container_of("quota-bytes-neighbour", "container")).await.expect("look").is_none());
    store.remove_container(&container).await.expect("remove");
    assert!(store.create_container(&container).await.expect("create"));
    write_at_last(store, &container, "d", 3 * MIB).await;
}

/// Of 64 writers at the same time no more succeed than there is room for, and the rest of the room can be used.
pub async fn many_writers_stay_within_the_quota(store: &dyn Blobs) {
    const QUOTA: u64 = 2 * MIB;
    const SIZE: u64 = 96 << 10;
    let container = limited(store, "quota-writers", bytes(QUOTA)).await;
    let names: Vec<String> = (0..64).map(|number| number.to_string()).collect();
    join_all(names.iter().map(|name| wrote(store, &container, name, SIZE))).await;
    let kept = async || {
        let page = store.list(&container, None, 100).await.expect("list");
        page.objects.iter().map(|object| object.size + object.name.len() as u64).sum::<u64>()
    };
    assert!(kept().await <= QUOTA);
    let left = QUOTA - kept().await;
    if left > 3 * SIZE {
        write_at_last(store, &container, "rest", left - 3 * SIZE).await;
    }
    assert!(kept().await <= QUOTA);
}

/// Where objects and containers are counted one by one: as many as there may be, in all containers together, to the last
/// byte.
pub async fn objects_are_counted_exactly(store: &dyn Blobs) {
    let container = limited(store, "quota-exact", Quota { keys: Some(4), bytes: Some(1000) }).await;
    let other = container_of("quota-exact", "other");
    assert!(store.create_container(&other).await.expect("create"));
    assert!(wrote(store, &container, "a", 10).await);
    assert!(wrote(store, &other, "a", 10).await);
    assert!(!wrote(store, &other, "b", 0).await, "a fifth");
    let third = store.create_container(&container_of("quota-exact", "third")).await.expect_err("a fifth");
    assert!(matches!(third, BackendError::Quota { limit: 4, unit: "keys" }), "{third:?}");

    let left = 1000 - "container".len() as u64 - "other".len() as u64 - 11 - 1;
    assert!(!wrote(store, &other, "a", left + 1).await, "one byte too many");
    assert!(wrote(store, &other, "a", left).await, "all that is left");
    assert!(wrote(store, &other, "a", left).await, "as many as before");
    assert!(!wrote(store, &container, "a", 11).await, "one more than before");
    store.remove_container(&other).await.expect("remove");
    assert!(wrote(store, &container, "b", left + 5).await, "it left room");
    store.remove(&container, "b").await.expect("remove");
    assert!(wrote(store, &container, "c", left + 5).await, "it left room");
}
