//! Many writers at once, on several threads.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;

use super::{bucket, get, value};
use crate::bucket::Bucket;
use crate::key_value::{Change, KeyValue, Swap, Version};

const THREADS: usize = 4;
const WRITERS_PER_THREAD: usize = 16;
const WRITERS: usize = THREADS * WRITERS_PER_THREAD;

fn parsed(text: Option<&[u8]>) -> usize {
    let text = std::str::from_utf8(text.unwrap_or(b"0")).expect("a number");
    text.parse().expect("a number")
}

/// Runs 64 writers on 4 threads of their own, each of which is a runtime. Each calls `write` so many times.
pub(super) fn write_at_once(times: usize, write: impl AsyncFn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                let writers = (0..WRITERS_PER_THREAD).map(async |_| {
                    for _ in 0..times {
                        write().await;
                    }
                });
                runtime.block_on(join_all(writers));
            });
        }
    });
}

/// 64 writers that each increment a number 10 times leave 640.
pub async fn increments_are_all_counted(store: &dyn KeyValue) {
    let bucket = bucket("increments-are-all-counted");
    let increment: Change = Arc::new(|old| Ok((parsed(old) + 1).to_string().into()));
    write_at_once(10, async || {
        store.update(&bucket, "a", increment.clone()).await.expect("update");
    });
    assert_eq!(parsed(value(store, &bucket, "a").await.as_deref()), 10 * WRITERS);
}

/// The same with reads and swaps that are tried again after a conflict.
pub async fn swaps_in_a_loop_are_all_counted(store: &dyn KeyValue) {
    let bucket = bucket("swaps-in-a-loop-are-all-counted");
    write_at_once(2, async || increment_by_swaps(store, &bucket).await);
    assert_eq!(parsed(value(store, &bucket, "a").await.as_deref()), 2 * WRITERS);
}

async fn increment_by_swaps(store: &dyn KeyValue, bucket: &Bucket) {
    let mut found = get(store, bucket, "a").await;
    let mut tried: Option<Version> = None;
    loop {
        let version = found.as_ref().map(|entry| entry.version);
        assert!(tried.is_none() || version > tried, "a conflict tells something newer");
        let next = parsed(found.as_ref().map(|entry| &*entry.value)) + 1;
        match store.swap(bucket, "a", version, next.to_string().into()).await.expect("swap") {
            Swap::Done(_) => return,
            Swap::Conflict(now) => (tried, found) = (version, now),
        }
    }
}

/// Of many writers that create the same key at once, one does.
pub async fn one_of_many_creates(store: &dyn KeyValue) {
    let bucket = bucket("one-of-many-creates");
    for round in 0..10 {
        let key = round.to_string();
        let swaps = join_all((0..64).map(|writer: u32| store.swap(&bucket, &key, None, writer.to_string().into())));
        let results: Vec<Swap> = swaps.await.into_iter().map(|result| result.expect("swap")).collect();
        let winners: Vec<usize> =
            (0..results.len()).filter(|&writer| matches!(results[writer], Swap::Done(_))).collect();
        let [winner] = winners[..] else { panic!("{} writers created the key", winners.len()) };
        assert_eq!(parsed(value(store, &bucket, &key).await.as_deref()), winner);
    }
}

/// While one writes, what others read never goes back, and what was acknowledged is seen.
pub async fn reads_never_go_back(store: &dyn KeyValue) {
    const LAST: usize = 300;
    let bucket = bucket("reads-never-go-back");
    let acknowledged = AtomicUsize::new(0);
    let on_a_thread = |work: Pin<Box<dyn Future<Output = ()> + '_>>| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            on_a_thread(Box::pin(async {
                for number in 1..=LAST {
                    store.set(&bucket, "a", number.to_string().into()).await.expect("set");
                    acknowledged.store(number, Ordering::SeqCst);
                    // Something else to make room for, where entries are kept in memory.
                    store.set(&bucket, &number.to_string(), vec![0; 1000].into()).await.expect("set");
                }
            }));
        });
        for _ in 0..THREADS {
            scope.spawn(|| {
                on_a_thread(Box::pin(async {
                    let mut newest = 0;
                    while newest < LAST {
                        let at_least = newest.max(acknowledged.load(Ordering::SeqCst));
                        newest = parsed(value(store, &bucket, "a").await.as_deref());
                        assert!(newest >= at_least, "read {newest} after {at_least}");
                    }
                }));
            });
        }
    });
}
