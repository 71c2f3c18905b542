//! Subscribers that do not keep up.

use futures::StreamExt;
use tokio::time::timeout;

use super::{MOMENT, PATIENCE, Place, app, done, group_id, heard, join, listen, message, next, publish, text};
use crate::error::BackendError;

/// Who has as many messages as it may gets no more until it settles one. The others are not lost.
pub async fn who_does_not_settle_gets_no_more(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("unsettled");
    let mut member = join(&*bus, &owner, &group_id("group", "a"), 2).await;
    for number in 0..10 {
        publish(&*bus, &owner, "a", &number.to_string()).await;
    }
    let (first, second) = (next(&mut member).await, next(&mut member).await);
    assert!(timeout(MOMENT, member.next()).await.is_err(), "it has two, and that is its limit");
    done(second).await;
    let third = next(&mut member).await;
    assert_eq!(text(&third), "2");
    assert!(timeout(MOMENT, member.next()).await.is_err(), "it has two again");
    done(first).await;
    done(third).await;
    for number in 3..10 {
        assert_eq!(heard(&mut member).await, number.to_string());
    }
}

/// One that listens and never looks stops neither publishers nor others; what it missed is not kept for ever.
pub async fn slow_listeners_stop_nobody(place: &dyn Place) {
    const MESSAGES: usize = 200;
    let bus = place.open().await;
    let owner = app("slow");
    let mut slow = listen(&*bus, &owner, "a").await;
    let mut quick = listen(&*bus, &owner, "a").await;
    for number in 0..MESSAGES {
        let body = format!("{number} {}", "x".repeat(256 << 10));
        timeout(PATIENCE, bus.publish(&owner, message("a", body))).await.expect("nobody waits").expect("publish");
        let heard = heard(&mut quick).await;
        assert!(heard.starts_with(&format!("{number} ")));
    }
    // It hears of what there was room for, and then goes on.
    let (mut came, mut missed) = (0, 0);
    loop {
        publish(&*bus, &owner, "a", "end").await;
        assert_eq!(heard(&mut quick).await, "end");
        match timeout(PATIENCE, slow.next()).await.expect("it goes on").expect("it goes on") {
            Err(BackendError::MessagesDropped { count, .. }) => missed += count,
            Err(error) => panic!("{error:?}"),
            Ok(delivery) if text(&delivery) == "end" => break,
            Ok(delivery) => {
                came += 1;
                done(delivery).await;
            }
        }
    }
    assert!(came <= MESSAGES, "{came} came and {missed} were told to be missed");
}
