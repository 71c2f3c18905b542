//! Who signed an artifact: asked of its registry once, and known without it from then on.

mod bad;
mod kept;

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wattle_artifact::fetch::Artifacts;
use wattle_artifact::format::component::Packed;
use wattle_artifact::format::manifest::{Annotations, Descriptor, Manifest};
use wattle_artifact::format::media_type;
use wattle_artifact::publish::{self, publish};
use wattle_artifact::sign::claims::Claims;
use wattle_artifact::sign::key::{PrivateKey, PublicKey};
use wattle_artifact::sign::simple;
use wattle_artifact::signatures::{Judged, sign};
use wattle_artifact::store::SIGNATURES_MAX;
use wattle_spec::digest::Digest;
use wattle_spec::reference::{Reference, Repository};
use wattle_testkit::Registry;

use crate::registry_setup::client;
use crate::shelf::{Machine, packed, wasm};
use crate::sign::now;

/// An artifact in a real registry, and a machine that may ask for its signatures.
struct Fixture {
    registry: Registry,
    machine: Machine,
    reference: Reference,
    subject: Descriptor,
}

impl Fixture {
    /// `None` where there is no registry.
    async fn new() -> Option<Self> {
        let registry = Registry::start()?;
        let reference: Reference = format!("{}/shop/cart:1", registry.authority()).parse().unwrap();
        let cart = packed("cart", &wasm("cart"));
        publish(&client(|_| {}), &reference, &cart).await.unwrap();
        Some(Self { registry, machine: Machine::new(), reference, subject: cart.descriptor })
    }

    fn repository(&self) -> &Repository {
        &self.reference.repository
    }

    async fn sign(&self, key: &PrivateKey, claims: &Claims) {
        sign(&client(|_| {}), self.repository(), self.subject.clone(), claims, key).await.unwrap();
    }

    /// Signs as cosign did before version 3: under a tag, the signature in an annotation.
    async fn sign_as_before(&self, key: &PrivateKey) {
        let payload = json!({
            "critical": {
                "identity": { "docker-reference": "" },
                "image": { "docker-manifest-digest": self.subject.digest.to_string() },
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        let payload = payload.to_string().into_bytes();
        let mut layer = Descriptor::of(simple::MEDIA_TYPE, &payload);
        let signature = STANDARD.encode(key.sign(&payload).unwrap());
        layer.annotations.insert(simple::SIGNATURE_ANNOTATION.into(), signature);
        let config = Descriptor::of(media_type::IMAGE_CONFIG, b"{}");
        let manifest = Manifest {
            artifact_type: None,
            config: config.clone(),
            layers: vec![layer.clone()],
            subject: None,
            annotations: Annotations::new(),
        };
        let packed = Packed::new(&manifest, vec![(config, b"{}".as_slice().into()), (layer, payload.into())]);
        let place = format!("{}:sha256-{}.sig", self.repository(), self.subject.digest.hex());
        publish(&client(|_| {}), &place.parse().unwrap(), &packed).await.unwrap();
    }

    async fn judged(&self, artifacts: &Artifacts, keys: &[PublicKey]) -> Judged {
        artifacts.signed(self.repository(), self.subject.digest, keys, now()).await.unwrap()
    }

    /// What is known of it here, by the ids of the keys that are believed.
    async fn offline(&self, keys: &[PublicKey]) -> Vec<String> {
        believed(&self.judged(&self.machine.artifacts.offline(), keys).await)
    }

    /// The same, if the registry may be asked.
    async fn online(&self, keys: &[PublicKey]) -> Vec<String> {
        believed(&self.judged(&self.machine.artifacts, keys).await)
    }

    /// The files in a directory of the store, but for locks.
    fn files(&self, directory: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.machine.artifacts.store().directory().join(directory)).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("lock")).collect()
    }

    /// The only note of signatures.
    fn note(&self) -> PathBuf {
        let [note] = self.files("signatures").try_into().unwrap();
        note
    }
}

fn believed(judged: &Judged) -> Vec<String> {
    judged.keys().into_keys().collect()
}

fn key(key: &PrivateKey) -> [PublicKey; 1] {
    [key.public().clone()]
}

fn id(key: &PrivateKey) -> String {
    key.public().id().to_string()
}

/// Attaches something that is no signature, and says that it is one.
async fn attach_garbage(fixture: &Fixture, number: usize) -> Digest {
    let bytes = format!("garbage {number}").into_bytes();
    let kind = wattle_artifact::sign::bundle::MEDIA_TYPE;
    let (layer, config) = (Descriptor::of(kind, &bytes), Descriptor::of(media_type::EMPTY, b"{}"));
    let manifest = Manifest {
        artifact_type: Some(kind.into()),
        config: config.clone(),
        layers: vec![layer.clone()],
        subject: Some(fixture.subject.clone()),
        annotations: Annotations::new(),
    };
    let packed = Packed::new(&manifest, vec![(config, b"{}".as_slice().into()), (layer, bytes.into())]);
    let (registries, subject) = (client(|_| {}), fixture.subject.digest);
    publish::attach(&registries, fixture.repository(), subject, &packed).await.unwrap();
    packed.descriptor.digest
}
