//! Messages on NATS.

use std::collections::BTreeSet;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, ready};
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;
use wattle_backend::bucket::Owner;
use wattle_backend::bus::{Audience, Bus, Deliveries, Delivery, Message, Settlement, Subscription};
use wattle_backend::conformance::bus::Place;
use wattle_backend::error::{BackendError, Part};
use wattle_backend::nats::{NatsBus, NatsLayout, NatsOptions};
use wattle_spec::name::AppId;
use wattle_testkit::{NatsServer, PATIENCE};

use super::{chain, connection, open_with};

fn bus(server: &NatsServer) -> NatsBus {
    NatsBus::new(connection(NatsOptions::new([server.url()])), NatsLayout::default(), None)
}

mod conformance {
    use super::*;

    struct Server(NatsServer);

    impl Place for Server {
        fn open(&self) -> BoxFuture<'_, Arc<dyn Bus>> {
            let bus: Arc<dyn Bus> = Arc::new(bus(&self.0));
            ready(bus).boxed()
        }
    }

    fn place() -> Option<Server> {
        Some(Server(NatsServer::builder().max_payload(16 << 20).start()?))
    }

    wattle_backend::bus_conformance!(@optional place);
}

fn app() -> Owner {
    Owner::App(AppId::in_default_namespace("shop".parse().expect("a name")))
}

fn message(subject: &str, body: &str) -> Message {
    let subject = subject.parse().expect("a subject");
    Message { subject, body: body.to_owned().into(), reply_to: None, headers: Vec::new() }
}

fn subscription(owner: &Owner, pattern: &str, audience: Audience) -> Subscription {
    let unsettled = NonZeroUsize::new(16).expect("more than none");
    Subscription { owner: owner.clone(), pattern: pattern.parse().expect("a pattern"), audience, unsettled }
}

fn workers() -> Audience {
    Audience::Group("workers".to_owned())
}

async fn next(deliveries: &mut Deliveries) -> Delivery {
    let next = timeout(PATIENCE, deliveries.next()).await.expect("nothing came");
    next.expect("the deliveries ended").expect("a delivery failed")
}

async fn heard(deliveries: &mut Deliveries) -> Message {
    let delivery = next(deliveries).await;
    delivery.receipt.settle(Settlement::Done).await.expect("settle");
    delivery.message
}

/// What was acknowledged to its publisher reaches the group, though the server is killed meanwhile and started again.
#[tokio::test]
async fn what_was_acknowledged_is_delivered_after_a_kill() {
    let Some(mut server) = NatsServer::builder().start() else { return };
    let bus = bus(&server);
    let owner = app();
    let mut member = bus.subscribe(subscription(&owner, "orders.>", workers())).await.expect("subscribe");
    let publishing = async {
        let mut acknowledged = BTreeSet::new();
        for number in 0..600 {
            if number == 200 {
                server.kill();
                server.restart();
            }
            let body = number.to_string();
            if bus.publish(&owner, message("orders.new", &body)).await.is_ok() {
                acknowledged.insert(body);
            }
        }
        acknowledged
    };
    let (end, mut ended) = tokio::sync::oneshot::channel();
    let hearing = async {
        let (mut came, mut all) = (BTreeSet::new(), None::<BTreeSet<String>>);
        while all.as_ref().is_none_or(|all| !all.is_subset(&came)) {
            tokio::select! {
                delivery = timeout(PATIENCE, member.next()) => match delivery.expect("something is missing") {
                    Some(Ok(delivery)) => {
                        came.insert(String::from_utf8_lossy(&delivery.message.body).into_owned());
                        // What cannot be settled now comes again.
                        let _ = delivery.receipt.settle(Settlement::Done).await;
                    }
                    Some(Err(error)) => assert_eq!(error.code(), "unavailable", "{}", chain(&error)),
                    None => panic!("the deliveries ended"),
                },
                published = &mut ended, if all.is_none() => all = Some(published.expect("it was published")),
            }
        }
    };
    let publishing = async {
        let acknowledged = publishing.await;
        assert!(acknowledged.len() > 400, "{} were acknowledged", acknowledged.len());
        end.send(acknowledged).expect("it is heard");
    };
    futures::join!(publishing, hearing);
}

