//! Blobs on disk.

pub(crate) mod crash;
mod damage;
pub(crate) mod faults;
mod store;
mod sweep;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tempfile::TempDir;
use wattle_backend::blobs::{Blobs, Content};
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::disk::{DataDir, DiskBlobs, DiskOptions};
use wattle_backend::error::BackendError;

use super::{temporary, without_entry_cache};

mod conformance {
    use super::*;

    fn open() -> (Arc<dyn Blobs>, TempDir) {
        let dir = temporary();
        (Arc::new(open_in(&dir.path().join("data"), DiskOptions::default())), dir)
    }

    wattle_backend::blobs_conformance!(open, 16 << 20);
    wattle_backend::blobs_conformance! { @each open; objects_are_counted_exactly }
}

/// The same with hardly any memory, so that everything is read from and pressed through the disk.
mod conformance_without_caches {
    use super::*;

    fn open() -> (Arc<dyn Blobs>, TempDir) {
        let dir = temporary();
        let tight = DiskOptions { page_cache_bytes: 64 << 10, write_queue_bytes: 1, ..without_entry_cache() };
        (Arc::new(open_in(&dir.path().join("data"), tight)), dir)
    }

    wattle_backend::blobs_conformance!(open, 1 << 20);
}

pub(crate) fn open_in(data: &Path, options: DiskOptions) -> DiskBlobs {
    try_open_in(data, options).expect("a store")
}

fn try_open_in(data: &Path, options: DiskOptions) -> Result<DiskBlobs, BackendError> {
    DiskBlobs::open(Arc::new(DataDir::open(data).expect("a data directory")), options)
}

fn container() -> Bucket {
    Bucket { owner: Owner::Shared, name: "container".to_owned() }
}

/// A content of one letter.
fn letters(letter: char, size: usize) -> Content {
    let piece = Bytes::from(vec![letter as u8; 10_000]);
    stream::iter((0..size).step_by(10_000)).map(move |at| Ok(piece.slice(..10_000.min(size - at)))).boxed()
}

async fn write(store: &DiskBlobs, name: &str, letter: char, size: usize) -> Result<(), BackendError> {
    store.write(&container(), name, letters(letter, size)).await.map(drop)
}

/// An object as its letter and size, or `None`; all of its content is read.
async fn read(store: &DiskBlobs, name: &str) -> Result<Option<(char, usize)>, BackendError> {
    let Some(object) = store.read(&container(), name, 0..u64::MAX).await? else { return Ok(None) };
    let content: Vec<Bytes> = object.content.try_collect().await?;
    let content = content.concat();
    assert_eq!(content.len() as u64, object.entry.size, "{name} is whole");
    let letter = content.first().copied().unwrap_or(b' ');
    assert!(content.iter().all(|&byte| byte == letter), "{name} is not mixed");
    Ok(Some((letter as char, content.len())))
}

/// The files of contents.
fn content_files(data: &Path) -> Vec<PathBuf> {
    let groups = fs::read_dir(data.join("blobs")).expect("the directory of contents");
    let groups = groups.map(|group| group.expect("an entry").path()).filter(|path| path.is_dir());
    // One that is just being removed has nothing in it.
    let files = groups.flat_map(|group| fs::read_dir(group).into_iter().flatten());
    files.map(|file| file.expect("an entry").path()).collect()
}

/// Waits until there are so many files of contents.
fn await_content_files(data: &Path, expected: usize) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let found = content_files(data).len();
        if found == expected {
            return;
        }
        assert!(Instant::now() < deadline, "there are still {found} contents, not {expected}");
        std::thread::yield_now();
    }
}

async fn names(store: &DiskBlobs) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(&container(), after.as_deref(), 100).await.expect("list");
        names.extend(page.objects.into_iter().map(|object| object.name));
        after = page.next;
        if after.is_none() {
            return names;
        }
    }
}
