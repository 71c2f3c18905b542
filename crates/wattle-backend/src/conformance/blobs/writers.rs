//! Writes that fail, that are given up, and that meet others.

use futures::future::join_all;
use futures::{FutureExt, StreamExt, stream};

use super::{all_names, given_up, made, pattern, pieces, whole, write};
use crate::blobs::{Blobs, Content};
use crate::error::BackendError;

/// Larger than what any backend takes in one step.
const SIZE: u64 = 600_000;

/// A content with an error after `size` bytes.
fn failing(size: u64) -> Content {
    pieces(3, size, 50_000).chain(stream::iter([Err(given_up()), Ok("never read".into())])).boxed()
}

/// When a content fails, its error is the result of the write, and what was there stays.
pub async fn failed_writes_leave_what_was_there(store: &dyn Blobs) {
    let container = made(store, "failed-writes-leave-what-was-there").await;
    write(store, &container, "old", "content").await;
    for size in [0, 10, SIZE] {
        for name in ["old", "new"] {
            match store.write(&container, name, failing(size)).await {
                Err(BackendError::Refused { reason }) => assert_eq!(reason, "the content was given up"),
                other => panic!("a content that failed gave {other:?}"),
            }
        }
        assert_eq!(whole(store, &container, "old").await.as_deref(), Some(&b"content"[..]));
        assert_eq!(all_names(store, &container, 10).await, ["old"]);
    }
}

/// A write that is dropped in the middle of its content leaves what was there.
pub async fn dropped_writes_leave_what_was_there(store: &dyn Blobs) {
    let container = made(store, "dropped-writes-leave-what-was-there").await;
    write(store, &container, "old", "content").await;
    for size in [0, 10, SIZE] {
        for name in ["old", "new"] {
            let (told, mut reached) = tokio::sync::oneshot::channel();
            let end = stream::once(async move {
                told.send(()).expect("the test waits");
                std::future::pending().await
            });
            let mut write = store.write(&container, name, pieces(3, size, 50_000).chain(end).boxed());
            while (&mut reached).now_or_never().is_none() {
                assert!((&mut write).now_or_never().is_none(), "its content has no end");
                tokio::task::yield_now().await;
            }
            drop(write);
        }
        assert_eq!(whole(store, &container, "old").await.as_deref(), Some(&b"content"[..]));
        assert_eq!(all_names(store, &container, 10).await, ["old"]);
    }
}

/// Of many who write one object at once, one wins with all of its content.
pub async fn writers_never_mix(store: &dyn Blobs) {
    let container = made(store, "writers-never-mix").await;
    for round in 0..3 {
        let writes = (0..16_u8).map(|seed| {
            let size = SIZE / 2 + u64::from(seed);
            store.write(&container, "a", pieces(seed, size, 10_000 + 1000 * u64::from(seed)))
        });
        for (seed, result) in join_all(writes).await.into_iter().enumerate() {
            let entry = result.expect("write");
            assert_eq!(entry.size, SIZE / 2 + seed as u64, "each is told of its own");
        }
        let found = whole(store, &container, "a").await.expect("it was written");
        let seed = (found.len() as u64 - SIZE / 2) as u8;
        assert!(found == pattern(seed, 0..found.len() as u64), "round {round}: the content is mixed");
    }
    assert_eq!(all_names(store, &container, 10).await, ["a"]);
}