/// Others on that NATS talk with apps: by messages with headers, and by requests in both directions.
#[tokio::test]
async fn what_is_shared_is_as_others_know_it() {
    let Some(server) = NatsServer::builder().start() else { return };
    let bus = bus(&server);
    let others = open_with(&server).await;
    let mut member = bus.subscribe(subscription(&Owner::Shared, "orders.*", workers())).await.expect("subscribe");
    let mut everything = bus.subscribe(subscription(&Owner::Shared, ">", Audience::Everyone)).await.expect("subscribe");
    bus.publish(&app(), message("secret", "of an app")).await.expect("publish");
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("trace", "1");
    others.publish_with_headers("orders.new", headers, "from outside".into()).await.expect("publish");
    for deliveries in [&mut member, &mut everything] {
        let came = heard(deliveries).await;
        assert_eq!((came.subject.as_str(), &came.body[..]), ("orders.new", &b"from outside"[..]));
        assert_eq!(came.headers, [("trace".to_owned(), "1".to_owned())]);
    }

    let asking = others.request("orders.count", "?".into());
    let answering = async {
        let asked = heard(&mut member).await;
        let reply_to = asked.reply_to.expect("a request says where its answer goes");
        bus.publish(&Owner::Shared, Message { subject: reply_to, ..message("x", "42") }).await.expect("publish");
    };
    let (answer, ()) = futures::join!(asking, answering);
    assert_eq!(&answer.expect("an answer").payload[..], b"42");

    let mut outside = others.subscribe("stock.*").await.expect("subscribe");
    // When they hear this, the server has their subscription.
    others.publish("stock.pears", "!".into()).await.expect("publish");
    outside.next().await.expect("a message");
    let asking = bus.request(&Owner::Shared, message("stock.apples", "?"), PATIENCE);
    let answering = async {
        let asked = outside.next().await.expect("a request");
        others.publish(asked.reply.expect("where the answer goes"), "7".into()).await.expect("publish");
        others.flush().await.expect("flush");
    };
    let (answer, ()) = futures::join!(asking, answering);
    assert_eq!(&answer.expect("an answer").body[..], b"7");
}

/// What the server, other apps and those who wait for answers use is not for an app, however it asks.
#[tokio::test]
async fn what_is_not_for_apps_is_refused() {
    let Some(server) = NatsServer::builder().start() else { return };
    let bus = bus(&server);
    for subject in ["$JS.API.STREAM.DELETE.x", "$SYS.REQ", "wattle_default_shop.m.a"] {
        let refused = bus.publish(&Owner::Shared, message(subject, "")).await;
        assert!(matches!(refused, Err(BackendError::Denied { .. })), "{subject}: {refused:?}");
    }
    for (owner, pattern) in [(Owner::Shared, "$JS.>"), (Owner::Shared, "_INBOX.>"), (app(), "_INBOX.>")] {
        let refused = bus.subscribe(subscription(&owner, pattern, Audience::Everyone)).await.err();
        assert!(matches!(refused, Some(BackendError::Denied { .. })), "{pattern}: {refused:?}");
    }
}

/// A stream that others made keeps what is shared, also while nobody of the group is there.
#[tokio::test]
async fn groups_may_share_a_stream_that_others_made() {
    let Some(server) = NatsServer::builder().start() else { return };
    let others = open_with(&server).await;
    let stream = r#"{"name":"ORDERS","subjects":["orders.>"],"retention":"limits","storage":"file"}"#;
    let made = others.request("$JS.API.STREAM.CREATE.ORDERS", stream.into()).await.expect("make a stream");
    assert!(!String::from_utf8_lossy(&made.payload).contains("error"), "{made:?}");
    let connection = connection(NatsOptions::new([server.url()]));
    let bus = NatsBus::new(connection, NatsLayout::default(), Some("ORDERS".to_owned()));
    drop(bus.subscribe(subscription(&Owner::Shared, "orders.new", workers())).await.expect("subscribe"));
    others.request("orders.new", "first".into()).await.expect("publish");
    let mut member = bus.subscribe(subscription(&Owner::Shared, "orders.new", workers())).await.expect("subscribe");
    let delivery = next(&mut member).await;
    assert_eq!(&delivery.message.body[..], b"first");
    // The one that left may have been given it already, and gave it back.
    let attempt = delivery.attempt.get();
    assert!(attempt <= 2, "{attempt}");
    delivery.receipt.settle(Settlement::Retry(Duration::ZERO)).await.expect("settle");
    let again = next(&mut member).await;
    assert_eq!((&again.message.body[..], again.attempt.get()), (&b"first"[..], attempt + 1));
    again.receipt.settle(Settlement::Done).await.expect("settle");
}

