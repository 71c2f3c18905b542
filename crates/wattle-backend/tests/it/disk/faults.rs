//! A disk that fails: what callers are told, what they can still do, and that nothing acknowledged is lost.

use std::collections::BTreeSet;
use std::path::Path;

use futures::future::join_all;
use wattle_backend::backend::Backend;
use wattle_backend::disk::faults::{Faults, FileOperation};
use wattle_backend::disk::{DiskKeyValue, DiskOptions};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;

use super::{bucket, chain, child, open_in, set, temporary, try_open_in, value, without_entry_cache};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn with(faults: &Faults) -> DiskOptions {
    DiskOptions { faults: faults.clone(), ..without_entry_cache() }
}

async fn failed_set(store: &DiskKeyValue, key: &str) -> BackendError {
    store.set(&bucket(), key, "new".into()).await.expect_err("the disk fails")
}

/// Everything that can be read is read from the disk, and as it was.
async fn reads_go_on(store: &DiskKeyValue) {
    assert_eq!(value(store, "a").await.as_deref(), Some("one"));
    assert_eq!(value(store, "missing").await, None);
    assert!(store.list(&bucket(), None, 10).await.expect("list").keys.contains(&"a".to_owned()));
}

#[tokio::test]
async fn after_a_failed_sync_there_are_no_writes() {
    let (dir, faults) = (temporary(), Faults::default());
    let data = dir.path().join("data");
    let store = open_in(&data, with(&faults));
    set(&store, "a", "one").await;
    faults.fail(FileOperation::Sync, 0, EIO);
    let error = failed_set(&store, "b").await;
    assert_eq!(error.code(), "io");
    assert!(chain(&error).ends_with("data/state.redb: Input/output error (os error 5)"), "{}", chain(&error));
    reads_go_on(&store).await;

    // The disk says it is fine again. It cannot be trusted: what it did not sync may be gone.
    faults.heal();
    let error = failed_set(&store, "b").await;
    assert_eq!(error.code(), "writes-stopped");
    assert!(error.hint().is_some());
    assert!(chain(&error).contains("takes no more writes, because an earlier one failed: cannot sync "), "{error}");
    assert_eq!(store.check().await.expect_err("no writes").code(), "writes-stopped");
    reads_go_on(&store).await;
    drop(store);

    let store = open_in(&data, DiskOptions::default());
    reads_go_on(&store).await;
    set(&store, "b", "two").await;
}

#[tokio::test]
async fn after_a_failed_write_there_are_no_writes() {
    let (dir, faults) = (temporary(), Faults::default());
    let store = open_in(&dir.path().join("data"), with(&faults));
    set(&store, "a", "one").await;
    faults.fail(FileOperation::Write, 0, EIO);
    assert_eq!(failed_set(&store, "b").await.code(), "io");
    reads_go_on(&store).await;
    faults.heal();
    assert_eq!(failed_set(&store, "b").await.code(), "writes-stopped");
}

#[tokio::test]
async fn a_full_disk_takes_writes_again_when_there_is_room() {
    for operation in [FileOperation::Write, FileOperation::Resize] {
        let (dir, faults) = (temporary(), Faults::default());
        let data = dir.path().join("data");
        let store = open_in(&data, with(&faults));
        set(&store, "a", "one").await;
        faults.fail(operation, 0, ENOSPC);
        for _ in 0..3 {
            // Large enough that the file has to grow.
            let result = store.set(&bucket(), "large", vec![b'x'; 16 << 20].into()).await;
            let error = result.expect_err("the disk is full");
            assert_eq!(error.code(), "full", "{operation:?}: {}", chain(&error));
            assert!(error.hint().is_some());
            reads_go_on(&store).await;
        }
        assert_eq!(value(&store, "large").await, None);
        faults.heal();
        set(&store, "b", "two").await;
        assert_eq!(value(&store, "b").await.as_deref(), Some("two"));
        drop(store);
        let store = open_in(&data, DiskOptions::default());
        assert_eq!(value(&store, "b").await.as_deref(), Some("two"));
    }
}

#[tokio::test]
async fn a_failed_read_fails_by_itself() {
    let (dir, faults) = (temporary(), Faults::default());
    let options = DiskOptions { page_cache_bytes: 0, ..with(&faults) };
    let store = open_in(&dir.path().join("data"), options);
    set(&store, "a", "one").await;
    faults.fail(FileOperation::Read, 0, EIO);
    let error = store.get(&bucket(), "a").await.expect_err("the disk fails");
    assert_eq!(error.code(), "io", "{}", chain(&error));
    faults.heal();
    reads_go_on(&store).await;
    set(&store, "b", "two").await;
    assert_eq!(value(&store, "b").await.as_deref(), Some("two"));
}

