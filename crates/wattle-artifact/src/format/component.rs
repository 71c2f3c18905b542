//! A component as an artifact: the same bytes make the same manifest, each time and everywhere.

use bytes::Bytes;
use wattle_spec::digest::Digest;
use wattle_spec::shape::Shape;

use super::manifest::{Annotations, Descriptor, Manifest};
use super::wasm_config::WasmConfig;
use super::{annotation, media_type};

/// What is told of a component beside what its bytes tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The name of its file, for those who save it.
    pub title: String,
    /// When it was made (RFC 3339).
    pub created: String,
    /// The world that it was made for.
    pub target: Option<String>,
    /// More annotations; they go before what the bytes say.
    pub annotations: Annotations,
}

/// An artifact in full: what is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The bytes of its manifest.
    pub manifest: Bytes,
    /// What the manifest is called by.
    pub descriptor: Descriptor,
    /// What the manifest names, the configuration first.
    pub blobs: Vec<(Descriptor, Bytes)>,
}

impl Packed {
    /// An artifact of these parts.
    pub fn new(manifest: &Manifest, blobs: Vec<(Descriptor, Bytes)>) -> Self {
        let bytes = Bytes::from(manifest.to_bytes());
        Self { descriptor: Descriptor::of(media_type::MANIFEST, &bytes), manifest: bytes, blobs }
    }
}

/// Makes the artifact of `bytes`, which are of this `shape`.
pub fn pack(bytes: Bytes, shape: &Shape, about: &About) -> Packed {
    let config = WasmConfig::of(Digest::of(&bytes), shape, &about.created, about.target.as_deref());
    let config = Bytes::from(config.to_bytes());
    let mut layer = Descriptor::of(media_type::WASM, &bytes);
    layer.annotations.insert(annotation::TITLE.into(), about.title.clone());
    let mut annotations = annotation::of_wasm(&bytes);
    annotations.insert(annotation::CREATED.into(), about.created.clone());
    annotations.extend(about.annotations.clone());
    let manifest = Manifest {
        artifact_type: None,
        config: Descriptor::of(media_type::WASM_CONFIG, &config),
        layers: vec![layer.clone()],
        subject: None,
        annotations,
    };
    Packed::new(&manifest, vec![(manifest.config.clone(), config), (layer, bytes)])
}
