//! A disk that is full: told as that, and nothing is left behind.

use std::fs;
use std::time::Duration;

use wattle_artifact::store::{Store, StoreError};
use wattle_spec::digest::Digest;

use super::references::noted;
use super::{begin, told};
use crate::small_disk;

#[test]
fn on_a_small_disk() {
    let Some(disk) = small_disk::here() else { return };
    let store = Store::open(disk.join("store")).unwrap();
    let small = store.put(b"small").unwrap();

    let large = vec![1; 2 << 20];
    let mut writer = begin(&store, &large);
    let error = large.chunks(64 << 10).find_map(|piece| writer.write(piece).err()).expect("it does not fit");
    let path = store.directory().join("partial").join(Digest::of(&large).hex());
    assert_eq!(error.to_string(), format!("there is no room for {}", path.display()));
    assert!(matches!(error, StoreError::NoSpace { .. }));
    assert!(error.hint().unwrap().contains("wattle cache prune"));
    assert!(!path.exists(), "its room is free again, also while the writer is still there");
    assert!(matches!(writer.write(b"x"), Err(StoreError::Broken { .. })));
    drop(writer);
    store.put(&vec![2; 500 << 10]).unwrap();

    // Not a byte is left, and not a name.
    store.note(&noted("a.io/b:c", small)).unwrap();
    let fill = fs::write(disk.join("fill"), vec![0; 1 << 20]).unwrap_err();
    assert_eq!(fill.kind(), std::io::ErrorKind::StorageFull);
    let error = store.note(&noted("a.io/b:c", Digest::of(b"other"))).unwrap_err();
    assert!(matches!(error, StoreError::NoSpace { .. }), "{}", told(&error));
    let error = store.put(b"one more").unwrap_err();
    assert!(matches!(error, StoreError::NoSpace { .. }), "{}", told(&error));

    // What was there is there, and room can be made.
    assert_eq!(store.noted(&"a.io/b:c".parse().unwrap()).unwrap().unwrap().digest, small);
    assert_eq!(store.read(&small, 100).unwrap().unwrap(), "small");
    let pruned = super::keeping::sweep(&store, Duration::ZERO);
    assert_eq!((pruned.blobs.len(), pruned.remains), (1, 0));
    store.put(b"one more").unwrap();
    assert!(store.verify().unwrap().damaged.is_empty());
    crate::say("the disk was full");
}

#[test]
fn full() {
    small_disk::run("store::faults::on_a_small_disk", "the disk was full");
}
