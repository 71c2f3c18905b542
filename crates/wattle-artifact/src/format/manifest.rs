//! Manifests, indexes and descriptors of the OCI image specification 1.1.
//!
//! Written with sorted keys and without blanks, so that the same artifact has the same digest each time; read
//! leniently: what is not known is left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wattle_spec::digest::Digest;

use super::media_type;

/// The most bytes that a manifest may have: what registries are asked to take at least.
pub const MANIFEST_MAX_LEN: usize = 4 << 20;

/// Annotations: texts by name.
pub type Annotations = BTreeMap<String, String>;

/// What a manifest or an index says of a blob or of another manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What its bytes are.
    pub media_type: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many bytes they are.
    pub size: u64,
    /// What is said of it.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
    /// In an index: the `artifactType` of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// In an index: what it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// As in `wasm` or `amd64`.
    pub architecture: String,
    /// As in `wasi`, `wasip1` or `linux`.
    pub os: String,
}

/// A manifest: one artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// What kind of artifact, where its configuration does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Its configuration.
    pub config: Descriptor,
    /// Its contents, the first one first.
    #[serde(default, deserialize_with = "null_is_default")]
    pub layers: Vec<Descriptor>,
    /// The manifest that it is about, if it is about one: a signature, an SBOM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// What is said of it.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

/// A list of manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// What kind of artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifests.
    #[serde(default, deserialize_with = "null_is_default")]
    pub manifests: Vec<Descriptor>,
    /// What is said of it.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

/// What a reference leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "it is read and taken apart at once")]
pub enum Document {
    /// One artifact.
    Manifest(Manifest),
    /// A list of them.
    Index(Index),
}

/// Why bytes are no manifest that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It has more than [`MANIFEST_MAX_LEN`] bytes.
    #[error("a manifest has at most {MANIFEST_MAX_LEN} bytes")]
    TooLong,
    /// It is no JSON of the right shape.
    #[error("it is no manifest")]
    Json(#[source] serde_json::Error),
    /// It is of a version that nobody uses any more, or not yet.
    #[error("its schemaVersion is {0}, and only 2 is known")]
    Schema(i64),
    /// It is of another kind.
    #[error("its media type {0:?} is neither that of a manifest nor that of an index")]
    MediaType(String),
}

impl Descriptor {
    /// What describes `bytes`.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.into(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            annotations: Annotations::new(),
            artifact_type: None,
            platform: None,
        }
    }
}

impl Manifest {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical(self, media_type::MANIFEST)
    }
}

impl Index {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical(self, media_type::INDEX)
    }
}

impl Document {
    /// Reads `bytes`, which were told to be of `media_type`, if somebody told.
    ///
    /// What the bytes say of their kind goes before what was told; where neither says it, the one that lists manifests
    /// is an index.
    ///
    /// # Errors
    ///
    /// If they are neither.
    pub fn read(bytes: &[u8], media_type: Option<&str>) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            schema_version: i64,
            media_type: Option<String>,
            manifests: Option<serde::de::IgnoredAny>,
        }
        if bytes.len() > MANIFEST_MAX_LEN {
            return Err(ManifestError::TooLong);
        }
        let head: Head = serde_json::from_slice(bytes).map_err(ManifestError::Json)?;
        if head.schema_version != 2 {
            return Err(ManifestError::Schema(head.schema_version));
        }
        match head.media_type.as_deref().or(media_type) {
            Some(media_type::MANIFEST | media_type::DOCKER_MANIFEST) => Self::manifest(bytes),
            Some(media_type::INDEX | media_type::DOCKER_LIST) => Self::index(bytes),
            Some(other) => Err(ManifestError::MediaType(other.into())),
            None if head.manifests.is_some() => Self::index(bytes),
            None => Self::manifest(bytes),
        }
    }

    fn manifest(bytes: &[u8]) -> Result<Self, ManifestError> {
        serde_json::from_slice(bytes).map(Self::Manifest).map_err(ManifestError::Json)
    }

    fn index(bytes: &[u8]) -> Result<Self, ManifestError> {
        serde_json::from_slice(bytes).map(Self::Index).map_err(ManifestError::Json)
    }
}

/// Sorted keys: a JSON object of `serde_json` is a sorted map.
fn canonical(document: &impl Serialize, media_type: &str) -> Vec<u8> {
    let mut value = serde_json::to_value(document).expect("invariant: maps with text keys are JSON");
    value["schemaVersion"] = 2.into();
    value["mediaType"] = media_type.into();
    value.to_string().into_bytes()
}

fn null_is_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
