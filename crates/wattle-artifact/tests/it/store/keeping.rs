//! What stays and what goes.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use wattle_artifact::format::manifest::{Annotations, Descriptor, Index, Manifest};
use wattle_artifact::format::media_type;
use wattle_artifact::store::{Prune, Pruned, Store, children};
use wattle_spec::digest::Digest;

use super::references::noted;
use super::{Fixture, age, begin};

const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn sweep(store: &Store, grace: Duration) -> Pruned {
    prune(store, grace, None, &BTreeSet::new())
}

fn prune(store: &Store, grace: Duration, forget_after: Option<Duration>, keep: &BTreeSet<Digest>) -> Pruned {
    // A moment later than all that was just written.
    let now = SystemTime::now() + Duration::from_secs(1);
    store.prune(&Prune { keep, children: &children, grace, forget_after, now }).unwrap()
}

/// A manifest of these layers.
fn manifest(store: &Store, layers: &[&[u8]]) -> Digest {
    let layers = layers.iter().map(|layer| {
        store.put(layer).unwrap();
        Descriptor::of(media_type::WASM, layer)
    });
    let manifest = Manifest {
        artifact_type: None,
        config: Descriptor::of(media_type::EMPTY, b"{}"),
        layers: layers.collect(),
        subject: None,
        annotations: Annotations::new(),
    };
    store.put(b"{}").unwrap();
    store.put(&manifest.to_bytes()).unwrap()
}

/// An index of these manifests.
fn index(store: &Store, manifests: &[Digest]) -> Digest {
    let manifests = manifests.iter().map(|digest| {
        let bytes = store.read(digest, 1 << 20).unwrap().unwrap();
        Descriptor::of(media_type::MANIFEST, &bytes)
    });
    let index = Index { artifact_type: None, manifests: manifests.collect(), annotations: Annotations::new() };
    store.put(&index.to_bytes()).unwrap()
}

/// What stays for a while although nothing needs it is told.
#[test]
fn kept_for_the_grace() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    store.note(&noted("ghcr.io/shop/cart:1", manifest(store, &[b"needed"]))).unwrap();
    store.put(b"loose").unwrap();
    assert_eq!(sweep(store, HOUR), Pruned { recent_bytes: 5, ..Pruned::default() });
    let gone = Pruned { blobs: vec![Digest::of(b"loose")], bytes: 5, ..Pruned::default() };
    assert_eq!(sweep(store, Duration::ZERO), gone);
    assert_eq!(sweep(store, Duration::ZERO), Pruned::default());
}

/// All that an index leads to is told as its own, also what two of its manifests have in common.
#[test]
fn listed() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let (one, two) = (manifest(store, &[b"1", b"both"]), manifest(store, &[b"2", b"both"]));
    let root = index(store, &[one, two]);
    store.note(&noted("a.io/app:1", root)).unwrap();
    store.note(&noted("a.io/one:1", one)).unwrap();
    let loose = store.put(b"nobody's").unwrap();
    let blobs = store.list(&children).unwrap();
    assert_eq!(blobs.len(), 8);
    let by = |digest: Digest| {
        let blob = blobs.iter().find(|blob| blob.digest == digest).unwrap();
        let mut by: Vec<_> = blob.referenced_by.iter().map(ToString::to_string).collect();
        by.sort();
        (blob.size, by.join(" "))
    };
    assert_eq!(by(root).1, "a.io/app:1");
    assert_eq!(by(Digest::of(b"1")), (1, "a.io/app:1 a.io/one:1".into()));
    assert_eq!(by(Digest::of(b"2")), (1, "a.io/app:1".into()));
    assert_eq!(by(Digest::of(b"both")), (4, "a.io/app:1 a.io/one:1".into()));
    assert_eq!(by(loose), (8, String::new()));
}

/// What nothing leads to goes once it is old enough, and the rest stays.
#[test]
fn loose() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let one = manifest(store, &[b"1", b"both"]);
    let two = manifest(store, &[b"2", b"both"]);
    store.note(&noted("a.io/app:1", index(store, &[one]))).unwrap();
    let early = sweep(store, HOUR);
    assert!(early.recent_bytes > 100);
    let none = Pruned { recent_bytes: early.recent_bytes, ..Pruned::default() };
    assert_eq!(early, none, "all of it may be part of a pull");
    let pruned = prune(store, Duration::ZERO, None, &BTreeSet::from([two]));
    assert_eq!(pruned, Pruned::default(), "it is kept, with all that it leads to");
    let pruned = sweep(store, Duration::ZERO);
    let mut expected = [two, Digest::of(b"2")];
    expected.sort();
    assert_eq!(pruned.blobs, expected);
    assert!(pruned.bytes > 100);
    assert_eq!(store.list(&children).unwrap().len(), 5);
}

