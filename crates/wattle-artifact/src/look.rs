//! Looking at an artifact in its registry: everything but its layers.

use wattle_spec::digest::Digest;
use wattle_spec::reference::Reference;

use crate::format::manifest::{Descriptor, Document, ManifestError};
use crate::format::media_type;
use crate::format::wasm_config::WasmConfig;
use crate::in_memory;
use crate::registry::{Registries, RegistryError};

/// The most bytes of a configuration that is looked at.
const CONFIG_MAX_LEN: u64 = 4 << 20;

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
    /// What is about it: signatures, SBOMs.
    pub referrers: Vec<Descriptor>,
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
    let config = match &document {
        Document::Manifest(manifest)
            if manifest.config.media_type == media_type::WASM_CONFIG && manifest.config.size <= CONFIG_MAX_LEN =>
        {
            let bytes = in_memory::read(registries, repository, &manifest.config).await.map_err(failed)?;
            let digest = manifest.config.digest;
            Some(serde_json::from_slice(&bytes).map_err(|source| LookError::Config { digest, source })?)
        }
        Document::Manifest(_) | Document::Index(_) => None,
    };
    let referrers = registries.referrers(repository, digest, None).await.map_err(failed)?;
    let size = found.bytes.len() as u64;
    Ok(Looked { reference: reference.pinned(digest), size, document, config, referrers })
}
