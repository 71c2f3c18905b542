//! What is kept of signatures, and for how long.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use wattle_artifact::fetch::Wanted;
use wattle_artifact::sign::claims::Claims;
use wattle_artifact::store::{Prune, Pruned, Store, children};
use wattle_spec::digest::Digest;
use wattle_spec::manifest::Pull;
use wattle_spec::reference::Reference;

use super::{Fixture, SIGNATURES_MAX, believed, id, key};
use crate::registry_setup::repository;
use crate::sign::{at, ed25519, now, p256};

#[tokio::test]
async fn asked_once() {
    let Some(mut fixture) = Fixture::new().await else { return };
    let keys = key(&p256());
    let nothing = fixture.judged(&fixture.machine.artifacts, &keys).await;
    assert!(nothing.asked && nothing.verified.is_empty() && nothing.refused.is_empty());
    assert!(fixture.files("signatures").is_empty());
    let offline = fixture.judged(&fixture.machine.artifacts.offline(), &keys).await;
    assert!(!offline.asked && offline.verified.is_empty());

    fixture.sign(&p256(), &Claims::at(now())).await;
    let judged = fixture.judged(&fixture.machine.artifacts, &keys).await;
    assert!(judged.asked);
    assert_eq!(believed(&judged), [id(&p256())]);
    fixture.registry.kill();
    let again = fixture.judged(&fixture.machine.artifacts, &keys).await;
    assert!(!again.asked, "it is known here");
    assert_eq!(believed(&again), [id(&p256())]);
    assert_eq!(fixture.offline(&keys).await, [id(&p256())]);
    assert!(fixture.offline(&key(&ed25519())).await.is_empty(), "a key that nobody trusts any more");
}

/// What is kept is no reference that somebody pulled: no tag leads to it, and no list shows it.
#[tokio::test]
async fn under_no_tag() {
    let Some(fixture) = Fixture::new().await else { return };
    fixture.sign(&p256(), &Claims::default()).await;
    assert_eq!(fixture.online(&key(&p256())).await.len(), 1);
    let store = fixture.machine.artifacts.store();
    assert!(store.references().unwrap().notes.is_empty());
    let tag: Reference = format!("{}:sha256-{}", fixture.repository(), fixture.subject.digest.hex()).parse().unwrap();
    fixture.machine.artifacts.offline().resolve(&tag, Pull::Missing, None).await.unwrap_err();
}

/// Two rules about the same artifact: what was kept for the one stays when the other is met.
#[tokio::test]
async fn two_keys() {
    let Some(mut fixture) = Fixture::new().await else { return };
    fixture.sign(&p256(), &Claims::default()).await;
    fixture.sign(&ed25519(), &Claims::default()).await;
    assert_eq!(fixture.online(&key(&p256())).await, [id(&p256())]);
    assert_eq!(fixture.online(&key(&ed25519())).await, [id(&ed25519())]);
    fixture.registry.kill();
    for known in [p256(), ed25519()] {
        assert_eq!(fixture.offline(&key(&known)).await, [id(&known)]);
    }
}

#[tokio::test]
async fn of_old_cosign() {
    let Some(mut fixture) = Fixture::new().await else { return };
    fixture.sign_as_before(&p256()).await;
    assert_eq!(fixture.online(&key(&p256())).await, [id(&p256())]);
    fixture.registry.kill();
    assert_eq!(fixture.offline(&key(&p256())).await, [id(&p256())]);
}

#[tokio::test]
async fn expired_since() {
    let Some(fixture) = Fixture::new().await else { return };
    let claims = Claims { expires: Some(at("2026-03-02T00:00:00Z")), ..Claims::at(now()) };
    fixture.sign(&p256(), &claims).await;
    assert_eq!(fixture.online(&key(&p256())).await, [id(&p256())]);
    let (offline, keys) = (fixture.machine.artifacts.offline(), key(&p256()));
    let (subject, later) = (fixture.subject.digest, at("2026-03-02T00:00:01Z"));
    let mut judged = offline.signed(fixture.repository(), subject, &keys, later).await.unwrap();
    assert!(judged.verified.is_empty() && judged.failure().is_none());
    assert!(judged.refused[0].to_string().contains("expired"), "{}", judged.refused[0]);
}

/// What is kept stays for as long as the artifact does, and goes with it.
#[tokio::test]
async fn pruned() {
    let Some(fixture) = Fixture::new().await else { return };
    fixture.sign(&p256(), &Claims::default()).await;
    assert_eq!(fixture.online(&key(&p256())).await.len(), 1);
    let (artifacts, reference) = (&fixture.machine.artifacts, &fixture.reference);
    let resolved = artifacts.resolve(reference, Pull::Missing, None).await.unwrap();
    artifacts.component(reference, resolved, Wanted { component: None, max: 1 << 20 }).await.unwrap();
    assert_eq!(prune(artifacts.store()), Pruned::default());
    assert_eq!(fixture.offline(&key(&p256())).await, [id(&p256())]);
    let listed = artifacts.store().list(&children).unwrap();
    assert!(listed.iter().all(|blob| !blob.referenced_by.is_empty()), "{listed:?}");
    for noted in artifacts.store().references().unwrap().notes {
        artifacts.store().forget(&noted.noted.reference).unwrap();
    }
    let pruned = prune(artifacts.store());
    assert_eq!((pruned.blobs.len(), pruned.remains), (listed.len(), 1));
    assert!(fixture.files("signatures").is_empty() && fixture.files("blobs/sha256").is_empty());
    assert!(fixture.offline(&key(&p256())).await.is_empty());
}

fn prune(store: &Store) -> Pruned {
    let later = SystemTime::now() + Duration::from_secs(3600);
    let (keep, grace) = (BTreeSet::new(), Duration::from_secs(60));
    store.prune(&Prune { keep: &keep, children: &children, grace, forget_after: None, now: later }).unwrap()
}

/// Many who add to the same note at once: nobody's is lost, and the oldest go when there are too many.
#[test]
fn at_once() {
    let directory = tempfile::TempDir::new().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    let (repository, subject) = (repository("a.io", "b"), Digest::of(b"it"));
    let digests: Vec<_> = (0..SIGNATURES_MAX).map(|number| Digest::of(number.to_string().as_bytes())).collect();
    std::thread::scope(|scope| {
        for part in digests.chunks(8) {
            let (store, repository) = (store.clone(), &repository);
            scope.spawn(move || {
                for digest in part {
                    store.add_signatures(repository, subject, &[*digest]).unwrap();
                }
            });
        }
    });
    let noted = store.signatures(&repository, subject).unwrap();
    assert_eq!(noted.iter().collect::<BTreeSet<_>>(), digests.iter().collect());
    let latest = Digest::of(b"latest");
    store.add_signatures(&repository, subject, &[latest, noted[3]]).unwrap();
    let after = store.signatures(&repository, subject).unwrap();
    assert_eq!((after.len(), after[0], after[1]), (SIGNATURES_MAX, latest, noted[3]));
    assert!(!after.contains(noted.last().unwrap()));
    assert_eq!(fs::read_dir(store.directory().join("signatures")).unwrap().count(), 2, "the note and the lock");
}