/// A subscription that the server refuses is an error of the subscription, with what was refused.
#[tokio::test]
async fn a_subscription_that_is_refused_is_an_error() {
    let check = async |denied: &str, owner: Owner, audience: Audience, expected: &str| {
        let users = format!(
            "authorization {{ users: [{{ user: a, password: p, permissions: {{ {denied} }} }}] }}\nno_auth_user: a"
        );
        let Some(server) = NatsServer::builder().config(&users).start() else { return };
        let refused = bus(&server).subscribe(subscription(&owner, "orders.*", audience)).await;
        let error = refused.err().expect("it is refused");
        assert_eq!(chain(&error), format!("the backend {} refuses {expected}", server.url()));
    };
    let shared = r#"subscribe: { deny: "orders.*" }"#;
    check(shared, Owner::Shared, Audience::Everyone, r#"to subscribe to "orders.*""#).await;
    check(shared, Owner::Shared, workers(), r#"to subscribe to "orders.*""#).await;
    let requests = r#"subscribe: { deny: "wattle_default_shop.r.>" }"#;
    check(requests, app(), workers(), r#"to subscribe to "wattle_default_shop.r.orders.*""#).await;
    let stream = r#"publish: { deny: "$JS.API.STREAM.CREATE.>" }"#;
    check(stream, app(), workers(), r#"to publish to "$JS.API.STREAM.CREATE.MSG_wattle_default_shop""#).await;
}

/// Who settles does not wait for the server to agree: its refusal is told to the subscriber.
#[tokio::test]
async fn a_refused_acknowledgement_is_told() {
    let users = r#"authorization { users: [{ user: a, password: p, permissions: { publish: { deny: "$JS.ACK.>" } } }] }
        no_auth_user: a"#;
    let Some(server) = NatsServer::builder().config(users).start() else { return };
    let bus = bus(&server);
    let mut member = bus.subscribe(subscription(&app(), "a", workers())).await.expect("subscribe");
    bus.publish(&app(), message("a", "1")).await.expect("publish");
    heard(&mut member).await;
    let told = timeout(PATIENCE, member.next()).await.expect("it is told").expect("the group goes on");
    let error = told.err().expect("nothing comes");
    let told = chain(&error);
    assert!(told.contains("refuses to publish to \"$JS.ACK."), "{told}");
}

#[tokio::test]
async fn what_a_server_does_not_take_is_told() {
    let Some(server) = NatsServer::builder().max_payload(10_000).start() else { return };
    let bus_there = bus(&server);
    let large = || message("a", &"x".repeat(10_001));
    for result in [bus_there.publish(&app(), large()).await, bus_there.publish(&Owner::Shared, large()).await] {
        assert!(matches!(result, Err(BackendError::TooLarge { part: Part::Message, limit: 10_000, .. })), "{result:?}");
    }

    let Some(server) = NatsServer::builder().without_jetstream().start() else { return };
    let bus_there = bus(&server);
    let error = bus_there.publish(&app(), message("a", "b")).await.expect_err("nothing can be kept");
    assert!(chain(&error).contains("JetStream is switched off there"), "{}", chain(&error));
    bus_there.publish(&Owner::Shared, message("a", "b")).await.expect("what is shared needs no JetStream");

    let Some(server) = NatsServer::builder().start() else { return };
    let layout = NatsLayout { max_bytes: NonZeroU64::new(20_000), ..NatsLayout::default() };
    let full = NatsBus::new(connection(NatsOptions::new([server.url()])), layout, None);
    let mut member = full.subscribe(subscription(&app(), "a", workers())).await.expect("subscribe");
    let error = loop {
        if let Err(error) = full.publish(&app(), message("a", &"x".repeat(1000))).await {
            break error;
        }
    };
    assert!(matches!(error, BackendError::Full { .. }), "{}", chain(&error));
    heard(&mut member).await;
    let begun = std::time::Instant::now();
    while let Err(error) = full.publish(&app(), message("a", "there is room again")).await {
        assert!(begun.elapsed() < PATIENCE, "{}", chain(&error));
    }
}

/// One who hears everything and does not look misses what there is no room for, and is told how many.
#[tokio::test]
async fn who_is_too_slow_is_told_what_was_dropped() {
    const MESSAGES: u64 = 100;
    let Some(server) = NatsServer::builder().start() else { return };
    let bus = bus(&server);
    let mut slow = bus.subscribe(subscription(&Owner::Shared, "a", Audience::Everyone)).await.expect("subscribe");
    for _ in 0..MESSAGES {
        bus.publish(&Owner::Shared, message("a", &"x".repeat(500_000))).await.expect("publish");
    }
    let (mut came, mut missed) = (0, 0);
    while came + missed < MESSAGES {
        match timeout(PATIENCE, slow.next()).await.expect("it goes on").expect("it goes on") {
            Ok(delivery) => {
                came += 1;
                delivery.receipt.settle(Settlement::Done).await.expect("settle");
            }
            Err(BackendError::MessagesDropped { count, pattern }) => {
                assert_eq!(pattern, "a");
                missed += count;
            }
            Err(error) => panic!("{}", chain(&error)),
        }
    }
    assert!(came > 0 && missed > 0, "{came} came and {missed} were told to be missed");
}
