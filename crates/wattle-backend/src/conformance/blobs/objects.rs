//! Reading back what was written.

use futures::{StreamExt, TryStreamExt, stream};

use super::{WHOLE, collected, made, pattern, pieces, whole, write};
use crate::blobs::Blobs;
use crate::bucket::Bucket;

/// What was written is there, until it is written again or removed.
pub async fn objects_come_back(store: &dyn Blobs) {
    let container = made(store, "objects-come-back").await;
    assert_eq!(whole(store, &container, "a").await, None);
    store.remove(&container, "a").await.expect("removing what is not there is no error");
    let entry = write(store, &container, "a", "one").await;
    assert_eq!((entry.name.as_str(), entry.size), ("a", 3));
    let object = store.read(&container, "a", WHOLE).await.expect("read").expect("it was written");
    assert_eq!(object.entry, entry);
    assert_eq!(collected(object.content).await.expect("the content"), b"one");
    let again = write(store, &container, "a", "").await;
    assert!(again.size == 0 && again.created >= entry.created);
    assert_eq!(whole(store, &container, "a").await.as_deref(), Some(&b""[..]), "an empty object is an object");
    store.remove(&container, "a").await.expect("remove");
    assert_eq!(whole(store, &container, "a").await, None);
    store.remove(&container, "a").await.expect("removing twice is no error");
}

/// However a content is cut into pieces, it is the same content: none, empty ones, single bytes, sizes around a block.
pub async fn pieces_of_any_size_are_taken(store: &dyn Blobs) {
    let container = made(store, "pieces-of-any-size-are-taken").await;
    store.write(&container, "none", stream::empty().boxed()).await.expect("write");
    assert_eq!(whole(store, &container, "none").await.as_deref(), Some(&b""[..]));
    let single = stream::iter(b"ab").flat_map(|&byte| stream::iter([Ok("".into()), Ok(vec![byte].into())]));
    store.write(&container, "single", single.boxed()).await.expect("write");
    assert_eq!(whole(store, &container, "single").await.as_deref(), Some(&b"ab"[..]));
    for (size, piece) in [(65_535, 1000), (65_536, 65_536), (65_537, 65_536), (131_072, 7), (131_073, 40_000)] {
        let entry = store.write(&container, "blocks", pieces(1, size, piece)).await.expect("write");
        assert_eq!(entry.size, size);
        let found = whole(store, &container, "blocks").await.expect("it was written");
        assert!(found == pattern(1, 0..size), "{size} bytes in pieces of {piece} are others");
    }
}

/// An object of `largest_bytes`, written in pieces of 100,000 bytes, comes back byte for byte, as a whole and in part.
pub async fn large_objects_come_back(store: &dyn Blobs, largest_bytes: u64) {
    let container = made(store, "large-objects-come-back").await;
    write(store, &container, "small", "neighbour").await;
    for seed in [1, 2] {
        let entry = store.write(&container, "large", pieces(seed, largest_bytes, 100_000)).await.expect("write");
        assert_eq!(entry.size, largest_bytes);
        compare(store, &container, seed, largest_bytes).await;
    }
    let (start, end) = (largest_bytes / 3, largest_bytes / 3 + 100_000);
    let part = super::range(store, &container, "large", start..end).await.expect("it was written");
    assert!(part == pattern(2, start..end.min(largest_bytes)));
    assert_eq!(whole(store, &container, "small").await.as_deref(), Some(&b"neighbour"[..]));
    store.remove(&container, "large").await.expect("remove");
    assert_eq!(whole(store, &container, "large").await, None);
}

/// Compares the large object as it comes, without having it in memory.
async fn compare(store: &dyn Blobs, container: &Bucket, seed: u8, size: u64) {
    let object = store.read(container, "large", WHOLE).await.expect("read").expect("it was written");
    let mut content = object.content;
    let mut at = 0;
    while let Some(piece) = content.try_next().await.expect("the content") {
        let next = at + piece.len() as u64;
        assert!(piece == pattern(seed, at..next), "the bytes from {at} to {next} are others");
        at = next;
    }
    assert_eq!(at, size);
}
