//! Backends that keep messages. What one does not keep, these checks do not ask of it.

use std::time::Duration;

use super::{Place, app, done, group_id, heard, join, listen, message, next, nothing_comes, publish, text};
use crate::bus::Settlement;
use crate::error::BackendError;

/// What is published while nobody of a known group listens waits for it, also after the backend was opened anew.
pub async fn messages_are_kept_for_a_group(place: &dyn Place) {
    let bus = place.open().await;
    if !bus.keeps() {
        return;
    }
    let owner = app("kept");
    let (group, other) = (group_id("group", "a.>"), group_id("other", "a.b"));
    drop(join(&*bus, &owner, &group, 10).await);
    drop(join(&*bus, &owner, &other, 10).await);
    for number in 0..20 {
        let message = crate::bus::Message {
            headers: vec![("number".into(), number.to_string())],
            ..message(if number % 2 == 0 { "a.b" } else { "a.c" }, format!("{number}"))
        };
        bus.publish(&owner, message).await.expect("publish");
    }
    drop(bus);
    let bus = place.open().await;
    assert_eq!(bus.groups(&owner).await.expect("groups"), [group.clone(), other.clone()]);
    let mut member = join(&*bus, &owner, &group, 3).await;
    for number in 0..20 {
        let delivery = next(&mut member).await;
        assert_eq!(text(&delivery), number.to_string());
        assert_eq!(delivery.message.headers, [("number".to_owned(), number.to_string())]);
        done(delivery).await;
    }
    let mut member = join(&*bus, &owner, &other, 3).await;
    for number in (0..20).step_by(2) {
        assert_eq!(heard(&mut member).await, number.to_string());
    }
}

/// What came before a group's first subscription is not for it, and what comes while nobody listens is.
pub async fn messages_wait_for_their_group(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("waits");
    let group = group_id("group", "a");
    publish(&*bus, &owner, "a", "before").await;
    let mut member = join(&*bus, &owner, &group, 10).await;
    publish(&*bus, &owner, "a", "first").await;
    assert_eq!(heard(&mut member).await, "first");
    if !bus.keeps() {
        return;
    }
    drop(member);
    publish(&*bus, &owner, "a", "second").await;
    let mut member = join(&*bus, &owner, &group, 10).await;
    assert_eq!(heard(&mut member).await, "second");
}

/// What was settled is gone after the backend was opened anew; what was to come again comes, and its attempts count.
pub async fn settled_messages_are_gone(place: &dyn Place) {
    let bus = place.open().await;
    if !bus.keeps() {
        return;
    }
    let owner = app("gone");
    let group = group_id("group", "a");
    let mut member = join(&*bus, &owner, &group, 10).await;
    for number in 0..6 {
        publish(&*bus, &owner, "a", &number.to_string()).await;
    }
    for number in 0..6 {
        let delivery = next(&mut member).await;
        let settlement = match number {
            2 | 4 => Settlement::Retry(Duration::from_millis(100)),
            _ => Settlement::Done,
        };
        delivery.receipt.settle(settlement).await.expect("settle");
    }
    bus.settled().await.expect("it has them all");
    drop((member, bus));
    let bus = place.open().await;
    let mut member = join(&*bus, &owner, &group, 10).await;
    for expected in ["2", "4"] {
        let delivery = next(&mut member).await;
        assert_eq!((text(&delivery).as_str(), delivery.attempt.get()), (expected, 2));
        done(delivery).await;
    }
    nothing_comes(&mut member).await;
}

/// A group that was forgotten is no longer there, and nothing is kept for it.
pub async fn forgotten_groups_keep_nothing(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("forgotten");
    let (group, other) = (group_id("group", "a"), group_id("other", "a"));
    bus.forget(&owner, &group).await.expect("that there is no such group is no error");
    if !bus.keeps() {
        return;
    }
    drop(join(&*bus, &owner, &group, 10).await);
    drop(join(&*bus, &owner, &other, 10).await);
    drop(join(&*bus, &app("forgotten-too"), &group, 10).await);
    publish(&*bus, &owner, "a", "first").await;
    bus.forget(&owner, &group).await.expect("forget");
    publish(&*bus, &owner, "a", "second").await;
    assert_eq!(bus.groups(&owner).await.expect("groups"), std::slice::from_ref(&other));
    assert_eq!(bus.groups(&app("forgotten-too")).await.expect("groups"), std::slice::from_ref(&group));
    drop(bus);
    let bus = place.open().await;
    assert_eq!(bus.groups(&owner).await.expect("groups"), std::slice::from_ref(&other));
    let mut member = join(&*bus, &owner, &group, 10).await;
    let mut others = join(&*bus, &owner, &other, 10).await;
    publish(&*bus, &owner, "a", "third").await;
    assert_eq!(heard(&mut member).await, "third");
    for expected in ["first", "second", "third"] {
        assert_eq!(heard(&mut others).await, expected);
    }
}

/// A request is for those who are there.
pub async fn requests_are_not_kept(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("not-kept");
    let group = group_id("group", "ask");
    drop(join(&*bus, &owner, &group, 10).await);
    let error = loop {
        // A network may need a moment to know that somebody left.
        match bus.request(&owner, message("ask", "a"), Duration::from_secs(1)).await.expect_err("nobody is there") {
            BackendError::TimedOut { .. } => {}
            other => break other,
        }
    };
    assert!(matches!(error, BackendError::NoResponder { .. }), "{error:?}");
    let mut member = join(&*bus, &owner, &group, 10).await;
    let mut listener = listen(&*bus, &owner, ">").await;
    nothing_comes(&mut member).await;
    nothing_comes(&mut listener).await;
}
