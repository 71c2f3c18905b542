//! Notes and bundles that somebody damaged, and registries that are full of garbage or answer nothing.

use std::fs;

use bytes::Bytes;
use serde_json::json;
use wattle_artifact::format::manifest::{Annotations, Descriptor, Index, Manifest};
use wattle_artifact::format::media_type;
use wattle_artifact::registry::RegistryError;
use wattle_artifact::sign::bundle;
use wattle_artifact::sign::claims::Claims;
use wattle_artifact::store::StoreError;
use wattle_spec::digest::Digest;
use wattle_testkit::{FakeRegistry, Reply};

use super::{Fixture, attach_garbage, believed, id, key};
use crate::registry_setup::{repository, told};
use crate::shelf::Machine;
use crate::sign::{now, p256};

/// A note that says nothing, or something else than its name: the registry is asked again, and it is put right.
#[tokio::test]
async fn a_damaged_note() {
    let Some(fixture) = Fixture::new().await else { return };
    fixture.sign(&p256(), &Claims::default()).await;
    assert_eq!(fixture.online(&key(&p256())).await.len(), 1);
    let (note, store) = (fixture.note(), fixture.machine.artifacts.store());
    let sound = fs::read(&note).unwrap();
    let (subject, other) = (fixture.repository().at(fixture.subject.digest), fixture.repository().at(Digest::of(b"x")));
    let say = |artifact: String, manifests| json!({ "artifact": artifact, "manifests": manifests }).to_string();
    for (damaged, wrong) in [
        ("{".to_owned(), "it is no note of ours"),
        ("x".repeat(20 << 10), "it is too long"),
        (say(other.to_string(), json!([])), "whose file has another name"),
        (say(format!("{}:1", fixture.repository()), json!([])), "its artifact has no digest"),
        (say(subject.to_string(), json!(["x"])), "its digest is none"),
    ] {
        fs::write(&note, &damaged).unwrap();
        assert!(fixture.offline(&key(&p256())).await.is_empty(), "{wrong}");
        let error = store.signatures(fixture.repository(), fixture.subject.digest).unwrap_err();
        assert!(matches!(error, StoreError::SignaturesNote { .. }) && error.hint().is_some());
        assert!(told(&error).contains(wrong), "{}", told(&error));
        assert_eq!(fixture.online(&key(&p256())).await, [id(&p256())], "{wrong}");
        assert_eq!(fs::read(&note).unwrap(), sound);
    }
    fs::write(&note, "{").unwrap();
    assert_eq!(store.verify().unwrap().notes.len(), 1);
    assert!(fixture.files("signatures").is_empty());
}

/// A note that names what was never a signature of this artifact makes nobody believe it.
#[tokio::test]
async fn a_note_of_something_else() {
    let Some(fixture) = Fixture::new().await else { return };
    fixture.sign(&p256(), &Claims::default()).await;
    assert_eq!(fixture.online(&key(&p256())).await.len(), 1);
    let (store, other) = (fixture.machine.artifacts.store(), Digest::of(b"another"));
    let kept = store.signatures(fixture.repository(), fixture.subject.digest).unwrap();
    store.add_signatures(fixture.repository(), other, &kept).unwrap();
    let offline = fixture.machine.artifacts.offline();
    let judged = offline.signed(fixture.repository(), other, &key(&p256()), now()).await.unwrap();
    assert!(judged.verified.is_empty());
    assert_eq!(judged.refused.len(), 1);
}

/// A blob with other bytes is removed; offline it is missing, and online it comes again.
#[tokio::test]
async fn a_damaged_bundle() {
    let Some(mut fixture) = Fixture::new().await else { return };
    fixture.sign(&p256(), &Claims::default()).await;
    assert_eq!(fixture.online(&key(&p256())).await.len(), 1);
    for blob in fixture.files("blobs/sha256") {
        let sound = fs::read(&blob).unwrap();
        fs::write(&blob, sound.to_ascii_uppercase()).unwrap();
        assert!(fixture.offline(&key(&p256())).await.is_empty());
        assert_eq!(fixture.online(&key(&p256())).await, [id(&p256())]);
        assert_eq!(fs::read(&blob).unwrap(), sound);
    }
    fixture.registry.kill();
    assert_eq!(fixture.offline(&key(&p256())).await, [id(&p256())]);
}

/// Whoever may push can add whatever they like: it is bounded, and hides nothing that is kept.
#[tokio::test]
async fn garbage() {
    let Some(fixture) = Fixture::new().await else { return };
    fixture.sign_as_before(&p256()).await;
    for number in 0..260 {
        attach_garbage(&fixture, number).await;
    }
    let mut judged = fixture.judged(&fixture.machine.artifacts, &key(&p256())).await;
    assert_eq!(believed(&judged), [id(&p256())]);
    assert_eq!(judged.refused.len(), 256);
    assert!(judged.failure().is_none());
    assert_eq!(fixture.files("blobs/sha256").len(), 2, "garbage is not kept");
}

/// A registry that lists a signature and does not give its bytes, as often as it is asked: nobody can say that there is
/// none.
#[tokio::test]
async fn a_registry_that_fails() {
    let subject = Digest::of(b"it");
    let layer = Descriptor::of(bundle::MEDIA_TYPE, b"a bundle");
    let manifest = Manifest {
        artifact_type: Some(bundle::MEDIA_TYPE.into()),
        config: Descriptor::of(media_type::EMPTY, b"{}"),
        layers: vec![layer.clone()],
        subject: None,
        annotations: Annotations::new(),
    };
    let manifest = Bytes::from(manifest.to_bytes());
    let descriptor = Descriptor::of(media_type::MANIFEST, &manifest);
    let list = Index { artifact_type: None, manifests: vec![descriptor.clone()], annotations: Annotations::new() };
    let (list, listed) = (list.to_bytes(), descriptor.digest.to_string());
    for (status, is_failure) in [("503 Service Unavailable", true), ("404 Not Found", false)] {
        let (list, listed, manifest) = (list.clone(), listed.clone(), manifest.clone());
        let registry = FakeRegistry::start(move |request, _| {
            let path = request.head.split(' ').nth(1).unwrap_or_default();
            match path {
                path if path.contains("/referrers/") => {
                    Reply::new("200 OK", &format!("content-type: {}\r\n", media_type::INDEX), &list)
                }
                path if path.ends_with(&listed) => Reply::new("200 OK", "", &manifest),
                path if path.contains("/blobs/") => Reply::new(status, "", ""),
                _ => Reply::new("404 Not Found", "", ""),
            }
        });
        let (machine, repository) = (Machine::new(), repository(&registry.authority(), "a/b"));
        let mut judged = machine.artifacts.signed(&repository, subject, &key(&p256()), now()).await.unwrap();
        assert!(judged.asked && judged.verified.is_empty());
        assert_eq!(judged.unread.len(), 1);
        match judged.failure() {
            Some(error) => assert!(is_failure && matches!(error, RegistryError::Server { status: 503, .. }), "{error}"),
            None => assert!(!is_failure),
        }
        assert_eq!(judged.unread.len(), usize::from(!is_failure));
    }
}
