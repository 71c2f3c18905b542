//! Pulling in each other's way, and onto a disk that is full.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use wattle_artifact::fetch::{Artifacts, FetchError, Wanted};
use wattle_artifact::progress::Progress;
use wattle_artifact::store::{Store, StoreError};
use wattle_testkit::{FakeRegistry, Reply};

use crate::registry_setup::{noise, repository, settings, told};
use crate::shelf::{Machine, Shelf, packed, written};
use crate::small_disk;

const ANY: Wanted<'_> = Wanted { component: None, max: 4 << 20 };

/// A component of two megabytes that nothing makes smaller.
fn large() -> Bytes {
    let text: String = noise(2 << 20).into_iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    crate::shelf::wasm(&text)
}

/// Two that pull the same thing into one store: it comes once.
#[tokio::test]
async fn two_at_once() {
    let (mut shelf, bytes) = (Shelf::default(), large());
    let packed = packed("cart", &bytes);
    shelf.add_packed(&packed);
    let (registry, machine) = (shelf.serve(), Machine::new());
    let reference = repository(&registry.authority(), "a/b").at(packed.descriptor.digest);
    let other = Artifacts::new(Store::open(machine.artifacts.store().directory()).unwrap(), Some(settings()));
    let resolved = written(packed.descriptor.digest);
    let (one, two) = tokio::join!(
        machine.artifacts.component(&reference, resolved, ANY),
        other.component(&reference, resolved, ANY)
    );
    assert!(one.unwrap().wasm == bytes && two.unwrap().wasm == bytes);
    let layer = packed.blobs[1].0.digest.to_string();
    let fetched = registry.requests().iter().filter(|request| request.ends_with(&layer)).count();
    assert_eq!(fetched, 1, "{:?}", registry.requests());
    assert_eq!(fs::read_dir(machine.artifacts.store().directory().join("partial")).unwrap().count(), 0);
}

/// What was cut and comes again is not counted twice.
#[tokio::test]
async fn progress() {
    let bytes = large();
    let packed = packed("cart", &bytes);
    let (manifest, was_cut) = (packed.manifest.clone(), Arc::new(AtomicBool::new(false)));
    let layer = bytes.clone();
    let registry = FakeRegistry::start(move |request, _| match request.head.contains("/manifests/") {
        true => Reply::new("200 OK", "", &manifest),
        false if was_cut.swap(true, Ordering::Relaxed) => Reply::new("200 OK", "", &layer),
        false => Reply::lying("200 OK", "", layer.len(), &layer[..1 << 20]),
    });
    let (machine, progress) = (Machine::new(), Progress::default());
    let reference = repository(&registry.authority(), "a/b").at(packed.descriptor.digest);
    let artifacts = machine.artifacts.observed(progress.clone());
    artifacts.component(&reference, written(packed.descriptor.digest), ANY).await.unwrap();
    let len = bytes.len() as u64;
    assert_eq!((progress.now().done, progress.now().of), (len, len));
    assert_eq!(registry.requests().len(), 3);
}

#[tokio::test]
async fn on_a_small_disk() {
    let Some(disk) = small_disk::here() else { return };
    let store = Store::open(disk.join("store")).unwrap();
    let (mut shelf, bytes) = (Shelf::default(), large());
    let (large, small) = (packed("cart", &bytes), packed("small", &crate::shelf::wasm("small")));
    shelf.add_packed(&large);
    shelf.add_packed(&small);
    let registry = shelf.serve();
    let artifacts = Artifacts::new(store.clone(), Some(settings()));
    let repository = repository(&registry.authority(), "a/b");
    let pull = async |packed: &wattle_artifact::format::component::Packed| {
        let digest = packed.descriptor.digest;
        artifacts.component(&repository.at(digest), written(digest), ANY).await
    };
    let error = pull(&large).await.unwrap_err();
    assert!(matches!(error, FetchError::Store(StoreError::NoSpace { .. })), "{}", told(&error));
    assert!(told(&error).starts_with("cannot use the store of artifacts: there is no room for "), "{}", told(&error));
    assert!(error.hint().unwrap().contains("wattle cache prune"));
    assert_eq!(fs::read_dir(disk.join("store/partial")).unwrap().count(), 0);
    assert_eq!(store.references().unwrap().notes.len(), 0);
    assert!(store.verify().unwrap().damaged.is_empty());
    // There is room for something smaller.
    assert_eq!(pull(&small).await.unwrap().wasm, crate::shelf::wasm("small"));
    crate::say("the pull was refused");
}

#[test]
fn full() {
    small_disk::run("fetch::faults::on_a_small_disk", "the pull was refused");
}