#[test]
fn a_disk_that_fails_while_it_is_opened_is_told() {
    for operation in [FileOperation::Read, FileOperation::Write, FileOperation::Resize, FileOperation::Sync] {
        for spared in 0..12 {
            let (dir, faults) = (temporary(), Faults::default());
            let data = dir.path().join("data");
            faults.fail(operation, spared, ENOSPC);
            let opened = try_open_in(&data, with(&faults));
            if let Err(error) = &opened {
                assert_eq!(error.code(), "full", "{operation:?} after {spared}: {}", chain(error));
            }
            drop(opened);
            // Whatever was half made is no obstacle later.
            drop(open_in(&data, DiskOptions::default()));
        }
    }
}

/// The disk fails at every single operation of a few writes in turn.
#[tokio::test]
async fn nothing_acknowledged_is_lost_wherever_the_disk_fails() {
    for operation in [FileOperation::Write, FileOperation::Sync, FileOperation::Resize, FileOperation::Read] {
        for errno in [EIO, ENOSPC] {
            for spared in 0.. {
                if !fail_at(operation, spared, errno).await {
                    break;
                }
            }
        }
    }
}

/// Fails one operation of some writes and looks at what is left. Whether there was one to fail.
async fn fail_at(operation: FileOperation, spared: u64, errno: i32) -> bool {
    let (dir, faults) = (temporary(), Faults::default());
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions { page_cache_bytes: 16 << 10, ..with(&faults) });
    for key in ["0", "1", "2"] {
        set(&store, key, "old").await;
    }
    faults.fail(operation, spared, errno);
    // Only the first of them to be acknowledged can be lost by a later failure: each key is written once.
    let sizes = [10, 100_000, 3, 2 << 20, 700];
    let writes = sizes.iter().enumerate().map(async |(number, &size)| {
        let value = "n".repeat(size);
        let result = store.set(&bucket(), &number.to_string(), value.into()).await;
        result.is_ok().then(|| number.to_string())
    });
    let mut acknowledged: BTreeSet<String> = join_all(writes).await.into_iter().flatten().collect();
    let failed = faults.failed() > 0;
    faults.heal();
    check(&store, &acknowledged, "with the failure behind it").await;
    match store.set(&bucket(), "later", "n".into()).await {
        Ok(_) => drop(acknowledged.insert("later".to_owned())),
        Err(error) => assert_eq!(error.code(), "writes-stopped", "{operation:?} after {spared}: {}", chain(&error)),
    }
    check(&store, &acknowledged, "after one more write").await;
    drop(store);
    let store = open_in(&data, DiskOptions::default());
    check(&store, &acknowledged, "after reopening").await;
    set(&store, "last", "n").await;
    failed
}

/// What was acknowledged is there; anything else is as it was before, or was written after all.
async fn check(store: &DiskKeyValue, acknowledged: &BTreeSet<String>, when: &str) {
    for key in ["0", "1", "2", "3", "4", "later"] {
        let found = value(store, key).await;
        let new = found.as_ref().is_some_and(|value| value.bytes().all(|byte| byte == b'n'));
        let old = if key < "3" { found.as_deref() == Some("old") } else { found.is_none() };
        assert!(new || (old && !acknowledged.contains(key)), "{when}: key {key} is {:.20?}", found);
    }
}

/// A real limit of the system instead of a pretended one: no file may be larger than some megabytes.
#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk() {
    let dir = temporary();
    // Without the trap, the system would kill the process. The unit of `ulimit -f` is 512 bytes, or 1024.
    let mut filler = child::start("fill", &dir.path().join("data"), "trap '' XFSZ; ulimit -f 8192;");
    assert_eq!(filler.line().as_deref(), Some("full after some, and all of them can be read"));
}

/// The child: writes until it cannot, and reads.
pub(crate) async fn fill(data: &Path) {
    let store = open_in(data, without_entry_cache());
    let mut written = 0;
    let error = loop {
        let value = vec![b'x'; 256 << 10];
        match store.set(&bucket(), &written.to_string(), value.into()).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(written > 0, "there was room for some");
    for number in 0..written {
        assert_eq!(value(&store, &number.to_string()).await.map(|value| value.len()), Some(256 << 10));
    }
    store.delete(&bucket(), "0").await.expect("what takes no room can be written");
    child::say(&format!("{} after some, and all of them can be read", error.code()));
}
