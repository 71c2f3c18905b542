//! Lists of objects, page by page.

use super::{all_names, list, made, write};
use crate::blobs::Blobs;

/// Objects come in the order of the bytes of their names, with what is known of them.
pub async fn lists_are_in_byte_order(store: &dyn Blobs) {
    let container = made(store, "lists-are-in-byte-order").await;
    let mut names = ["b", "a", "B", "aa", "a/", "é", "z", "0", "10", "9", "\u{10000}", "\u{ffff}"].map(str::to_owned);
    for name in &names {
        write(store, &container, name, "content").await;
    }
    let written = write(store, &container, "a", "written again").await;
    names.sort_unstable();
    for limit in [1, 2, 5, 12, 13, 1000] {
        assert_eq!(all_names(store, &container, limit).await, names, "by pages of {limit}");
    }
    let page = list(store, &container, Some("B"), 1).await;
    assert_eq!((&page.objects[..], page.objects[0].size), (&[written][..], 13));
}

/// A page says where the next one starts exactly if there is one.
pub async fn pages_fit_together(store: &dyn Blobs) {
    let container = made(store, "pages-fit-together").await;
    let page = async |after: Option<&str>, limit: usize| {
        let page = list(store, &container, after, limit).await;
        (page.objects.into_iter().map(|object| object.name).collect::<String>(), page.next)
    };
    let expected = |names: &str, next: Option<&str>| (names.to_owned(), next.map(str::to_owned));
    assert_eq!(page(None, 10).await, expected("", None));
    for name in ["a", "c", "e", "g"] {
        write(store, &container, name, "content").await;
    }
    assert_eq!(page(None, 3).await, expected("ace", Some("e")));
    assert_eq!(page(Some("e"), 3).await, expected("g", None));
    assert_eq!(page(None, 4).await, expected("aceg", None), "exactly full");
    assert_eq!(page(Some("b"), 2).await, expected("ce", Some("e")), "after a name that is not there");
    assert_eq!(page(Some(""), 1).await, expected("a", Some("a")));
    assert_eq!(page(Some("g"), 5).await, expected("", None));
    assert_eq!(page(Some("zzz"), 5).await, expected("", None));
    assert_eq!(page(None, 0).await, expected("a", Some("a")), "a page has at least one object");
    assert_eq!(page(None, usize::MAX).await, expected("aceg", None));
}

/// Whoever pages through a container that changes sees every object once that is there all the time.
pub async fn lists_go_on_while_objects_change(store: &dyn Blobs) {
    let container = made(store, "lists-go-on-while-objects-change").await;
    let stay: Vec<String> = (0..30).map(|number| format!("{number:02}-stays")).collect();
    for number in 0..30 {
        write(store, &container, &format!("{number:02}-stays"), "content").await;
        write(store, &container, &format!("{number:02}-goes"), "content").await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    for round in 0.. {
        let page = list(store, &container, after.as_deref(), 7).await;
        seen.extend(page.objects.into_iter().map(|object| object.name));
        let Some(next) = page.next else { break };
        // The object that the next page starts after, some that were listed, and some that were not.
        store.remove(&container, &format!("{}-goes", &next[..2])).await.expect("remove");
        store.remove(&container, &format!("{:02}-goes", (round * 11) % 30)).await.expect("remove");
        write(store, &container, &format!("{:02}-comes", (round * 13) % 30), "content").await;
        write(store, &container, &format!("{:02}-stays", (round * 7) % 30), "another content").await;
        after = Some(next);
    }
    let staying: Vec<String> = seen.iter().filter(|name| name.ends_with("stays")).cloned().collect();
    assert_eq!(staying, stay);
    assert!(seen.is_sorted_by(|one, other| one < other), "no object comes twice: {seen:?}");
}
