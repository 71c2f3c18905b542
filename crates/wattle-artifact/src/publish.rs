//! Sending an artifact to a registry: what it has is not sent again.

mod blobs;
mod sbom;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use wattle_spec::digest::Digest;
use wattle_spec::reference::{Reference, Repository};

use self::blobs::{AT_A_TIME, Sent};
pub use self::sbom::{Sbom, SbomError, sbom};
use crate::format::app::PackedApp;
use crate::format::component::Packed;
use crate::progress::Progress;
use crate::registry::{Registries, RegistryError};

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The digest of the manifest.
    pub digest: Digest,
    /// How many bytes of blobs were sent.
    pub sent: u64,
    /// How many bytes of blobs the registry had, here or where it was asked to take them from.
    pub present: u64,
    /// Whether the registry lists it at what it is about.
    pub listed: bool,
}

/// How something is sent.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Repositories that may have some of its blobs. Those of the same registry are asked for, one after the other.
    pub may_have: Vec<Repository>,
    /// Is told how far it is. Nothing is counted without.
    pub progress: Option<Progress>,
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
    publish_with(registries, reference, packed, &Options::default()).await
}

/// The same as [`publish`], as `options` say.
///
/// # Errors
///
/// If the registry does not take it.
pub async fn publish_with(
    registries: &Registries,
    reference: &Reference,
    packed: &Packed,
    options: &Options,
) -> Result<Published, RegistryError> {
    let repository = &reference.repository;
    let sent = blobs::send(registries, repository, std::slice::from_ref(packed), options).await?;
    put(registries, reference, packed, sent).await
}

/// Sends an app to where `reference` says: the blobs of all its members, their manifests by digest, and its index last.
///
/// # Errors
///
/// If the registry does not take it.
pub async fn publish_app(
    registries: &Registries,
    reference: &Reference,
    app: &PackedApp,
    options: &Options,
) -> Result<Published, RegistryError> {
    let repository = &reference.repository;
    let sent = blobs::send(registries, repository, &app.members, options).await?;
    let put_one = async |member: &Packed| {
        let pinned = repository.at(member.descriptor.digest);
        tag(registries, &pinned, member).await
    };
    stream::iter(&app.members).map(put_one).buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
    put(registries, reference, &app.top(), sent).await
}

async fn put(
    registries: &Registries,
    reference: &Reference,
    packed: &Packed,
    Sent { sent, present }: Sent,
) -> Result<Published, RegistryError> {
    let kind = &packed.descriptor.media_type;
    let put = registries.put_manifest(&reference.repository, &reference.which, kind, packed.manifest.clone()).await?;
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
