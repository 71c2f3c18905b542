//! Groups and everyone.

use std::collections::BTreeSet;

use futures::future::join_all;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{PATIENCE, Place, app, done, group_id, heard, join, listen, next, publish, text};

/// Of a group one gets a message, and all of them get some.
pub async fn groups_share(place: &dyn Place) {
    const MESSAGES: usize = 64;
    let bus = place.open().await;
    let owner = app("groups-share");
    let group = group_id("workers", "work.*");
    let mut members = join_all((0..4).map(|_| join(&*bus, &owner, &group, 16))).await;
    for number in 0..MESSAGES {
        publish(&*bus, &owner, "work.a", &number.to_string()).await;
    }
    // Nobody settles before each has one.
    let first = join_all(members.iter_mut().map(next)).await;
    let seen: Vec<String> = first.iter().map(text).collect();
    join_all(first.into_iter().map(done)).await;
    let seen = Mutex::new(seen);
    let rest = join_all(members.iter_mut().map(async |member| {
        loop {
            let body = heard(member).await;
            seen.lock().await.push(body);
        }
    }));
    let all_seen = async {
        while seen.lock().await.len() < MESSAGES {
            tokio::task::yield_now().await;
        }
    };
    futures::future::select(std::pin::pin!(rest), std::pin::pin!(timeout(PATIENCE, all_seen))).await;
    let seen = seen.into_inner();
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(distinct.len(), MESSAGES, "each came once: {seen:?}");
}

/// Everyone hears everything that is published while they listen, and may leave.
pub async fn everyone_hears(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("everyone-hears");
    let mut first = listen(&*bus, &owner, "news").await;
    publish(&*bus, &owner, "news", "1").await;
    let mut second = listen(&*bus, &owner, "news").await;
    publish(&*bus, &owner, "news", "2").await;
    drop(listen(&*bus, &owner, "news").await);
    publish(&*bus, &owner, "news", "3").await;
    for expected in ["1", "2", "3"] {
        assert_eq!(heard(&mut first).await, expected);
    }
    for expected in ["2", "3"] {
        assert_eq!(heard(&mut second).await, expected);
    }
}

/// Each group hears of a message once, beside those who hear everything.
pub async fn groups_hear_once(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("groups-hear-once");
    let (one, two) = (group_id("one", "a.>"), group_id("two", "a.>"));
    let mut listener = listen(&*bus, &owner, "a.*").await;
    let (mut one, mut two) = (join(&*bus, &owner, &one, 10).await, join(&*bus, &owner, &two, 10).await);
    for number in 0..5 {
        publish(&*bus, &owner, "a.b", &number.to_string()).await;
    }
    for deliveries in [&mut listener, &mut one, &mut two] {
        for number in 0..5 {
            assert_eq!(heard(deliveries).await, number.to_string());
        }
        super::nothing_comes(deliveries).await;
    }
}

/// Those who give the same name with another pattern are another group, and any text is a name.
pub async fn group_names_and_patterns_are_apart(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("group-names");
    let long = "n".repeat(200);
    let names = ["group", "Group", "", " ", "a.b", "a/b", "*", ">", "ü", "a\0b", &long];
    let mut members = Vec::new();
    for name in names {
        for pattern in ["a.>", "a.*"] {
            members.push((name, pattern, join(&*bus, &owner, &group_id(name, pattern), 10).await));
        }
    }
    publish(&*bus, &owner, "a.b", "1").await;
    publish(&*bus, &owner, "a.b", "2").await;
    for (name, pattern, deliveries) in &mut members {
        for expected in ["1", "2"] {
            assert_eq!(heard(deliveries).await, expected, "group {name:?} for {pattern}");
        }
    }
}