/// References that nobody asks for are forgotten if that is wished, and what only they led to goes.
#[test]
fn unused_references() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    for (reference, layer) in [("a.io/old:1", b"old"), ("a.io/new:1", b"new")] {
        store.note(&noted(reference, manifest(store, &[layer]))).unwrap();
    }
    for name in fixture.names("references") {
        age(&fixture.at("references").join(name), 10 * HOUR);
    }
    store.noted(&"a.io/new:1".parse().unwrap()).unwrap();
    assert_eq!(sweep(store, Duration::ZERO), Pruned::default());
    let pruned = prune(store, Duration::ZERO, Some(9 * HOUR), &BTreeSet::new());
    assert_eq!(pruned.references, ["a.io/old:1".parse().unwrap()]);
    assert_eq!(pruned.blobs.len(), 2);
    assert!(!store.contains(&Digest::of(b"old")).unwrap());
    assert!(store.contains(&Digest::of(b"new")).unwrap() && store.contains(&Digest::of(b"{}")).unwrap());
}

/// What was left half written goes once it is old enough, and what is being written stays.
#[test]
fn partials() {
    let fixture = Fixture::new();
    let mut writer = begin(&fixture.store, b"being written");
    writer.write(b"being").unwrap();
    let _own = begin(&fixture.store, b"being written");
    begin(&fixture.store, b"left").write(b"le").unwrap();
    fs::write(fixture.at("references/x.json.1-1.new"), "{").unwrap();
    assert_eq!(sweep(&fixture.store, HOUR), Pruned { recent_bytes: 3, ..Pruned::default() });
    let pruned = sweep(&fixture.store, Duration::ZERO);
    assert_eq!(pruned, Pruned { remains: 2, bytes: 3, ..Pruned::default() });
    writer.write(b" written").unwrap();
    writer.finish().unwrap();
    assert_eq!(begin(&fixture.store, b"left").have(), 0);
}

/// A pull finds an old blob that nothing leads to: from then on it is part of the pull.
#[test]
fn found_by_a_pull() {
    let fixture = Fixture::new();
    let digest = fixture.store.put(b"old").unwrap();
    age(&fixture.blob(&digest), 10 * HOUR);
    assert!(super::is_present(&fixture.store, b"old"));
    assert_eq!(sweep(&fixture.store, HOUR), Pruned { recent_bytes: 3, ..Pruned::default() });
    age(&fixture.blob(&digest), 10 * HOUR);
    assert_eq!(sweep(&fixture.store, HOUR).blobs, [digest]);
}

/// What a pull finds is there until its age is up, also when it was found in the moment that a sweep looks at it.
#[test]
fn found_while_sweeping() {
    let fixture = Fixture::new();
    let digest = fixture.store.put(b"old").unwrap();
    let path = fixture.blob(&digest);
    std::thread::scope(|scope| {
        let sweeping = scope.spawn(|| {
            for _ in 0..200 {
                sweep(&fixture.store, HOUR);
            }
        });
        while !sweeping.is_finished() {
            if super::is_present(&fixture.store, b"old") {
                assert!(path.exists(), "it was found, so it is kept");
                age(&path, 10 * HOUR);
            } else {
                fixture.store.put(b"old").unwrap();
            }
        }
    });
}

/// A manifest that is damaged leads nowhere, and hides nothing else.
#[test]
fn damaged_manifest() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let (one, two) = (manifest(store, &[b"1"]), manifest(store, &[b"2"]));
    store.note(&noted("a.io/one:1", one)).unwrap();
    store.note(&noted("a.io/two:1", two)).unwrap();
    fs::write(fixture.blob(&one), "{}").unwrap();
    assert_eq!(store.list(&children).unwrap().len(), 5, "listing removes nothing");
    assert_eq!(sweep(store, Duration::ZERO).blobs, [Digest::of(b"1")]);
    let verified = store.verify().unwrap();
    assert_eq!((verified.sound, verified.damaged.len()), (3, 1));
    assert_eq!((verified.damaged[0].digest, verified.damaged[0].found), (one, Digest::of(b"{}")));
    assert!(!store.contains(&one).unwrap());
}

/// What is not ours is told and left.
#[test]
fn strange() {
    let fixture = Fixture::new();
    fixture.store.put(b"1").unwrap();
    fs::write(fixture.at("blobs/sha256/readme"), "mine").unwrap();
    let verified = fixture.store.verify().unwrap();
    assert_eq!((verified.sound, verified.bytes), (1, 1));
    assert_eq!(verified.strange, [fixture.at("blobs/sha256/readme")]);
    sweep(&fixture.store, Duration::ZERO);
    assert_eq!(fixture.names("blobs/sha256"), ["readme"]);
}
