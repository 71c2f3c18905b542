//! A disk that fails: what callers are told, what they can still do, and that nothing acknowledged is lost.

use std::collections::BTreeSet;
use std::path::Path;

use futures::future::join_all;
use wattle_backend::backend::Backend;
use wattle_backend::blobs::Blobs;
use wattle_backend::disk::faults::{Faults, FileOperation};
use wattle_backend::disk::{DiskBlobs, DiskOptions};

use super::super::{chain, child};
use super::{
    await_content_files, container, content_files, names, open_in, read, temporary, without_entry_cache, write,
};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn with(faults: &Faults) -> DiskOptions {
    DiskOptions { faults: faults.clone(), ..without_entry_cache() }
}

async fn opened(data: &Path, faults: &Faults) -> DiskBlobs {
    let store = open_in(data, with(faults));
    store.create_container(&container()).await.expect("create");
    write(&store, "a", 'a', 100_000).await.expect("write");
    store
}

#[tokio::test]
async fn after_a_failed_sync_there_are_no_writes() {
    for (spared, path) in [(0, "data/blobs/1-0/1"), (1, "data/blobs/1-0"), (2, "data/blobs.redb")] {
        let (dir, faults) = (temporary(), Faults::default());
        let data = dir.path().join("data");
        let store = opened(&data, &faults).await;
        faults.fail(FileOperation::Sync, spared, EIO);
        let error = write(&store, "a", 'b', 10).await.expect_err("the disk fails");
        assert_eq!(error.code(), "io", "after {spared}: {}", chain(&error));
        let text = error.to_string();
        assert!(text.starts_with("cannot sync ") && text.ends_with(path), "after {spared}: {}", chain(&error));
        // The disk says it is fine again. It cannot be trusted: what it did not sync may be gone.
        faults.heal();
        for error in
            [write(&store, "b", 'b', 10).await.expect_err("no writes"), store.check().await.expect_err("no writes")]
        {
            assert_eq!(error.code(), "writes-stopped", "after {spared}: {}", chain(&error));
            assert!(chain(&error).contains("because an earlier one failed: cannot sync "), "{}", chain(&error));
        }
        assert_eq!(names(&store).await, ["a"]);
        let found = read(&store, "a").await.expect("reads go on").expect("it was acknowledged");
        assert!(found == ('a', 100_000) || (spared == 2 && found == ('b', 10)), "after {spared}: {found:?}");
        drop(store);
        let store = open_in(&data, DiskOptions::default());
        write(&store, "b", 'b', 10).await.expect("another process trusts it again");
        await_content_files(&data, 2);
    }
}

#[tokio::test]
async fn a_full_disk_takes_writes_again_when_there_is_room() {
    for operation in [FileOperation::Write, FileOperation::Sync] {
        let (dir, faults) = (temporary(), Faults::default());
        let data = dir.path().join("data");
        let store = opened(&data, &faults).await;
        // The file, some blocks, and the index; or the file and its directory.
        let spared: &[u64] = if operation == FileOperation::Write { &[0, 1, 3, 9, 17] } else { &[0, 1] };
        for &spared in spared {
            faults.fail(operation, spared, ENOSPC);
            let error = write(&store, "a", 'b', 1_000_000).await.expect_err("the disk is full");
            assert_eq!(error.code(), "full", "{operation:?} after {spared}: {}", chain(&error));
            let place = if spared < 17 { "data/blobs/" } else { "data/blobs.redb" };
            assert!(error.to_string().contains(place), "after {spared}: {error}");
            assert!(error.hint().is_some());
            assert_eq!(read(&store, "a").await.expect("reads go on"), Some(('a', 100_000)));
            faults.heal();
            // What was written of it gives its room back.
            await_content_files(&data, 1);
        }
        write(&store, "a", 'b', 1_000_000).await.expect("there is room again");
        assert_eq!(read(&store, "a").await.expect("read"), Some(('b', 1_000_000)));
    }
}

