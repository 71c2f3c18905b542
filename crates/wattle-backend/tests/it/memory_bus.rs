//! Messages in memory.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use tokio::time::timeout;
use wattle_backend::bucket::Owner;
use wattle_backend::bus::{Audience, Bus, Deliveries, Message, Settlement, Subscription};
use wattle_backend::conformance::bus::Place;
use wattle_backend::error::BackendError;
use wattle_backend::exchange::BusOptions;
use wattle_backend::memory::MemoryBus;

mod conformance {
    use super::*;

    /// Nothing is found again.
    struct Nowhere;

    impl Place for Nowhere {
        fn open(&self) -> BoxFuture<'_, Arc<dyn Bus>> {
            async { Arc::new(MemoryBus::default()) as Arc<dyn Bus> }.boxed()
        }
    }

    fn place() -> Nowhere {
        Nowhere
    }

    wattle_backend::bus_conformance!(place);
}

fn message(body: &[u8]) -> Message {
    let subject = "a".parse().expect("a subject");
    Message { subject, body: body.to_vec().into(), reply_to: None, headers: Vec::new() }
}

async fn subscribe(bus: &MemoryBus, audience: Audience) -> Deliveries {
    let (owner, pattern) = (Owner::Shared, "a".parse().expect("a pattern"));
    let unsettled = 1.try_into().expect("more than none");
    bus.subscribe(Subscription { owner, pattern, audience, unsettled }).await.expect("subscribe")
}

fn tight() -> BusOptions {
    BusOptions {
        group_bytes: 10 << 10,
        listener_bytes: 10 << 10,
        publish_patience: Duration::from_millis(200),
        settle_within: Duration::from_millis(200),
    }
}

/// Publishes until it cannot be done at once.
async fn fill(bus: &MemoryBus) -> usize {
    for number in 0..1000 {
        let Some(published) = bus.publish(&Owner::Shared, message(&[0; 1000])).now_or_never() else { return number };
        published.expect("there is room");
    }
    panic!("a thousand messages found room");
}

#[tokio::test]
async fn publishers_wait_for_room_in_a_group_and_are_refused_at_last() {
    let bus = MemoryBus::new(BusOptions { settle_within: Duration::from_secs(60), ..tight() });
    let mut member = subscribe(&bus, Audience::Group("group".into())).await;
    assert_eq!(fill(&bus).await, 5, "of 10 KiB each message takes 2");
    let error = bus.publish(&Owner::Shared, message(&[0; 1000])).await.expect_err("nobody settles");
    assert_eq!(error.code(), "full");
    assert!(error.to_string().contains("group \"group\" for a"), "{error}");
    let publishing = bus.publish(&Owner::Shared, message(&[0; 1000]));
    let settling = async {
        let delivery = member.next().await.expect("it goes on").expect("a message");
        delivery.receipt.settle(Settlement::Done).await.expect("settle");
    };
    let (published, ()) = futures::join!(publishing, settling);
    published.expect("there was room in time");
    drop(member);
    for _ in 0..100 {
        let published = bus.publish(&Owner::Shared, message(&[0; 1000])).now_or_never();
        published.expect("who publishes to nobody needs no room").expect("publish");
    }
}

#[tokio::test]
async fn what_a_listener_has_no_room_for_is_counted_and_told() {
    let bus = MemoryBus::new(tight());
    let mut listener = subscribe(&bus, Audience::Everyone).await;
    for _ in 0..8 {
        bus.publish(&Owner::Shared, message(&[0; 1000])).await.expect("nobody waits");
    }
    assert_eq!(bus.dropped(), 3);
    match listener.next().await.expect("it goes on") {
        Err(BackendError::MessagesDropped { pattern, count }) => assert_eq!((pattern.as_str(), count), ("a", 3)),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("what is missing is told first"),
    }
    for _ in 0..5 {
        let delivery = listener.next().await.expect("it goes on").expect("a message");
        delivery.receipt.settle(Settlement::Done).await.expect("settle");
    }
}

#[tokio::test]
async fn what_is_held_too_long_comes_again_unless_it_is_kept() {
    let bus = MemoryBus::new(tight());
    let mut one = subscribe(&bus, Audience::Group("group".into())).await;
    let mut two = subscribe(&bus, Audience::Group("group".into())).await;
    bus.publish(&Owner::Shared, message(b"x")).await.expect("publish");
    let held = one.next().await.expect("it goes on").expect("a message");
    for _ in 0..10 {
        assert!(timeout(Duration::from_millis(50), two.next()).await.is_err(), "it is kept");
        held.receipt.keep().await.expect("keep");
    }
    let again = timeout(Duration::from_secs(60), two.next()).await.expect("in time");
    let again = again.expect("it goes on").expect("a message");
    assert_eq!(again.attempt.get(), 2);
    held.receipt.settle(Settlement::Done).await.expect("late, but done");
    again.receipt.settle(Settlement::Retry(Duration::ZERO)).await.expect("settle");
    assert!(timeout(Duration::from_millis(500), two.next()).await.is_err(), "it was done");
}

#[tokio::test]
async fn a_bus_that_is_gone_ends_what_its_subscribers_hear() {
    let bus = MemoryBus::default();
    let mut member = subscribe(&bus, Audience::Group("group".into())).await;
    let mut listener = subscribe(&bus, Audience::Everyone).await;
    bus.publish(&Owner::Shared, message(b"x")).await.expect("publish");
    let delivery = listener.next().await.expect("it goes on").expect("a message");
    let request = bus.request(&Owner::Shared, message(b"x"), Duration::from_secs(60));
    drop(bus);
    assert!(member.next().await.is_none());
    assert!(listener.next().await.is_none());
    delivery.receipt.settle(Settlement::Done).await.expect("there is nothing left to do");
    assert_eq!(request.await.expect_err("nobody is there").code(), "closed");
}
