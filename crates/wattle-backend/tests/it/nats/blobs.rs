//! Objects in the object stores of NATS.

use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use wattle_backend::blobs::{Blobs, Content};
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::error::BackendError;
use wattle_backend::nats::{NatsBlobs, NatsLayout, NatsOptions};
use wattle_testkit::NatsServer;

use super::{chain, connection, open_with};

/// The chunks of the container that the tests use.
const CHUNKS: &str = "$O.wattle_shared__container.C.>";
const STREAM: &str = "OBJ_wattle_shared__container";

fn blobs(server: &NatsServer) -> NatsBlobs {
    NatsBlobs::new(connection(NatsOptions::new([server.url()])), NatsLayout::default())
}

mod conformance {
    use super::*;

    fn open() -> Option<(Arc<dyn Blobs>, NatsServer)> {
        let server = NatsServer::builder().start()?;
        Some((Arc::new(blobs(&server)), server))
    }

    wattle_backend::blobs_conformance!(open, 24 << 20);
}

fn container() -> Bucket {
    Bucket { owner: Owner::Shared, name: "container".to_owned() }
}

/// So many bytes, in pieces that are no chunks.
fn content(size: usize) -> Content {
    let all: Bytes = (0..size).map(|at| (at % 251) as u8).collect();
    stream::iter((0..size).step_by(100_000)).map(move |at| Ok(all.slice(at..size.min(at + 100_000)))).boxed()
}

async fn read(store: &NatsBlobs, name: &str, range: Range<u64>) -> Result<Vec<u8>, BackendError> {
    let object = store.read(&container(), name, range).await?.expect("it is there");
    object.content.try_fold(Vec::new(), async |all, piece| Ok([all, piece.to_vec()].concat())).await
}

/// How many chunks the container has, whoever they belong to.
async fn chunks(server: &NatsServer) -> u64 {
    let asked = json!({ "subjects_filter": CHUNKS }).to_string();
    let client = open_with(server).await;
    let answer = client.request(format!("$JS.API.STREAM.INFO.{STREAM}"), asked.into()).await.expect("info");
    let answer: Value = serde_json::from_slice(&answer.payload).expect("JSON");
    let subjects = answer["state"]["subjects"].as_object().cloned().unwrap_or_default();
    subjects.values().filter_map(Value::as_u64).sum()
}

async fn has_chunks(server: &NatsServer, expected: u64) {
    let begun = Instant::now();
    while chunks(server).await != expected {
        assert!(begun.elapsed() < wattle_testkit::PATIENCE, "there are {} chunks", chunks(server).await);
    }
}

/// What is replaced, what fails and what is removed leaves no chunks behind.
#[tokio::test]
async fn chunks_go_with_their_object() {
    let Some(server) = NatsServer::builder().start() else { return };
    let store = blobs(&server);
    store.create_container(&container()).await.expect("create");
    store.write(&container(), "a", content(500_000)).await.expect("write");
    has_chunks(&server, 4).await;
    store.write(&container(), "a", content(300_000)).await.expect("write");
    has_chunks(&server, 3).await;
    let failing = content(400_000).chain(stream::iter([Err(BackendError::Closed)])).boxed();
    store.write(&container(), "a", failing).await.expect_err("its content failed");
    has_chunks(&server, 3).await;
    store.remove(&container(), "a").await.expect("remove");
    has_chunks(&server, 0).await;
}

