//! Looking at an artifact in its registry: everything but its layers.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use wattle_spec::digest::Digest;
use wattle_spec::reference::Reference;

use crate::format::app::COMPONENT;
use crate::format::manifest::{Descriptor, Document, Index, Manifest, ManifestError};
use crate::format::media_type;
use crate::format::wasm_config::WasmConfig;
use crate::in_memory;
use crate::registry::{Registries, RegistryError};
use crate::sign::bundle;

/// The most bytes of a configuration that is looked at.
const CONFIG_MAX_LEN: u64 = 4 << 20;

/// The most components or signatures that are looked at.
const LOOKED_AT_MAX: usize = 100;
/// How many of them at a time.
const AT_A_TIME: usize = 4;

/// What a registry tells of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// What was asked for, with the digest that it led to.
    pub reference: Reference,
    /// How many bytes its manifest has.
    pub size: u64,
    /// Its manifest, or the list of those that it is.
    pub document: Document,
    /// The configuration of a Wasm artifact.
    pub config: Option<WasmConfig>,
    /// The configurations of the components of an app, by their names.
    pub components: BTreeMap<String, WasmConfig>,
    /// What is about it: signatures, SBOMs.
    pub referrers: Vec<Descriptor>,
    /// What signatures say of the key that they are of, by the digests of their manifests. Nobody has checked it.
    pub keys: BTreeMap<Digest, String>,
}

/// Why an artifact cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The registry does not tell.
    #[error("cannot look at {reference}")]
    Registry {
        /// Which one.
        reference: Reference,
        /// Why.
        source: RegistryError,
    },
    /// Its manifest is none.
    #[error("the manifest {digest} cannot be used")]
    Manifest {
        /// Its digest.
        digest: Digest,
        /// Why.
        source: ManifestError,
    },
    /// Its configuration is none.
    #[error("the configuration {digest} cannot be read")]
    Config {
        /// Its digest.
        digest: Digest,
        /// Why.
        source: serde_json::Error,
    },
}

impl LookError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Registry { source, .. } => source.hint(),
            Self::Manifest { .. } | Self::Config { .. } => None,
        }
    }
}

/// Looks at what `reference` leads to.
///
/// # Errors
///
/// If the registry does not tell, or if it is no artifact.
pub async fn look(registries: &Registries, reference: &Reference) -> Result<Looked, LookError> {
    let failed = |source| LookError::Registry { reference: reference.clone(), source };
    let repository = &reference.repository;
    let found = registries.manifest(repository, &reference.which).await.map_err(failed)?;
    let digest = found.digest;
    let document = Document::read(&found.bytes, found.media_type.as_deref());
    let document = document.map_err(|source| LookError::Manifest { digest, source })?;
    let looking = Looking { registries, reference };
    let (config, components) = match &document {
        Document::Manifest(manifest) => (looking.config(manifest).await?, BTreeMap::new()),
        Document::Index(index) => (None, looking.components(index).await?),
    };
    let referrers = registries.referrers(repository, digest, None).await.map_err(failed)?;
    let keys = looking.keys(&referrers).await;
    let size = found.bytes.len() as u64;
    Ok(Looked { reference: reference.pinned(digest), size, document, config, components, referrers, keys })
}

/// Who is asked, and what for.
struct Looking<'a> {
    registries: &'a Registries,
    reference: &'a Reference,
}

impl Looking<'_> {
    fn failed(&self, source: RegistryError) -> LookError {
        LookError::Registry { reference: self.reference.clone(), source }
    }

    async fn manifest(&self, digest: Digest) -> Result<Document, LookError> {
        let which = self.reference.repository.at(digest).which;
        let found = self.registries.manifest(&self.reference.repository, &which).await;
        let found = found.map_err(|source| self.failed(source))?;
        let document = Document::read(&found.bytes, found.media_type.as_deref());
        document.map_err(|source| LookError::Manifest { digest, source })
    }

    /// The configuration of a Wasm artifact.
    async fn config(&self, manifest: &Manifest) -> Result<Option<WasmConfig>, LookError> {
        let Descriptor { media_type, digest, size, .. } = &manifest.config;
        if media_type != media_type::WASM_CONFIG || *size > CONFIG_MAX_LEN {
            return Ok(None);
        }
        let bytes = in_memory::read(self.registries, &self.reference.repository, &manifest.config).await;
        let bytes = bytes.map_err(|source| self.failed(source))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|source| LookError::Config { digest: *digest, source })
    }

    /// The configurations of the components that an app lists.
    async fn components(&self, index: &Index) -> Result<BTreeMap<String, WasmConfig>, LookError> {
        let named =
            index.manifests.iter().filter_map(|listed| Some((listed.annotations.get(COMPONENT)?, listed.digest)));
        let one = async |(name, digest): (&String, Digest)| match self.manifest(digest).await? {
            Document::Manifest(manifest) => Ok(self.config(&manifest).await?.map(|config| (name.clone(), config))),
            Document::Index(_) => Ok::<_, LookError>(None),
        };
        let found = stream::iter(named.take(LOOKED_AT_MAX)).map(one).buffer_unordered(AT_A_TIME);
        found.try_filter_map(async |found| Ok(found)).try_collect().await
    }

    /// Which keys signatures say that they are of. What cannot be read says nothing.
    async fn keys(&self, referrers: &[Descriptor]) -> BTreeMap<Digest, String> {
        let bundles = referrers.iter().filter(|listed| listed.artifact_type.as_deref() == Some(bundle::MEDIA_TYPE));
        let one = async |digest: Digest| {
            let Ok(Document::Manifest(manifest)) = self.manifest(digest).await else { return None };
            let layer = manifest.layers.iter().find(|layer| layer.media_type == bundle::MEDIA_TYPE)?;
            if layer.size > bundle::SIGNATURE_MAX_LEN as u64 {
                return None;
            }
            let bytes = in_memory::read(self.registries, &self.reference.repository, layer).await.ok()?;
            Some((digest, bundle::hint(&bytes)?))
        };
        let digests = bundles.map(|listed| listed.digest).take(LOOKED_AT_MAX);
        let found = stream::iter(digests).map(one).buffer_unordered(AT_A_TIME);
        found.filter_map(async |found| found).collect().await
    }
}
