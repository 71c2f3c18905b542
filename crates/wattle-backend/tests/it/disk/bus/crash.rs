//! What was acknowledged survives the death of the process, at any moment.

use std::collections::BTreeSet;
use std::path::Path;

use futures::future::{join, join_all};

use super::{BusOptions, DiskBus, DiskOptions, done, join as join_group, next, open_in, publish, text};
use crate::disk::{child, temporary};
use wattle_backend::bus::Deliveries;

/// Every message that a child was told to be safe is delivered, and none that it settled before it was killed.
#[tokio::test]
async fn acknowledged_messages_survive_a_kill() {
    let dir = temporary();
    let data = dir.path().join("data");
    for (round, lines) in [1, 60, 300, 7, 150].into_iter().enumerate() {
        let mut publisher = child::start("publish", &data, "");
        let mut said: Vec<String> = (0..lines).map(|_| publisher.line().expect("the child goes on")).collect();
        said.extend(publisher.kill());
        let of = |kind: &str| -> BTreeSet<String> {
            said.iter().filter_map(|line| line.strip_prefix(kind)).map(str::to_owned).collect()
        };
        let (published, settling, settled) = (of("published "), of("settling "), of("settled "));
        let bus = open_in(&data, DiskOptions::default(), BusOptions::default());
        let mut member = join_group(&bus).await;
        publish(&bus, "end").await.expect("publish");
        let found = until_the_end(&mut member).await;
        let lost: Vec<&String> = published.difference(&settling).filter(|body| !found.contains(*body)).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?} of {} were lost", published.len());
        let back: Vec<&String> = settled.intersection(&found).collect();
        assert!(back.is_empty(), "round {round}: {back:?} came again");
    }
}

async fn until_the_end(member: &mut Deliveries) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let delivery = next(member).await.expect("a message");
        let body = text(&delivery);
        done(delivery).await.expect("settle");
        if body == "end" {
            return found;
        }
        assert!(found.insert(body), "it came once");
    }
}

/// The child: 16 publishers that say what was acknowledged, and a subscriber that says what it settled.
pub(crate) async fn write(data: &Path) {
    let bus = open_in(data, DiskOptions::default(), BusOptions::default());
    let member = join_group(&bus).await;
    join(join_all((0..16).map(|publisher| publish_for_ever(&bus, publisher))), settle_some(member)).await;
}

async fn publish_for_ever(bus: &DiskBus, publisher: u32) {
    let run = std::process::id();
    for number in 0_u32.. {
        let size = (number as usize % 10) * (number as usize % 7) * 100;
        let body = format!("{run}-{publisher}-{number}-{}", "x".repeat(size));
        publish(bus, body.clone()).await.expect("publish");
        child::say(&format!("published {body}"));
    }
}

/// Settles every other message and holds the others for as long as it can.
async fn settle_some(mut member: Deliveries) {
    let mut held = Vec::new();
    loop {
        let first = next(&mut member).await.expect("a message");
        held.push(next(&mut member).await.expect("a message"));
        if held.len() > 8 {
            held.clear();
        }
        let body = text(&first);
        // It may be killed before it can say what the disk had confirmed.
        child::say(&format!("settling {body}"));
        done(first).await.expect("settle");
        child::say(&format!("settled {body}"));
    }
}
