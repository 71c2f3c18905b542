//! A pull asks for no more than it needs, and what it leaves here is worth what is there.

use std::fs;

use wattle_artifact::fetch::{Artifacts, FetchError, Wanted};
use wattle_spec::manifest::Pull;
use wattle_spec::reference::Reference;
use wattle_testkit::{FakeRegistry, Reply};

use crate::registry_setup::repository;
use crate::shelf::{Machine, Shelf, packed, wasm};

const ANY: Wanted<'_> = Wanted { component: None, max: 4 << 20 };

/// A tag that nobody knows comes with its manifest; one that is noted is only asked for.
#[tokio::test]
async fn requests() {
    let bytes = wasm("cart");
    let packed = packed("cart", &bytes);
    let (manifest, layer) = (packed.manifest.clone(), bytes.clone());
    let field = format!("docker-content-digest: {}\r\n", packed.descriptor.digest);
    let registry = FakeRegistry::start(move |request, _| match request.head.split(['/', ' ']).next() {
        // The head of an answer has the length of what it does not bring.
        Some("HEAD") => {
            Reply::Whole(format!("HTTP/1.1 200 OK\r\n{field}content-length: {}\r\n\r\n", manifest.len()).into_bytes())
        }
        _ if request.head.contains("/manifests/") => Reply::new("200 OK", &field, &manifest),
        _ => Reply::new("200 OK", "", &layer),
    });
    let (machine, reference) = (Machine::new(), format!("{}/a/b:v1", registry.authority()));
    let reference: Reference = reference.parse().unwrap();
    for _ in 0..2 {
        let resolved = machine.artifacts.resolve(&reference, Pull::Always, None).await.unwrap();
        assert_eq!(machine.artifacts.component(&reference, resolved, ANY).await.unwrap().wasm, bytes);
    }
    let layer = packed.blobs[1].0.digest;
    let expected = ["GET /v2/a/b/manifests/v1", &format!("GET /v2/a/b/blobs/{layer}"), "HEAD /v2/a/b/manifests/v1"];
    assert_eq!(registry.requests(), expected);
    let store = machine.artifacts.store();
    assert_eq!(store.references().unwrap().notes.len(), 2);
    assert_eq!(store.verify().unwrap().sound, 2);
    let left = |directory: &str| fs::read_dir(store.directory().join(directory)).unwrap().count();
    assert_eq!((left("partial"), left("references")), (0, 2));
}

/// What was left of an earlier pull is part of what is given out.
#[tokio::test]
async fn resumed() {
    let bytes = wasm("cart");
    let packed = packed("cart", &bytes);
    let (manifest, layer) = (packed.manifest.clone(), bytes.clone());
    let registry = FakeRegistry::start(move |request, _| match request.head.contains("/manifests/") {
        true => Reply::new("200 OK", "", &manifest),
        false => {
            let range = format!("content-range: bytes 7-{}/{}\r\n", layer.len() - 1, layer.len());
            Reply::new("206 Part", &range, &layer[7..])
        }
    });
    let machine = Machine::new();
    let store = machine.artifacts.store();
    let layer = packed.blobs[1].0.digest;
    fs::write(store.directory().join("partial").join(layer.hex()), &bytes[..7]).unwrap();
    let reference = repository(&registry.authority(), "a/b").at(packed.descriptor.digest);
    let resolved = machine.artifacts.resolve(&reference, Pull::Missing, None).await.unwrap();
    assert_eq!(machine.artifacts.component(&reference, resolved, ANY).await.unwrap().wasm, bytes);
    assert_eq!(store.read(&layer, 1 << 20).unwrap().unwrap(), bytes);
}

/// A note that lasted where a blob did not leads to what is not here: told as that, and fetched where it may be.
#[tokio::test]
async fn noted_and_lost() {
    let (mut shelf, bytes) = (Shelf::default(), wasm("cart"));
    let packed = packed("cart", &bytes);
    shelf.add_packed(&packed);
    let (registry, machine) = (shelf.serve(), Machine::new());
    let reference = repository(&registry.authority(), "a/b").at(packed.descriptor.digest);
    let artifacts = &machine.artifacts;
    // Another process, which remembers nothing.
    let offline = Artifacts::new(artifacts.store().clone(), None);
    let resolved = artifacts.resolve(&reference, Pull::Missing, None).await.unwrap();
    artifacts.component(&reference, resolved, ANY).await.unwrap();
    for lost in [packed.descriptor.digest, packed.blobs[1].0.digest] {
        fs::remove_file(artifacts.store().directory().join("blobs/sha256").join(lost.hex())).unwrap();
        let error = offline.component(&reference, resolved, ANY).await.unwrap_err();
        assert!(matches!(error, FetchError::NotHere(_)), "{error}");
        assert_eq!(artifacts.component(&reference, resolved, ANY).await.unwrap().wasm, bytes);
        assert!(artifacts.store().contains(&lost).unwrap());
    }
}
