//! Files that are not what was written: it is told with the file's name, and other objects are as they were.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wattle_backend::blobs::Blobs;
use wattle_backend::disk::{DiskBlobs, DiskOptions};
use wattle_backend::error::BackendError;

use super::super::chain;
use super::{container, content_files, open_in, read, temporary, try_open_in, without_entry_cache, write};

const SIZE: usize = 200_000;

/// A store with three objects, and the file of the one in the middle.
async fn written() -> (TempDir, DiskBlobs, PathBuf) {
    let dir = temporary();
    let data = dir.path().join("data");
    let store = open_in(&data, without_entry_cache());
    store.create_container(&container()).await.expect("create");
    write(&store, "before", 'a', SIZE).await.expect("write");
    let others = content_files(&data);
    write(&store, "it", 'b', SIZE).await.expect("write");
    let file = content_files(&data).into_iter().find(|file| !others.contains(file)).expect("its content");
    write(&store, "after", 'c', SIZE).await.expect("write");
    (dir, store, file)
}

/// The damage is told, the others are whole, and the object can be written anew.
async fn check(store: &DiskBlobs, file: &Path, what: &str) {
    let error = read(store, "it").await.expect_err("it is damaged");
    assert!(matches!(&error, BackendError::Corrupt { path, .. } if path == file), "{what}: {}", chain(&error));
    assert!(error.hint().is_some());
    assert_eq!(read(store, "before").await.expect("read"), Some(('a', SIZE)), "{what}");
    assert_eq!(read(store, "after").await.expect("read"), Some(('c', SIZE)), "{what}");
}

#[tokio::test]
async fn flipped_bits_are_found() {
    let (_dir, store, file) = written().await;
    let contents = fs::read(&file).expect("the file");
    for round in 0..200_usize {
        let at = [round, contents.len() - 1 - round, round.wrapping_mul(2_654_435_761)][round % 3] % contents.len();
        let mut bytes = contents.clone();
        bytes[at] ^= 1 << (round % 8);
        fs::write(&file, &bytes).expect("the file is ours");
        check(&store, &file, &format!("bit {} of byte {at}", round % 8)).await;
    }
    fs::write(&file, &contents).expect("the file is ours");
    assert_eq!(read(&store, "it").await.expect("it is mended"), Some(('b', SIZE)));
}

/// A part is checked too, and only the part: blocks that are sound can still be read.
#[tokio::test]
async fn a_damaged_block_does_not_spoil_the_others() {
    use futures::TryStreamExt;
    let (_dir, store, file) = written().await;
    let mut bytes = fs::read(&file).expect("the file");
    bytes[65_540 + 100] ^= 1;
    fs::write(&file, &bytes).expect("the file is ours");
    for (range, sound) in [
        (0..65_536, true),
        (0..65_537, false),
        (65_536..65_537, false),
        (131_071..131_072, false),
        (131_072..200_000, true),
        (70_000..70_000, true),
    ] {
        let object = store.read(&container(), "it", range.clone()).await.expect("read").expect("it is there");
        let content: Result<Vec<_>, _> = object.content.try_collect().await;
        assert_eq!(content.is_ok(), sound, "{range:?}");
        assert_eq!(content.err().map_or("corrupt", |error| error.code()), "corrupt");
    }
}

#[tokio::test]
async fn files_that_are_something_else_are_found() {
    let (dir, store, file) = written().await;
    let contents = fs::read(&file).expect("the file");
    for len in [0, 1, 3, 4, 65_539, 65_540, 65_541, contents.len() - 1] {
        fs::write(&file, &contents[..len]).expect("the file is ours");
        check(&store, &file, &format!("{len} bytes")).await;
    }
    fs::write(&file, [&*contents, b"more"].concat()).expect("the file is ours");
    check(&store, &file, "longer").await;
    fs::remove_file(&file).expect("the file is ours");
    check(&store, &file, "gone").await;
    // The content of another object, of the same size.
    let other = content_files(&dir.path().join("data")).into_iter().find(|other| *other != file).expect("another");
    fs::copy(other, &file).expect("the file is ours");
    check(&store, &file, "another's").await;
    assert!(write(&store, "it", 'd', SIZE).await.is_ok(), "what is damaged can be replaced");
    assert_eq!(read(&store, "it").await.expect("read"), Some(('d', SIZE)));
}

#[tokio::test]
async fn no_link_is_followed() {
    let (dir, store, file) = written().await;
    let secret = dir.path().join("secret");
    fs::rename(&file, &secret).expect("the file is ours");
    std::os::unix::fs::symlink(&secret, &file).expect("a link");
    let error = read(&store, "it").await.expect_err("it is a link");
    assert_eq!(error.code(), "io", "{}", chain(&error));
    drop(store);
    let data = dir.path().join("data");
    fs::rename(data.join("blobs"), dir.path().join("elsewhere")).expect("it is ours");
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), data.join("blobs")).expect("a link");
    let error = try_open_in(&data, DiskOptions::default()).err().expect("it is a link");
    assert!(error.to_string().ends_with("data/blobs"), "{}", chain(&error));
}

#[tokio::test]
async fn without_its_index_no_content_is_removed() {
    let (dir, store, _) = written().await;
    let data = dir.path().join("data");
    drop(store);
    let index = fs::read(data.join("blobs.redb")).expect("the index");
    fs::remove_file(data.join("blobs.redb")).expect("it is ours");
    let error = try_open_in(&data, DiskOptions::default()).err().expect("it is gone");
    assert_eq!(error.code(), "corrupt");
    assert!(error.to_string().contains("data/blobs.redb is damaged: it is gone"), "{error}");
    assert_eq!(content_files(&data).len(), 3);
    fs::write(data.join("blobs.redb"), index).expect("it is ours");
    let store = open_in(&data, DiskOptions::default());
    assert_eq!(read(&store, "it").await.expect("read"), Some(('b', SIZE)));
}

/// The index is a database as that of keys and values, which has tests of its own; here it is the answers that count.
#[tokio::test]
async fn a_damaged_index_is_told() {
    let (dir, store, _) = written().await;
    let data = dir.path().join("data");
    drop(store);
    let contents = fs::read(data.join("blobs.redb")).expect("the index");
    // Where the file says what it is, and all over it, though most of it is free.
    let used: Vec<usize> = (0..contents.len()).filter(|&at| contents[at] != 0).collect();
    let positions = (0..320).step_by(4).chain(used.iter().copied().step_by(used.len() / 40));
    let mut found = 0;
    for (round, at) in positions.enumerate() {
        let mut bytes = contents.clone();
        bytes[at] ^= 1 << (round % 8);
        fs::write(data.join("blobs.redb"), &bytes).expect("it is ours");
        let store = match try_open_in(&data, without_entry_cache()) {
            Ok(store) => store,
            Err(error) => {
                assert_eq!(error.code(), "corrupt", "byte {at}: {}", chain(&error));
                assert!(error.to_string().contains("blobs.redb"), "byte {at}: {error}");
                found += 1;
                continue;
            }
        };
        for (name, letter) in [("before", 'a'), ("it", 'b'), ("after", 'c')] {
            match read(&store, name).await {
                Ok(object) => assert_eq!(object, Some((letter, SIZE)), "byte {at}"),
                Err(error) => assert_eq!(error.code(), "corrupt", "byte {at}: {}", chain(&error)),
            }
        }
        assert_eq!(content_files(&data).len(), 3, "byte {at}: damage is no reason to remove anything");
    }
    assert!(found > 10, "some of it counts: {found}");
}