#[tokio::test]
async fn a_failed_read_fails_by_itself() {
    let (dir, faults) = (temporary(), Faults::default());
    let store = opened(&dir.path().join("data"), &faults).await;
    let object = store.read(&container(), "a", 0..u64::MAX).await.expect("read").expect("it is there");
    faults.fail(FileOperation::Read, 0, EIO);
    let error = futures::TryStreamExt::try_collect::<Vec<_>>(object.content).await.expect_err("the disk fails");
    assert_eq!(error.code(), "io", "{}", chain(&error));
    faults.heal();
    assert_eq!(read(&store, "a").await.expect("reads go on"), Some(('a', 100_000)));
    write(&store, "b", 'b', 10).await.expect("writes go on");
}

/// The disk fails at every single operation of a few writes in turn.
#[tokio::test]
async fn nothing_acknowledged_is_lost_wherever_the_disk_fails() {
    let operations = [FileOperation::Write, FileOperation::Sync, FileOperation::Resize, FileOperation::Read];
    for (operation, errno) in operations.into_iter().zip([EIO; 4]).chain(operations.into_iter().zip([ENOSPC; 2])) {
        for spared in 0.. {
            if !fail_at(operation, spared, errno).await {
                break;
            }
        }
    }
}

/// Fails one operation of some writes and looks at what is left. Whether there was one to fail.
async fn fail_at(operation: FileOperation, spared: u64, errno: i32) -> bool {
    let (dir, faults) = (temporary(), Faults::default());
    let data = dir.path().join("data");
    let store = open_in(&data, DiskOptions { page_cache_bytes: 16 << 10, ..with(&faults) });
    store.create_container(&container()).await.expect("create");
    for name in ["0", "1"] {
        write(&store, name, 'o', 100).await.expect("write");
    }
    faults.fail(operation, spared, errno);
    let writes = [10, 150_000, 0].into_iter().enumerate().map(async |(number, size)| {
        write(&store, &number.to_string(), 'n', size).await.is_ok().then(|| number.to_string())
    });
    let acknowledged: BTreeSet<String> = join_all(writes).await.into_iter().flatten().collect();
    let failed = faults.failed() > 0;
    faults.heal();
    let what = format!("{operation:?} after {spared} with {errno}");
    check(&store, &acknowledged, &what).await;
    if let Err(error) = write(&store, "later", 'n', 10).await {
        assert_eq!(error.code(), "writes-stopped", "{what}: {}", chain(&error));
    }
    drop(store);
    let store = open_in(&data, DiskOptions::default());
    check(&store, &acknowledged, &format!("{what}, reopened")).await;
    await_content_files(&data, names(&store).await.len());
    write(&store, "last", 'n', 10).await.expect("write");
    failed
}

/// What was acknowledged is there; anything else is as it was before, or was written after all. Nothing is in part.
async fn check(store: &DiskBlobs, acknowledged: &BTreeSet<String>, what: &str) {
    for (number, size) in [10, 150_000, 0].into_iter().enumerate() {
        let name = number.to_string();
        let found = read(store, &name).await.unwrap_or_else(|error| panic!("{what}: {name}: {}", chain(&error)));
        let new = found.is_some_and(|(letter, len)| len == size && (size == 0 || letter == 'n'));
        let old = if number < 2 { found == Some(('o', 100)) } else { found.is_none() };
        assert!(new || (old && !acknowledged.contains(&name)), "{what}: {name} is {found:?}");
    }
}

/// A real limit of the system instead of a pretended one: no file may be larger than some megabytes.
#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk() {
    let dir = temporary();
    // Without the trap, the system would kill the process. The unit of `ulimit -f` is 512 bytes, or 1024.
    let mut filler = child::start("fill-blobs", &dir.path().join("data"), "trap '' XFSZ; ulimit -f 8192;");
    assert_eq!(filler.line().as_deref(), Some("full, and what is smaller can be written and read"));
}

/// The child: writes what is too large, and what is not.
pub(crate) async fn fill(data: &Path) {
    let store = opened(data, &Faults::default()).await;
    let error = write(&store, "large", 'x', 16 << 20).await.expect_err("it is too large");
    await_content_files(data, 1);
    write(&store, "b", 'b', 1_000_000).await.expect("what is smaller can be written");
    assert_eq!(read(&store, "a").await.expect("read"), Some(('a', 100_000)));
    assert_eq!(read(&store, "b").await.expect("read"), Some(('b', 1_000_000)));
    assert_eq!(content_files(data).len(), 2);
    child::say(&format!("{}, and what is smaller can be written and read", error.code()));
}
