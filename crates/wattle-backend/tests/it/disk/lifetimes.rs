//! Entries that end: across a restart, in the file, and in files of releases that did not know of it.

use std::path::Path;
use std::time::{Duration, Instant};

use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};
use wattle_backend::disk::DiskOptions;
use wattle_backend::key_value::{KeyValue, Put, Version};

use super::{bucket, open_in, set, temporary, value, without_entry_cache};

const ENTRIES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("entries");
const ENDING: TableDefinition<&[u8], ()> = TableDefinition::new("ending");
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

fn put(value: &'static str, lifetime: Duration) -> Put {
    Put { lifetime: Some(lifetime), ..Put::from(value) }
}

/// How many rows the tables of entries and of what ends have.
fn rows(data: &Path) -> (u64, u64) {
    let read = Database::create(data.join("state.redb")).expect("the file").begin_read().expect("it can be read");
    let rows = read.open_table(ENTRIES).expect("entries").len().expect("a number");
    (rows, read.open_table(ENDING).expect("what ends").len().expect("a number"))
}

#[tokio::test]
async fn what_has_ended_is_taken_out_of_the_file() {
    let dir = temporary();
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions::default());
    for number in 0..300 {
        store.set(&bucket(), &format!("short-{number}"), put("value", Duration::from_millis(500))).await.expect("set");
    }
    // Written again, deleted: what ends must not be noted twice, or for nothing.
    for _ in 0..3 {
        store.set(&bucket(), "long", put("value", Duration::from_secs(3600))).await.expect("set");
    }
    store.set(&bucket(), "gone", put("value", Duration::from_secs(3600))).await.expect("set");
    store.delete(&bucket(), "gone").await.expect("delete");
    store.set(&bucket(), "stays", put("value", Duration::from_secs(3600))).await.expect("set");
    set(&store, "stays", "for good").await;
    let begin = Instant::now();
    while store.list(&bucket(), None, 1000).await.expect("list").keys.len() > 2 {
        assert!(begin.elapsed() < Duration::from_secs(30), "they do not end");
    }
    for number in 0..8 {
        set(&store, "other", &number.to_string()).await;
    }
    drop(store);
    assert_eq!(rows(&data), (3, 1), "`long`, `stays` and `other`; and that `long` ends");
}

#[tokio::test]
async fn lifetimes_go_on_after_reopening() {
    let dir = temporary();
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions::default());
    store.set(&bucket(), "short", put("value", Duration::from_millis(300))).await.expect("set");
    store.set(&bucket(), "long", put("value", Duration::from_secs(3600))).await.expect("set");
    drop(store);
    for options in [DiskOptions::default(), without_entry_cache()] {
        let store = open_in(&data, options);
        let begin = Instant::now();
        while value(&store, "short").await.is_some() {
            assert!(begin.elapsed() < Duration::from_secs(30), "it does not end");
        }
        assert_eq!(value(&store, "long").await.as_deref(), Some("value"));
    }
}

/// Writes a file as the first release did, byte for byte.
fn first_format(data: &Path, key: &str, value: &[u8]) {
    drop(open_in(data, DiskOptions::default()));
    let path = data.join("state.redb");
    std::fs::remove_file(&path).expect("the file is ours");
    let row = [&[0, 0, 6][..], b"bucket", key.as_bytes()].concat();
    let rest = [&7_u64.to_le_bytes(), value].concat();
    let checked = [&(row.len() as u64).to_le_bytes(), &*row, &rest].concat();
    let record = [&crc32fast::hash(&checked).to_le_bytes()[..], &rest].concat();
    let transaction = Database::create(path).expect("a file").begin_write().expect("it can be written");
    transaction.open_table(ENTRIES).expect("entries").insert(&*row, &*record).expect("insert");
    transaction.open_table(META).expect("meta").insert("last-version", 7).expect("insert");
    transaction.commit().expect("commit");
}

#[tokio::test]
async fn a_file_of_the_first_format_is_read_and_written() {
    let dir = temporary();
    let data = dir.path().join("data");
    first_format(&data, "old", b"value");
    let store = open_in(&data, DiskOptions::default());
    let entry = store.get(&bucket(), "old").await.expect("get").expect("it is there");
    assert_eq!((&entry.value[..], entry.version), (&b"value"[..], Version(7)));
    assert_eq!(store.list(&bucket(), None, 10).await.expect("list").keys, ["old"]);
    let next = store.set(&bucket(), "new", put("value", Duration::from_secs(3600))).await.expect("set");
    assert_eq!(next, Version(8));
    drop(store);
    assert_eq!(rows(&data), (2, 1));
    let store = open_in(&data, DiskOptions::default());
    assert_eq!((value(&store, "old").await, value(&store, "new").await), (Some("value".into()), Some("value".into())));
}
