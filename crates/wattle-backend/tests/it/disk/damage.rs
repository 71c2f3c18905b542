//! A file that is not what was written: it is told, or nothing of it is wrong; never a panic, never another value.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wattle_backend::disk::{DiskKeyValue, DiskOptions};
use wattle_backend::key_value::KeyValue;

use super::{bucket, chain, open_in, temporary, try_open_in, without_entry_cache};

/// How a damaged file is opened.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verify {
    /// It is checked as a whole.
    Whole,
    /// It is too large for that.
    Never,
}

/// Entries of several sizes, with values that are made of their keys.
fn entries() -> impl Iterator<Item = (String, String)> {
    (0..120_usize).map(|number| {
        let key = format!("key-{number}-{}", "k".repeat(number % 40));
        let value = key.repeat([1, 3, 50, 900][number % 4]);
        (key, value)
    })
}

/// A data directory with the entries, and the bytes of its file, before and after it was closed.
async fn written() -> (TempDir, [Vec<u8>; 2]) {
    let dir = temporary();
    let store = open_in(&dir.path().join("data"), DiskOptions::default());
    for (key, value) in entries() {
        store.set(&bucket(), &key, value.into()).await.expect("set");
    }
    let unclean = fs::read(file(&dir)).expect("the file");
    drop(store);
    let clean = fs::read(file(&dir)).expect("the file");
    (dir, [unclean, clean])
}

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("data/state.redb")
}

/// Opens the damaged file and reads everything. What is there is right, or damaged.
async fn read_all(data: &Path, verify: Verify, what: &str) -> Result<(), String> {
    let verify_max_bytes = if verify == Verify::Whole { u64::MAX } else { 0 };
    let store = match try_open_in(data, DiskOptions { verify_max_bytes, ..without_entry_cache() }) {
        Ok(store) => store,
        Err(error) => {
            assert_eq!(error.code(), "corrupt", "{what}: {}", chain(&error));
            assert!(error.hint().is_some() && error.to_string().contains("state.redb"), "{what}: {error}");
            return Err("it was found when opening".to_owned());
        }
    };
    let damaged = read_entries(&store, verify, what).await;
    // What can still be written is not the question here, but nothing may panic or wait for ever.
    let _ = store.set(&bucket(), "key-1-", "new".into()).await;
    let _ = store.list(&bucket(), None, 1000).await;
    if damaged == 0 { Ok(()) } else { Err(format!("{damaged} entries are damaged")) }
}

async fn read_entries(store: &DiskKeyValue, verify: Verify, what: &str) -> usize {
    let mut damaged = 0;
    for (key, value) in entries() {
        match store.get(&bucket(), &key).await {
            Ok(Some(entry)) => assert!(entry.value == value, "{what}: {key} has another value"),
            Ok(None) if verify == Verify::Never => damaged += 1,
            Ok(None) => panic!("{what}: {key} is gone"),
            Err(error) => {
                assert_eq!(error.code(), "corrupt", "{what}: {}", chain(&error));
                damaged += 1;
            }
        }
    }
    damaged
}

/// Positions all over a file, more of them in its first page, where the file says what it is.
fn positions(len: usize) -> impl Iterator<Item = usize> {
    (0..320).chain((0..260_usize).map(move |number| number.wrapping_mul(2_654_435_761) % len))
}

#[tokio::test]
async fn flipped_bits_are_found() {
    let (dir, files) = written().await;
    let mut found = 0;
    for (number, contents) in files.iter().enumerate() {
        for (round, at) in positions(contents.len()).enumerate() {
            let mut bytes = contents.clone();
            bytes[at] ^= 1 << (round % 8);
            fs::write(file(&dir), &bytes).expect("the file is ours");
            let verify = if round % 3 == 0 { Verify::Never } else { Verify::Whole };
            let what = format!("file {number}, bit {} of byte {at}, {verify:?}", round % 8);
            found += usize::from(read_all(&dir.path().join("data"), verify, &what).await.is_err());
        }
    }
    assert!(found > 100, "most of the file counts: {found}");
}

#[tokio::test]
async fn pages_of_zeros_are_found() {
    let (dir, files) = written().await;
    for (number, contents) in files.iter().enumerate() {
        for page in (0..contents.len() / 4096).step_by(3) {
            let mut bytes = contents.clone();
            bytes[page * 4096..(page + 1) * 4096].fill(0);
            fs::write(file(&dir), &bytes).expect("the file is ours");
            let what = format!("file {number}, page {page}");
            let _ = read_all(&dir.path().join("data"), Verify::Whole, &what).await;
        }
    }
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_found() {
    let (dir, files) = written().await;
    for contents in &files {
        for part in 0..40 {
            let len = contents.len() * part / 40 + part % 3;
            fs::write(file(&dir), &contents[..len]).expect("the file is ours");
            let what = format!("{len} bytes of {}", contents.len());
            let _ = read_all(&dir.path().join("data"), Verify::Whole, &what).await;
        }
    }
}

#[tokio::test]
async fn something_else_than_a_database_is_refused_and_left_alone() {
    let (dir, _) = written().await;
    for contents in [&b""[..], b"x", b"a text that somebody put here", &[0; 100_000], &[0xff; 100_000]] {
        fs::write(file(&dir), contents).expect("the file is ours");
        let found = read_all(&dir.path().join("data"), Verify::Whole, "something else").await;
        assert_eq!(found, Err("it was found when opening".to_owned()));
        assert_eq!(fs::read(file(&dir)).expect("the file"), contents);
    }
}

/// The file is damaged under a store that has it open and hardly any of it in memory.
#[tokio::test]
async fn damage_under_an_open_store_is_found() {
    for round in 0..60_usize {
        let dir = temporary();
        let options = DiskOptions { page_cache_bytes: 0, ..without_entry_cache() };
        let store = open_in(&dir.path().join("data"), options);
        for (key, value) in entries() {
            store.set(&bucket(), &key, value.into()).await.expect("set");
        }
        let mut bytes = fs::read(file(&dir)).expect("the file");
        for number in 0..40 {
            let at = 4096 + (round * 40 + number).wrapping_mul(2_654_435_761) % (bytes.len() - 4096);
            bytes[at] ^= 1 << (number % 8);
        }
        fs::write(file(&dir), &bytes).expect("the file is ours");
        read_entries(&store, Verify::Never, &format!("round {round}")).await;
        let _ = store.set(&bucket(), "key-1-", "new".into()).await;
        read_entries_after_a_write(&store, &format!("round {round}")).await;
    }
}

async fn read_entries_after_a_write(store: &DiskKeyValue, what: &str) {
    for (key, value) in entries().filter(|(key, _)| key != "key-1-") {
        if let Ok(Some(entry)) = store.get(&bucket(), &key).await {
            assert!(entry.value == value, "{what}: {key} has another value");
        }
    }
}
