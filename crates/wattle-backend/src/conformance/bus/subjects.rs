//! Who hears of what.

use super::{Place, app, heard, listen, named, publish};
use crate::bucket::Owner;

/// `*` is any one token, a last `>` one or more; nothing else is special, and case counts.
pub async fn wildcards_match_as_in_nats(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("wildcards");
    let subjects = ["a", "a.b", "a.b.c", "a.c", "b", "b.a", "A", "a.b.c.d", "ab", "a-b.c", "é.b"];
    let expected = [
        ("a", vec!["a"]),
        ("*", vec!["a", "b", "A", "ab"]),
        ("a.*", vec!["a.b", "a.c"]),
        ("*.b", vec!["a.b", "é.b"]),
        ("a.>", vec!["a.b", "a.b.c", "a.c", "a.b.c.d"]),
        ("*.*.c", vec!["a.b.c"]),
        ("a.*.>", vec!["a.b.c", "a.b.c.d"]),
        ("a.b.c.d", vec!["a.b.c.d"]),
        (">", subjects.to_vec()),
    ];
    let mut listeners = Vec::new();
    for (pattern, _) in &expected {
        listeners.push(listen(&*bus, &owner, pattern).await);
    }
    for subject in subjects {
        publish(&*bus, &owner, subject, subject).await;
    }
    for ((pattern, expected), listener) in expected.iter().zip(&mut listeners) {
        for subject in expected {
            assert_eq!(heard(listener).await, *subject, "pattern {pattern}");
        }
        super::nothing_comes(listener).await;
    }
}

/// What one owner publishes no other hears, whatever their names have in common.
pub async fn owners_are_apart(place: &dyn Place) {
    let bus = place.open().await;
    let owners = [
        app("apart"),
        app("apart-b"),
        app("b"),
        Owner::Shared,
        app("shared"),
        named("b", Some("apart")),
        named("apart", Some("b")),
        named("b", None),
        named("shared", None),
    ];
    let group = super::group_id("group", ">");
    let mut listeners = Vec::new();
    for owner in &owners {
        listeners.push((listen(&*bus, owner, ">").await, super::join(&*bus, owner, &group, 10).await));
    }
    for owner in &owners {
        for subject in ["a", "b.a", "apart.a"] {
            publish(&*bus, owner, subject, &format!("{owner:?} {subject}")).await;
        }
    }
    for (owner, (listener, member)) in owners.iter().zip(&mut listeners) {
        for subject in ["a", "b.a", "apart.a"] {
            let expected = format!("{owner:?} {subject}");
            assert_eq!(heard(listener).await, expected);
            assert_eq!(heard(member).await, expected);
        }
        super::nothing_comes(listener).await;
    }
}
