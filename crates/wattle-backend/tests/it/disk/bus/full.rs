//! Groups that nobody settles for.

use std::time::Duration;

use futures::{FutureExt, StreamExt};

use super::{BusOptions, DiskBus, DiskOptions, done, join, message, next, open_in, publish, temporary, text};
use wattle_backend::bucket::Owner;
use wattle_backend::bus::{Bus, GroupId};

fn small() -> BusOptions {
    BusOptions { group_bytes: 64 << 10, publish_patience: Duration::from_millis(200), ..BusOptions::default() }
}

/// Publishes until it is refused.
async fn fill(bus: &DiskBus) -> usize {
    for number in 0..10_000 {
        if let Err(error) = publish(bus, format!("{number} {}", "x".repeat(2000))).await {
            assert_eq!(error.code(), "full", "{error}");
            assert!(error.to_string().contains("group \"group\" for a, which holds 65536 bytes"), "{error}");
            return number;
        }
    }
    panic!("ten thousand messages found room");
}

#[tokio::test]
async fn a_full_group_refuses_until_something_is_settled() {
    let dir = temporary();
    let data = dir.path().join("data");
    let bus = open_in(&data, DiskOptions::default(), small());
    drop(join(&bus).await);
    let count = fill(&bus).await;
    assert_eq!(count, 21, "64 KiB are room for 21 messages that take 3 each");
    let refused = bus.publish(&Owner::Shared, message("x".repeat(2000)));
    refused.now_or_never().expect("nobody listens, so nobody waits").expect_err("there is no room");
    drop(bus);

    // What is on disk takes its room after reopening, too.
    let bus = open_in(&data, DiskOptions::default(), small());
    assert_eq!(fill(&bus).await, 0);
    let mut member = join(&bus).await;
    let delivery = next(&mut member).await.expect("a message");
    assert!(text(&delivery).starts_with("0 "));
    done(delivery).await.expect("settle");
    assert_eq!(fill(&bus).await, 1);

    // With less room than there was, everything is still there.
    drop((member, bus));
    let bus = open_in(&data, DiskOptions::default(), BusOptions { group_bytes: 1 << 10, ..small() });
    let mut member = join(&bus).await;
    for _ in 0..count {
        done(next(&mut member).await.expect("a message")).await.expect("settle");
    }
    publish(&bus, "x").await.expect("there is room again");
}

#[tokio::test]
async fn forgetting_a_group_gives_back_its_room() {
    let dir = temporary();
    let bus = open_in(&dir.path().join("data"), DiskOptions::default(), small());
    let mut member = join(&bus).await;
    let group = GroupId { name: "group".into(), pattern: "a".parse().expect("a pattern") };
    for _ in 0..3 {
        assert_eq!(fill(&bus).await, 21);
        bus.forget(&Owner::Shared, &group).await.expect("forget");
        assert!(member.next().await.is_none(), "who listens hears the end");
        publish(&bus, "for nobody").await.expect("nobody listens");
        member = join(&bus).await;
    }
}