/// An object of another client is read as a whole and in part; one whose bytes are not those of its digest is not.
#[tokio::test]
async fn objects_of_other_clients_are_read_and_checked() {
    let Some(server) = NatsServer::builder().start() else { return };
    let store = blobs(&server);
    store.create_container(&container()).await.expect("create");
    let client = open_with(&server).await;
    for chunk in ["hello ", "world"] {
        client.request("$O.wattle_shared__container.C.id", chunk.into()).await.expect("publish");
    }
    let put = async |name: &str, token: &str, digest: &str| {
        let record = json!({
            "name": name, "bucket": "wattle_shared__container", "nuid": "id", "size": 11, "chunks": 2, "digest": digest,
        });
        let subject = format!("$O.wattle_shared__container.M.{token}");
        client.request(subject, record.to_string().into()).await.expect("publish");
    };
    put("good", "Z29vZA==", "SHA-256=uU0nuZNNPgilLlLX2n2r-sSE7-N6U4DukIj3rOLvzek=").await;
    put("bad", "YmFk", "SHA-256=uU0nuZNNPgilLlLX2n2r-sSE7-N6U4DukIj3rOLvzeg=").await;
    assert_eq!(read(&store, "good", 0..u64::MAX).await.expect("read"), b"hello world");
    assert_eq!(read(&store, "good", 4..8).await.expect("read"), b"o wo");
    let error = read(&store, "bad", 0..u64::MAX).await.expect_err("it is damaged");
    assert!(matches!(error, BackendError::Corrupt { .. }), "{error:?}");
    assert!(chain(&error).starts_with("wattle_shared__container/bad is damaged: its digest is SHA-256="), "{error}");
    let names = store.list(&container(), None, 10).await.expect("list").objects;
    assert_eq!(
        names.iter().map(|object| (&*object.name, object.size)).collect::<Vec<_>>(),
        [("bad", 11), ("good", 11)]
    );
}

/// Ranges are found among the chunks of others that were written at the same time.
#[tokio::test]
async fn ranges_are_found_between_the_chunks_of_others() {
    let Some(server) = NatsServer::builder().start() else { return };
    let store = blobs(&server);
    store.create_container(&container()).await.expect("create");
    let names = ["a", "b", "c"];
    let writes = names.map(|name| store.write(&container(), name, content(1_500_000)));
    futures::future::try_join_all(writes).await.expect("write");
    let all: Vec<u8> = (0..1_500_000).map(|at| (at % 251) as u8).collect();
    for name in names {
        for start in (0..1_500_000).step_by(170_001) {
            let found = read(&store, name, start as u64..start as u64 + 200_000).await.expect("read");
            assert!(found == all[start..all.len().min(start + 200_000)], "{name} from {start} on");
        }
    }
}

#[tokio::test]
async fn a_full_container_is_told_and_keeps_what_it_had() {
    let Some(server) = NatsServer::builder().start() else { return };
    let layout = NatsLayout { max_bytes: NonZeroU64::new(1_000_000), ..NatsLayout::default() };
    let store = NatsBlobs::new(connection(NatsOptions::new([server.url()])), layout);
    store.create_container(&container()).await.expect("create");
    store.write(&container(), "a", content(400_000)).await.expect("there is room");
    let error = store.write(&container(), "b", content(800_000)).await.expect_err("there is no room");
    assert!(matches!(error, BackendError::Full { .. }), "{error:?}");
    has_chunks(&server, 4).await;
    assert_eq!(read(&store, "a", 0..u64::MAX).await.expect("read").len(), 400_000);
    store.write(&container(), "b", content(400_000)).await.expect("there is room again");
}

/// A server that is killed while an object is written fails the write; what was there is still there.
#[tokio::test]
async fn a_write_ends_with_its_server() {
    let Some(mut server) = NatsServer::builder().start() else { return };
    let store = blobs(&server);
    store.create_container(&container()).await.expect("create");
    store.write(&container(), "a", content(300_000)).await.expect("write");
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let rest = stream::once(async {
        receiver.await.expect("the test goes on");
        Ok(Bytes::from(vec![1; 300_000]))
    });
    let writing = store.write(&container(), "a", content(200_000).chain(rest).boxed());
    let killing = async {
        has_chunks(&server, 4).await;
        server.kill();
        sender.send(()).expect("the write goes on");
    };
    let (written, ()) = futures::join!(writing, killing);
    let error = written.expect_err("the server is gone");
    assert!(matches!(error, BackendError::Unavailable { .. } | BackendError::TimedOut { .. }), "{error:?}");
    server.restart();
    let begun = Instant::now();
    let found = loop {
        match read(&store, "a", 0..u64::MAX).await {
            Ok(found) => break found,
            Err(error) => assert!(begun.elapsed() < wattle_testkit::PATIENCE, "{}", chain(&error)),
        }
    };
    assert_eq!(found.len(), 300_000);
}
