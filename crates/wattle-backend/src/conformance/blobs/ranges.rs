//! Parts of objects.

use super::{made, pattern, pieces, range};
use crate::blobs::Blobs;

/// A range gives the bytes that there are of it: inside, across the end, past it, none.
#[expect(clippy::reversed_empty_ranges, reason = "that is one of the ranges that a guest may ask for")]
pub async fn ranges_are_cut_to_what_there_is(store: &dyn Blobs) {
    const SIZE: u64 = 200_000;
    let container = made(store, "ranges-are-cut-to-what-there-is").await;
    store.write(&container, "a", pieces(7, SIZE, 30_000)).await.expect("write");
    let ranges = [
        (0..SIZE, 0..SIZE),
        (0..1, 0..1),
        (0..65_536, 0..65_536),
        (65_535..65_537, 65_535..65_537),
        (65_536..131_072, 65_536..131_072),
        (70_000..199_999, 70_000..199_999),
        (199_999..200_000, 199_999..200_000),
        (199_999..200_001, 199_999..200_000),
        (100..u64::MAX, 100..SIZE),
        (SIZE..SIZE + 1, 0..0),
        (u64::MAX..u64::MAX, 0..0),
        (u64::MAX - 1..u64::MAX, 0..0),
        (0..0, 0..0),
        (500..500, 0..0),
        (500..499, 0..0),
        (u64::MAX..0, 0..0),
    ];
    for (asked, expected) in ranges {
        let found = range(store, &container, "a", asked.clone()).await.expect("it was written");
        assert!(found == pattern(7, expected.clone()), "{asked:?} gave {} bytes, not {expected:?}", found.len());
    }
    let object = store.read(&container, "a", 0..0).await.expect("read").expect("it was written");
    assert_eq!(object.entry.size, SIZE, "the entry is of the whole object");
    assert_eq!(range(store, &container, "missing", 0..0).await, None);
}
