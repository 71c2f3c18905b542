//! What goes wrong with a server: that it is away, stands still, refuses, or has no room.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::{join_all, ready};
use wattle_backend::backend::Backend as _;
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::{KeyValue, Swap};
use wattle_backend::nats::{NatsKeyValue, NatsLayout, NatsOptions, NatsState};
use wattle_spec::quota::Quota;
use wattle_testkit::NatsServer;

use super::{chain, connection, impatient, key_value, open_with};

fn bucket() -> Bucket {
    Bucket { owner: Owner::Shared, name: "bucket".to_owned() }
}

async fn value(store: &NatsKeyValue, key: &str) -> Option<Bytes> {
    store.get(&bucket(), key).await.expect("get").map(|entry| entry.value)
}

/// Tries until the server is there again.
async fn value_when_reached(store: &NatsKeyValue, key: &str) -> Option<Bytes> {
    let begun = Instant::now();
    loop {
        match store.get(&bucket(), key).await {
            Ok(entry) => return entry.map(|entry| entry.value),
            Err(error) => assert!(begun.elapsed() < wattle_testkit::PATIENCE, "{}", chain(&error)),
        }
    }
}

/// Writers that go on while the server is killed and started again lose nothing that was acknowledged, and what was
/// deleted does not come back.
#[tokio::test]
async fn what_was_acknowledged_outlives_the_server() {
    let Some(mut server) = NatsServer::builder().start() else { return };
    let store = key_value(&server);
    for round in 0..4 {
        let acknowledged = AtomicUsize::new(0);
        let is_over = AtomicBool::new(false);
        let writers = (0..8).map(|writer| write(&store, (round, writer), &acknowledged, &is_over));
        let killer = async {
            more_than(&acknowledged, 200).await;
            server.kill();
            server.restart();
            let before = acknowledged.load(Ordering::Relaxed);
            more_than(&acknowledged, before + 100).await;
            is_over.store(true, Ordering::Relaxed);
        };
        let (said, ()) = futures::join!(join_all(writers), killer);
        for (kept, deleted) in said {
            let found = futures::stream::iter(kept).map(|key| async { (value(&store, &key).await, key) });
            let lost =
                found.buffer_unordered(64).filter(|(found, key)| ready(found.as_deref() != Some(key.as_bytes())));
            assert_eq!(lost.collect::<Vec<_>>().await, [], "round {round}: these were acknowledged");
            let found = futures::stream::iter(deleted).map(|key| async { (value(&store, &key).await, key) });
            let back = found.buffer_unordered(64).filter(|(found, _)| ready(found.is_some()));
            assert_eq!(back.collect::<Vec<_>>().await, [], "round {round}: these were deleted");
        }
    }
}

/// Writes and deletes until it is over; gives the keys that must be there, and those that must not.
async fn write(
    store: &NatsKeyValue,
    (round, writer): (u32, u32),
    acknowledged: &AtomicUsize,
    is_over: &AtomicBool,
) -> (Vec<String>, Vec<String>) {
    let (mut kept, mut deleted) = (Vec::new(), Vec::new());
    for number in 0_u32.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{round}-{writer}-{number}");
        // What failed may have happened or not: nobody knows.
        if store.set(&bucket(), &key, Bytes::from(key.clone()).into()).await.is_err() {
            continue;
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
        if number % 3 != 0 {
            kept.push(key);
        } else if store.delete(&bucket(), &key).await.is_ok() {
            deleted.push(key);
        }
    }
    (kept, deleted)
}

