//! Replacing and removing what somebody reads.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::TryStreamExt;
use futures::future::{join, join_all};

use super::{WHOLE, collected, made, pattern, pieces, whole};
use crate::blobs::{Blobs, Object};
use crate::bucket::Bucket;

const SIZE: u64 = 300_000;

/// Whoever reads while an object is replaced again and again gets one of its versions as a whole.
pub async fn replaced_as_a_whole(store: &dyn Blobs) {
    // A backend may be unable to go on with a version that is no longer there; then it says so.
    read_while_replaced(store, &made(store, "replaced-as-a-whole").await).await;
}

/// Replaces an object again and again while others read it. How many could not read to the end.
async fn read_while_replaced(store: &dyn Blobs, container: &Bucket) -> usize {
    const LAST: u8 = 12;
    let failed = AtomicUsize::new(0);
    store.write(container, "a", pieces(0, SIZE, 50_000)).await.expect("write");
    let writer = async {
        for version in 1..=LAST {
            let size = SIZE + u64::from(version);
            store.write(container, "a", pieces(version, size, 50_000)).await.expect("write");
        }
    };
    let readers = (0..4).map(async |_| {
        let mut newest = 0;
        while newest < LAST {
            tokio::task::yield_now().await;
            let object = opened(store, container).await;
            let (version, size) = ((object.entry.size - SIZE) as u8, object.entry.size);
            assert!(version >= newest, "read version {version} after {newest}");
            newest = version;
            match collected(object.content).await {
                Ok(found) => assert!(found == pattern(version, 0..size), "version {version} is not whole"),
                Err(_) => drop(failed.fetch_add(1, Ordering::Relaxed)),
            }
        }
    });
    join(writer, join_all(readers)).await;
    assert!(whole(store, container, "a").await.is_some_and(|found| found.len() as u64 == SIZE + u64::from(LAST)));
    failed.into_inner()
}

/// What somebody began to read is that version to its end, or an error, when the object is replaced or removed.
pub async fn readers_see_one_version(store: &dyn Blobs) {
    let container = made(store, "readers-see-one-version").await;
    for found in interrupted(store, &container).await.into_iter().flatten() {
        assert!(found == pattern(1, 0..SIZE), "{} bytes of another version", found.len());
    }
}

/// What somebody began to read can be read to its end when the object is replaced, or removed, or its container is. For
/// the backends that promise it.
pub async fn readers_go_on(store: &dyn Blobs) {
    let container = made(store, "readers-go-on").await;
    assert_eq!(read_while_replaced(store, &container).await, 0, "some could not read to the end");
    for read in interrupted(store, &container).await {
        assert!(read.expect("the reader goes on") == pattern(1, 0..SIZE));
    }
}

async fn opened(store: &dyn Blobs, container: &Bucket) -> Object {
    store.read(container, "a", WHOLE).await.expect("read").expect("it was written")
}

/// What readers get that had begun, or only had their object, when it was replaced, removed, and its container removed.
async fn interrupted(store: &dyn Blobs, container: &Bucket) -> Vec<Result<Vec<u8>, crate::error::BackendError>> {
    let mut results = Vec::new();
    for change in 0..3 {
        store.write(container, "a", pieces(1, SIZE, 50_000)).await.expect("write");
        let (mut begun, waiting) = (opened(store, container).await.content, opened(store, container).await.content);
        let first = begun.try_next().await.expect("the content").expect("there is a piece");
        match change {
            0 => drop(store.write(container, "a", pieces(2, SIZE, 50_000)).await.expect("write")),
            1 => store.remove(container, "a").await.expect("remove"),
            _ => store.remove_container(container).await.expect("remove"),
        }
        results.push(collected(begun).await.map(|rest| [first.to_vec(), rest].concat()));
        results.push(collected(waiting).await);
    }
    results
}
