//! Attaching an SBOM to an artifact.

use bytes::Bytes;
use wattle_spec::reference::Repository;

use super::{Published, attach};
use crate::format::manifest::Descriptor;
use crate::format::sbom::{SbomFormError, kind, pack};
use crate::registry::{Registries, RegistryError};

/// A file that says what an artifact is made of.
#[derive(Debug, Clone)]
pub struct Sbom<'a> {
    /// The name of the file, for those who save it.
    pub title: &'a str,
    /// When it was made (RFC 3339).
    pub created: &'a str,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Sbom<'_> {
    /// Its media type, so that it is known before anything is sent whether it can be attached.
    ///
    /// # Errors
    ///
    /// If it is neither SPDX nor CycloneDX as JSON, or larger than any.
    pub fn kind(&self) -> Result<&'static str, SbomError> {
        kind(&self.bytes).map_err(|source| SbomError::Form { title: self.title.into(), source })
    }
}

/// Why an SBOM was not attached.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// It is none that is understood.
    #[error("{title} cannot be attached as an SBOM")]
    Form {
        /// The name of the file.
        title: String,
        /// Why.
        source: SbomFormError,
    },
    /// The registry does not take it.
    #[error("cannot push the SBOM {title}")]
    Registry {
        /// The name of the file.
        title: String,
        /// Why.
        source: RegistryError,
    },
}

impl SbomError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Form { source: SbomFormError::TooLong(_), .. } => None,
            Self::Form { .. } => Some("most tools write either with an option, as in `-o cyclonedx-json`".into()),
            Self::Registry { source, .. } => source.hint(),
        }
    }
}

/// Attaches `sbom` to the manifest `subject` in `repository`, so that it is found from there by its media type.
///
/// # Errors
///
/// If it is neither SPDX nor CycloneDX as JSON, or if the registry does not take it.
pub async fn sbom(
    registries: &Registries,
    repository: &Repository,
    subject: Descriptor,
    sbom: Sbom<'_>,
) -> Result<Published, SbomError> {
    let (title, digest) = (sbom.title.to_owned(), subject.digest);
    let packed = pack(sbom.bytes, sbom.title, sbom.created, subject);
    let packed = packed.map_err(|source| SbomError::Form { title: title.clone(), source })?;
    let attached = attach(registries, repository, digest, &packed).await;
    attached.map_err(|source| SbomError::Registry { title, source })
}
