//! Lists of keys, page by page.

use super::{all_keys, bucket, list, set};
use crate::key_value::{KeyValue, Page};

/// Keys come in the order of their bytes, not of letters or of time.
pub async fn lists_are_in_byte_order(store: &dyn KeyValue) {
    let bucket = bucket("lists-are-in-byte-order");
    let mut keys = ["b", "a", "B", "aa", "a/", "é", "z", "0", "10", "9", "\u{10000}", "\u{ffff}"].map(str::to_owned);
    for key in &keys {
        set(store, &bucket, key, "value").await;
    }
    set(store, &bucket, "a", "written again").await;
    keys.sort_unstable();
    for limit in [1, 2, 5, 12, 13, 1000] {
        assert_eq!(all_keys(store, &bucket, limit).await, keys, "by pages of {limit}");
    }
}

/// A page says where the next one starts exactly if there is one.
pub async fn pages_fit_together(store: &dyn KeyValue) {
    let bucket = bucket("pages-fit-together");
    let page = |keys: &[&str], next: Option<&str>| Page {
        keys: keys.iter().map(|&key| key.to_owned()).collect(),
        next: next.map(str::to_owned),
    };
    assert_eq!(list(store, &bucket, None, 10).await, page(&[], None));
    for key in ["a", "c", "e", "g"] {
        set(store, &bucket, key, "value").await;
    }
    assert_eq!(list(store, &bucket, None, 3).await, page(&["a", "c", "e"], Some("e")));
    assert_eq!(list(store, &bucket, Some("e"), 3).await, page(&["g"], None));
    assert_eq!(list(store, &bucket, None, 4).await, page(&["a", "c", "e", "g"], None), "exactly full");
    assert_eq!(list(store, &bucket, Some("b"), 2).await, page(&["c", "e"], Some("e")), "after a key that is not there");
    assert_eq!(list(store, &bucket, Some(""), 1).await, page(&["a"], Some("a")));
    assert_eq!(list(store, &bucket, Some("g"), 5).await, page(&[], None));
    assert_eq!(list(store, &bucket, Some("zzz"), 5).await, page(&[], None));
    assert_eq!(list(store, &bucket, None, 0).await, page(&["a"], Some("a")), "a page has at least one key");
    assert_eq!(list(store, &bucket, None, usize::MAX).await, page(&["a", "c", "e", "g"], None));
}

/// Whoever pages through a bucket that changes sees every key once that is there all the time.
pub async fn lists_go_on_while_keys_change(store: &dyn KeyValue) {
    let bucket = bucket("lists-go-on-while-keys-change");
    let stay: Vec<String> = (0..30).map(|number| format!("{number:02}-stays")).collect();
    for key in &stay {
        set(store, &bucket, key, "value").await;
    }
    for number in 0..30 {
        set(store, &bucket, &format!("{number:02}-goes"), "value").await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    for round in 0.. {
        let page = list(store, &bucket, after.as_deref(), 7).await;
        seen.extend(page.keys);
        let Some(next) = page.next else { break };
        // The key that the next page starts after, some that were listed, and some that were not.
        store.delete(&bucket, &format!("{}-goes", &next[..2])).await.expect("delete");
        store.delete(&bucket, &format!("{:02}-goes", (round * 11) % 30)).await.expect("delete");
        set(store, &bucket, &format!("{:02}-comes", (round * 13) % 30), "value").await;
        after = Some(next);
    }
    let staying: Vec<String> = seen.iter().filter(|key| key.ends_with("stays")).cloned().collect();
    assert_eq!(staying, stay);
    assert!(seen.is_sorted_by(|one, other| one < other), "no key comes twice: {seen:?}");
}
