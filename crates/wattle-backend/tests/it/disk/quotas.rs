//! What owners keep on disk is counted in the file: across restarts and kills, and in files that have no count yet.

use std::path::Path;

use futures::future::join_all;
use futures::{StreamExt, stream};
use redb::{Database, TableDefinition};
use wattle_backend::backend::Backend;
use wattle_backend::blobs::Blobs;
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::disk::{DiskBlobs, DiskKeyValue, DiskOptions};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;
use wattle_spec::name::AppId;
use wattle_spec::quota::Quota;

use super::{blobs, child, open_in, temporary};

fn bucket(name: &str) -> Bucket {
    let app = AppId::in_default_namespace("counted".parse().expect("a name"));
    Bucket { owner: Owner::App(app), name: name.to_owned() }
}

fn keys(keys: u64) -> Quota {
    Quota { keys: Some(keys), bytes: None }
}

/// Takes what was counted out of a file, as if an older release had written it.
fn forget(data: &Path, file: &str) {
    let tallies: TableDefinition<&[u8], (u64, u64)> = TableDefinition::new("tallies");
    let write = Database::create(data.join(file)).expect("the file").begin_write().expect("it can be written");
    assert!(write.delete_table(tallies).expect("a table"), "there was a count");
    write.commit().expect("commit");
}

/// The keys of a bucket and the bytes of keys and values.
async fn kept(store: &DiskKeyValue, bucket: &Bucket) -> (u64, u64) {
    let page = store.list(bucket, None, 1_000_000).await.expect("list");
    let mut bytes = 0;
    for key in &page.keys {
        let entry = store.get(bucket, key).await.expect("get").expect("it is there");
        bytes += key.len() + entry.value.len();
    }
    (page.keys.len() as u64, bytes as u64)
}

/// Checks that what was counted is what there is, to the last key and byte. Leaves it as it was.
async fn check(store: &DiskKeyValue, bucket: &Bucket) {
    let (there, bytes) = kept(store, bucket).await;
    let quota = |keys, bytes| Quota { keys: Some(keys), bytes: Some(bytes) };
    let refused = |written: Result<_, BackendError>| matches!(written, Err(BackendError::Quota { .. }));
    store.limit(&bucket.owner, quota(there, bytes + 100));
    assert!(refused(store.set(bucket, "more", "1".into()).await), "{there} keys");
    store.limit(&bucket.owner, quota(there + 1, bytes + 4));
    assert!(refused(store.set(bucket, "more", "1".into()).await), "{bytes} bytes");
    store.limit(&bucket.owner, quota(there + 1, bytes + 5));
    store.set(bucket, "more", "1".into()).await.expect("as much as there may be");
    store.delete(bucket, "more").await.expect("delete");
}

#[tokio::test]
async fn what_is_counted_survives_a_kill() {
    let dir = temporary();
    let data = dir.path().join("data");
    for lines in [1, 200, 50] {
        let mut writer = child::start("write-counted", &data, "");
        for _ in 0..lines {
            writer.line().expect("the child goes on");
        }
        writer.kill();
        let store = open_in(&data, DiskOptions::default());
        check(&store, &bucket("bucket")).await;
    }
}

/// The child: 16 writers that set, replace and delete, and say so.
pub(crate) async fn write(data: &Path) {
    let store = open_in(data, DiskOptions::default());
    let bucket = bucket("bucket");
    store.limit(&bucket.owner, keys(1_000_000));
    let writers = (0..16).map(async |writer: usize| {
        for number in 0_usize.. {
            let key = format!("{writer}-{}", number * 7 % 50);
            match number % 3 {
                0 => store.delete(&bucket, &key).await.expect("delete"),
                _ => drop(store.set(&bucket, &key, vec![0; number * 13 % 1000].into()).await.expect("set")),
            }
            child::say(&key);
        }
    });
    join_all(writers).await;
}

/// A file of an older release is counted when a quota is first asked for.
#[tokio::test]
async fn what_was_never_counted_is() {
    let dir = temporary();
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions::default());
    for number in 0..300_u32 {
        store.set(&bucket("bucket"), &number.to_string(), "value".into()).await.expect("set");
    }
    drop(store);
    forget(&data, "state.redb");
    let store = open_in(&data, DiskOptions::default());
    check(&store, &bucket("bucket")).await;
    drop(store);
    let store = open_in(&data, DiskOptions::default());
    store.limit(&bucket("other").owner, keys(300));
    store.set(&bucket("other"), "more", "1".into()).await.expect_err("all buckets of an owner count");
}

async fn wrote(store: &DiskBlobs, container: &Bucket, name: &str) -> bool {
    match store.write(container, name, stream::iter([Ok("content".into())]).boxed()).await {
        Ok(_) => true,
        Err(BackendError::Quota { limit: 4, unit: "keys" }) => false,
        Err(error) => panic!("{error:?}"),
    }
}

/// Objects and containers, too.
#[tokio::test]
async fn objects_are_counted_in_their_file() {
    let dir = temporary();
    let data = dir.path().join("data");
    let (one, other) = (bucket("one"), bucket("other"));
    let store = blobs::open_in(&data, DiskOptions::default());
    store.limit(&one.owner, keys(4));
    for container in [&one, &other] {
        assert!(store.create_container(container).await.expect("create"));
        assert!(wrote(&store, container, "a").await);
    }
    drop(store);
    for is_forgotten in [false, true] {
        if is_forgotten {
            forget(&data, "blobs.redb");
        }
        let store = blobs::open_in(&data, DiskOptions::default());
        store.limit(&one.owner, keys(4));
        assert!(!wrote(&store, &one, "b").await, "what is in the file counts");
        store.remove(&one, "a").await.expect("remove");
        assert!(wrote(&store, &one, "b").await, "one was removed");
        assert!(!wrote(&store, &other, "b").await);
        store.remove_container(&other).await.expect("remove");
        assert!(wrote(&store, &one, "a").await && wrote(&store, &one, "c").await, "a container with its object");
        assert!(!wrote(&store, &one, "d").await);
        for name in ["b", "c"] {
            store.remove(&one, name).await.expect("remove");
        }
        assert!(store.create_container(&other).await.expect("create"));
        assert!(wrote(&store, &other, "a").await);
    }
}