/// Waits until `count` is above `limit`.
async fn more_than(count: &AtomicUsize, limit: usize) {
    let begun = Instant::now();
    while count.load(Ordering::Relaxed) <= limit {
        assert!(begun.elapsed() < wattle_testkit::PATIENCE, "the writers do not come on");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A connection that found nobody works as soon as there is somebody.
#[tokio::test]
async fn a_server_may_come_later() {
    let Some(mut server) = NatsServer::builder().start() else { return };
    server.kill();
    let store = impatient(&server, Duration::from_millis(300));
    let begun = Instant::now();
    let error = store.get(&bucket(), "a").await.expect_err("nobody is there");
    assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
    let expected = format!("the backend {} is unavailable: Connection refused (os error 111)", server.url());
    assert_eq!(chain(&error), expected);
    assert_eq!(error.code(), "unavailable");
    let begun = Instant::now();
    store.get(&bucket(), "a").await.expect_err("nobody is there");
    assert!(begun.elapsed() < Duration::from_millis(200), "what is known to be down is not waited for");
    server.restart();
    assert_eq!(value_when_reached(&store, "a").await, None);
}

/// How the connection is can be watched: a server that goes is noticed at once, and so is one that comes.
#[tokio::test]
async fn the_state_of_a_connection_can_be_watched() {
    let Some(mut server) = NatsServer::builder().start() else { return };
    let connection = connection(NatsOptions::new([server.url()]));
    let mut state = connection.state();
    assert!(matches!(*state.borrow(), NatsState::Unused));
    let store = NatsKeyValue::new(connection, NatsLayout::default());
    assert_eq!(value(&store, "a").await, None);
    state.wait_for(|state| matches!(state, NatsState::Up)).await.expect("it is used");
    server.kill();
    state.wait_for(|state| matches!(state, NatsState::Down { error: Some(_), .. })).await.expect("it is used");
    server.restart();
    state.wait_for(|state| matches!(state, NatsState::Up)).await.expect("it is used");
}

/// A server that stands still costs a call its deadline, and no more.
#[tokio::test]
async fn a_server_that_stands_still_is_not_waited_for() {
    let Some(server) = NatsServer::builder().start() else { return };
    let deadline = Duration::from_millis(400);
    let store = impatient(&server, deadline);
    store.set(&bucket(), "a", "one".into()).await.expect("set");
    server.pause();
    let begun = Instant::now();
    let calls = (store.get(&bucket(), "a"), store.set(&bucket(), "a", "two".into()), store.list(&bucket(), None, 1));
    let (got, set, listed) = futures::join!(calls.0, calls.1, calls.2);
    let took = begun.elapsed();
    server.resume();
    assert!(took >= deadline && took < deadline + Duration::from_secs(2), "it took {took:?}");
    let expected = format!("a read on {} took longer than 400ms", server.url());
    assert_eq!(got.expect_err("it stood still").to_string(), expected);
    assert!(matches!(set, Err(BackendError::TimedOut { .. })), "{set:?}");
    assert!(matches!(listed, Err(BackendError::TimedOut { .. })), "{listed:?}");
    assert!(value_when_reached(&store, "a").await.is_some());
}

/// What is larger than the server takes is refused with its limit, and the connection stays.
#[tokio::test]
async fn a_message_that_is_too_large_is_refused() {
    let Some(server) = NatsServer::builder().max_payload(10_000).start() else { return };
    let store = key_value(&server);
    let limit = |result: Result<(), BackendError>| match result {
        Err(BackendError::TooLarge { limit, .. }) => limit,
        other => panic!("{other:?}"),
    };
    let value = |bytes: usize| Bytes::from(vec![1; bytes]);
    assert_eq!(limit(store.set(&bucket(), "a", value(10_001).into()).await.map(drop)), 10_000);
    store.set(&bucket(), "a", value(10_000).into()).await.expect("exactly as much as it takes");
    // A swap has headers, which count.
    let room = limit(store.swap(&bucket(), "b", None, value(10_000).into()).await.map(drop));
    assert!(room > 9_900 && room < 10_000, "{room}");
    let swapped =
        store.swap(&bucket(), "b", None, value(room).into()).await.expect("as much as it takes beside its headers");
    assert!(matches!(swapped, Swap::Done(_)));
    let large = store.update(&bucket(), "a", Arc::new(move |_| Ok(value(10_000))));
    assert!(limit(large.await.map(drop)) < 10_000);
}

#[tokio::test]
async fn a_server_without_jetstream_is_told() {
    let Some(server) = NatsServer::builder().without_jetstream().start() else { return };
    let store = key_value(&server);
    let error = store.set(&bucket(), "a", "one".into()).await.expect_err("there is no JetStream");
    let expected = "is unavailable: JetStream is switched off there, or for the account that connects";
    assert_eq!(chain(&error), format!("the backend {} {expected}", server.url()));
    assert_eq!(chain(&wattle_backend::backend::Backend::check(&store).await.expect_err("neither")), chain(&error));
}

/// A stream that has no more room refuses what would need it; what was there stays, and can be replaced or deleted.
#[tokio::test]
async fn a_full_stream_is_told() {
    let Some(server) = NatsServer::builder().start() else { return };
    let layout = NatsLayout { max_bytes: NonZeroU64::new(20_000), ..NatsLayout::default() };
    let store = NatsKeyValue::new(connection(NatsOptions::new([server.url()])), layout);
    let value = Bytes::from(vec![1; 1000]);
    let mut written = 0;
    let error = loop {
        match store.set(&bucket(), &written.to_string(), value.clone().into()).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    let expected = format!("no room is left in the stream KV_wattle_shared of {}", server.url());
    assert!(chain(&error).starts_with(&expected), "{}", chain(&error));
    assert_eq!(error.code(), "full");
    assert!(written >= 15, "{written} values of 1000 bytes were taken");
    store.set(&bucket(), "0", "small".into()).await.expect("a smaller value may replace a larger one");
    store.delete(&bucket(), "1").await.expect("delete");
    store.set(&bucket(), "new", value.into()).await.expect("there is room again");
}

/// A server sets a quota's bytes aside: more than it has is refused at the first use, and told.
#[tokio::test]
async fn a_quota_that_the_server_cannot_give_is_told() {
    let Some(server) = NatsServer::builder().start() else { return };
    let store = key_value(&server);
    let owner = bucket().owner;
    store.limit(&owner, Quota { keys: None, bytes: Some(1 << 60) });
    let error = store.set(&bucket(), "a", "one".into()).await.expect_err("it has no such disk");
    let expected = format!("no room is left in the stream KV_wattle_shared of {}: ", server.url());
    assert!(chain(&error).starts_with(&expected), "{}", chain(&error));
    store.limit(&owner, Quota { keys: None, bytes: Some(1 << 20) });
    store.set(&bucket(), "a", "one".into()).await.expect("it has that much");
}

/// Somebody deletes the stream under a store that knows it: one call is told, and the versions go on.
#[tokio::test]
async fn a_stream_that_is_deleted_is_made_again() {
    let Some(server) = NatsServer::builder().start() else { return };
    let store = key_value(&server);
    let before = store.set(&bucket(), "a", "one".into()).await.expect("set");
    open_with(&server).await.request("$JS.API.STREAM.DELETE.KV_wattle_shared", "".into()).await.expect("delete it");
    let error = store.get(&bucket(), "a").await.expect_err("it is gone");
    assert!(chain(&error).contains("its stream KV_wattle_shared was deleted"), "{}", chain(&error));
    assert_eq!(value(&store, "a").await, None);
    let after = store.set(&bucket(), "a", "two".into()).await.expect("set");
    assert!(after > before, "{after:?} comes after {before:?}");
}
