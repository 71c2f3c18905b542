//! Sending an artifact to a registry: what it has is not sent again.

use wattle_spec::digest::Digest;
use wattle_spec::reference::{Reference, Repository};

use crate::format::component::Packed;
use crate::registry::{Registries, RegistryError};

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The digest of the manifest.
    pub digest: Digest,
    /// How many bytes of blobs were sent.
    pub sent: u64,
    /// How many bytes of blobs the registry had.
    pub present: u64,
    /// Whether the registry lists it at what it is about.
    pub listed: bool,
}

/// Lets `reference` lead to what was sent.
///
/// # Errors
///
/// If the registry does not take it.
pub async fn tag(registries: &Registries, reference: &Reference, packed: &Packed) -> Result<(), RegistryError> {
    let kind = &packed.descriptor.media_type;
    registries.put_manifest(&reference.repository, &reference.which, kind, packed.manifest.clone()).await.map(drop)
}

/// Sends `packed` to where `reference` says: its blobs, then its manifest, so that nobody sees it before it is whole.
///
/// # Errors
///
/// If the registry does not take it.
pub async fn publish(
    registries: &Registries,
    reference: &Reference,
    packed: &Packed,
) -> Result<Published, RegistryError> {
    let repository = &reference.repository;
    let (mut sent, mut present) = (0, 0);
    for (blob, bytes) in &packed.blobs {
        if registries.has_blob(repository, blob.digest).await? {
            present += blob.size;
            continue;
        }
        registries.upload(repository, blob, &bytes.clone().into(), None).await?;
        sent += blob.size;
    }
    let kind = &packed.descriptor.media_type;
    let put = registries.put_manifest(repository, &reference.which, kind, packed.manifest.clone()).await?;
    Ok(Published { digest: put.digest, sent, present, listed: put.subject_acknowledged })
}

/// Sends `packed`, which is about the manifest `subject` of `repository`, so that it is found from there.
///
/// # Errors
///
/// If the registry does not take it.
pub async fn attach(
    registries: &Registries,
    repository: &Repository,
    subject: Digest,
    packed: &Packed,
) -> Result<Published, RegistryError> {
    let published = publish(registries, &repository.at(packed.descriptor.digest), packed).await?;
    if !published.listed {
        // A registry without lists of referrers has one under a tag, which is ours to keep.
        registries.add_referrer_by_tag(repository, subject, &packed.descriptor).await?;
    }
    Ok(published)
}
