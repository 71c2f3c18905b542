//! Messages that come again.

use std::time::{Duration, Instant};

use super::{Place, app, done, group_id, heard, join, listen, next, nothing_comes, publish, text};
use crate::bus::Settlement;

/// A message that is to be tried again comes after its span and not before, with the attempts counted.
pub async fn retries_come_not_before_their_span(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("retries");
    let mut member = join(&*bus, &owner, &group_id("group", "a"), 10).await;
    publish(&*bus, &owner, "a", "again").await;
    let span = Duration::from_millis(400);
    let mut delivery = next(&mut member).await;
    for attempt in 1..=3 {
        assert_eq!((text(&delivery).as_str(), delivery.attempt.get()), ("again", attempt));
        // Taken before the backend has it: what that takes is not part of the span.
        let start = Instant::now();
        delivery.receipt.settle(Settlement::Retry(span)).await.expect("settle");
        publish(&*bus, &owner, "a", "other").await;
        assert_eq!(heard(&mut member).await, "other", "the others go on");
        delivery = next(&mut member).await;
        assert!(start.elapsed() >= span, "it came after {:?}", start.elapsed());
    }
    delivery.receipt.settle(Settlement::Retry(Duration::ZERO)).await.expect("settle");
    let delivery = next(&mut member).await;
    assert_eq!((text(&delivery).as_str(), delivery.attempt.get()), ("again", 5));
    done(delivery).await;
    nothing_comes(&mut member).await;
}

/// A delivery that is dropped comes again, to a group and to who hears everything; where another may get it, to another.
pub async fn dropped_deliveries_come_again(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("dropped");
    let mut member = join(&*bus, &owner, &group_id("group", "a"), 10).await;
    publish(&*bus, &owner, "a", "first").await;
    drop(next(&mut member).await);
    let delivery = next(&mut member).await;
    assert_eq!((text(&delivery).as_str(), delivery.attempt.get()), ("first", 2));
    // Who leaves without a word leaves it to the others.
    let mut other = join(&*bus, &owner, &group_id("group", "a"), 10).await;
    drop(member);
    drop(delivery);
    let delivery = next(&mut other).await;
    assert_eq!((text(&delivery).as_str(), delivery.attempt.get()), ("first", 3));
    done(delivery).await;
    let mut listener = listen(&*bus, &owner, "b").await;
    publish(&*bus, &owner, "b", "second").await;
    let delivery = next(&mut listener).await;
    delivery.receipt.keep().await.expect("keep");
    done(delivery).await;
    nothing_comes(&mut listener).await;
}

/// What was settled does not come again, also if who settled it had left before.
pub async fn settled_is_settled(place: &dyn Place) {
    let bus = place.open().await;
    let owner = app("settled");
    let group = group_id("group", "a");
    let mut first = join(&*bus, &owner, &group, 1).await;
    let mut second = join(&*bus, &owner, &group, 1).await;
    publish(&*bus, &owner, "a", "1").await;
    publish(&*bus, &owner, "a", "2").await;
    let (one, two) = (next(&mut first).await, next(&mut second).await);
    two.receipt.keep().await.expect("keep");
    drop(first);
    done(one).await;
    done(two).await;
    nothing_comes(&mut second).await;
    publish(&*bus, &owner, "a", "3").await;
    assert_eq!(heard(&mut second).await, "3");
}
