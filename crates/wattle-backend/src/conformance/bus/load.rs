//! Many who publish and several who share the work.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{join_all, select};

use super::{Place, app, done, group_id, join, next, publish, text};
use crate::bus::{Bus, Deliveries, Delivery, Settlement};

const PUBLISHERS: usize = 64;
const EACH: usize = 10;
const MEMBERS: usize = 4;

/// 64 who publish 10 messages each, and 4 that share them: how often each message was done with, when all were.
async fn shared(
    bus: &dyn Bus,
    app_name: &str,
    settle: impl AsyncFn(Delivery) -> Option<String>,
) -> BTreeMap<String, usize> {
    let owner = app(app_name);
    let group = group_id("group", "load.*");
    let members = join_all((0..MEMBERS).map(|_| join(bus, &owner, &group, 16))).await;
    let publishing = join_all((0..PUBLISHERS).map(async |publisher| {
        for number in 0..EACH {
            publish(bus, &owner, &format!("load.{}", publisher % 3), &format!("{publisher}-{number}")).await;
        }
    }));
    let (sender, mut receiver) = futures::channel::mpsc::unbounded();
    let working = join_all(members.into_iter().map(|member| work(member, &settle, sender.clone())));
    let counting = async {
        let mut counts = BTreeMap::new();
        while counts.len() < PUBLISHERS * EACH {
            let body = futures::StreamExt::next(&mut receiver).await.expect("the members go on");
            *counts.entry(body).or_insert(0) += 1;
        }
        counts
    };
    let finishing = async { futures::join!(publishing, counting).1 };
    match select(std::pin::pin!(working), std::pin::pin!(finishing)).await {
        futures::future::Either::Left(_) => panic!("the members ended"),
        futures::future::Either::Right((counts, _)) => counts,
    }
}

async fn work(
    mut member: Deliveries,
    settle: &impl AsyncFn(Delivery) -> Option<String>,
    sender: futures::channel::mpsc::UnboundedSender<String>,
) {
    loop {
        if let Some(body) = settle(next(&mut member).await).await {
            sender.unbounded_send(body).expect("somebody counts");
        }
    }
}

/// When nothing fails, each message is done with once.
pub async fn many_at_once_are_each_settled_once(place: &dyn Place) {
    let bus = place.open().await;
    let counts = shared(&*bus, "many-at-once", async |delivery: Delivery| {
        let body = text(&delivery);
        done(delivery).await;
        Some(body)
    })
    .await;
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
}

/// When some are to be tried again and some are dropped, each is done with at last.
pub async fn what_fails_is_settled_at_last(place: &dyn Place) {
    let bus = place.open().await;
    let counts = shared(&*bus, "what-fails", async |delivery: Delivery| {
        let body = text(&delivery);
        match (delivery.attempt.get(), body.len() + usize::from(body.ends_with('7'))) {
            (1, 3) => drop(delivery),
            (1 | 2, 4) => {
                let again = Settlement::Retry(Duration::from_millis(20));
                delivery.receipt.settle(again).await.expect("settle");
            }
            _ => {
                done(delivery).await;
                return Some(body);
            }
        }
        None
    })
    .await;
    assert_eq!(counts.len(), PUBLISHERS * EACH);
}
