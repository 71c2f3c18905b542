//! Signatures in registries: beside the artifact that they are about, where cosign puts and looks for them.
//!
//! A signature is an artifact of its own whose `subject` is the manifest that it signs. What cosign made before version
//! 3 is under the tag `sha256-<hex>.sig`, and is read.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use wattle_spec::digest::Digest;
use wattle_spec::reference::{Repository, Tag, Which};

use crate::format::component::Packed;
use crate::format::manifest::{Annotations, Descriptor, Document, Manifest};
use crate::format::{annotation, media_type};
use crate::in_memory;
use crate::publish::{self, Published};
use crate::registry::{Registries, RegistryError};
use crate::sign::bundle::{self, Verified};
use crate::sign::claims::Claims;
use crate::sign::error::{SignError, SignatureError};
use crate::sign::key::{PrivateKey, PublicKey};
use crate::sign::simple;

/// How many signatures of an artifact are looked at: anybody who may push there can add some, and some registries list
/// whatever is about it as if it were one.
const SIGNATURES_MAX: usize = 256;
/// How many signatures are looked at that are one artifact.
const LAYERS_MAX: usize = 16;

/// Why an artifact was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The signature cannot be made.
    #[error("cannot make the signature")]
    Sign(#[source] SignError),
    /// The registry does not take it.
    #[error("cannot push the signature")]
    Registry(#[source] RegistryError),
}

/// What the signatures of an artifact are worth.
#[derive(Debug, Default)]
pub struct Judged {
    /// Whether a registry was asked: only then can anybody say that there are no others.
    pub asked: bool,
    /// Those that are believed.
    pub verified: Vec<Verified>,
    /// Why others are not.
    pub refused: Vec<SignatureError>,
    /// Why others could not be looked at.
    pub unread: Vec<RegistryError>,
    /// What holds those that are believed.
    pub(crate) holding: Vec<Holding>,
}

/// What holds signatures: a manifest, and those of its layers that are one.
#[derive(Debug, Clone)]
pub(crate) struct Holding {
    pub(crate) manifest: Bytes,
    pub(crate) layers: Vec<(Descriptor, Bytes)>,
}

/// What signatures are checked against.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) subject: Digest,
    pub(crate) keys: &'a [PublicKey],
    pub(crate) now: DateTime<Utc>,
}

/// Signs the manifest `subject` in `repository` with `key`.
///
/// # Errors
///
/// If the signature cannot be made, or if the registry does not take it.
pub async fn sign(
    registries: &Registries,
    repository: &Repository,
    subject: Descriptor,
    claims: &Claims,
    key: &PrivateKey,
) -> Result<Published, SigningError> {
    let bundle = Bytes::from(bundle::sign(&subject.digest, claims, key).map_err(SigningError::Sign)?);
    let empty = Bytes::from_static(b"{}");
    let layer = Descriptor::of(bundle::MEDIA_TYPE, &bundle);
    let signed = claims.signed.map(|at| (annotation::CREATED.into(), at.to_rfc3339_opts(SecondsFormat::Secs, true)));
    let said = [
        ("dev.sigstore.bundle.content", "dsse-envelope"),
        ("dev.sigstore.bundle.predicateType", bundle::SIGN_PREDICATE),
    ];
    let said = said.map(|(name, value)| (name.into(), value.into()));
    let digest = subject.digest;
    let manifest = Manifest {
        artifact_type: Some(bundle::MEDIA_TYPE.into()),
        config: Descriptor::of(media_type::EMPTY, &empty),
        layers: vec![layer.clone()],
        subject: Some(subject),
        annotations: signed.into_iter().chain(said).collect::<Annotations>(),
    };
    let mut packed = Packed::new(&manifest, vec![(manifest.config.clone(), empty), (layer, bundle)]);
    packed.descriptor.artifact_type.clone_from(&manifest.artifact_type);
    publish::attach(registries, repository, digest, &packed).await.map_err(SigningError::Registry)
}

/// Looks for signatures of the manifest `subject` in `repository`, and says which of them one of `keys` made.
///
/// # Errors
///
/// If the registry cannot be asked. That there are none is no error.
pub async fn verify(
    registries: &Registries,
    repository: &Repository,
    subject: Digest,
    keys: &[PublicKey],
    now: DateTime<Utc>,
) -> Result<Judged, RegistryError> {
    let mut judged = Judged { asked: true, ..Judged::default() };
    // Some registries list all of them as if they were of the type of their configuration.
    let may_be_one = |kind: Option<&str>| matches!(kind, None | Some(bundle::MEDIA_TYPE | media_type::EMPTY));
    let referrers = registries.referrers(repository, subject, None).await?;
    let referrers = referrers.iter().filter(|referrer| may_be_one(referrer.artifact_type.as_deref()));
    let mut all: Vec<_> = referrers.take(SIGNATURES_MAX).map(|referrer| repository.at(referrer.digest).which).collect();
    let tag: Tag = format!("sha256-{}.sig", subject.hex()).parse().expect("invariant: hex digits are a tag");
    all.push(Which::Tag(tag));
    for which in all {
        match judged.holding(registries, repository, &which).await {
            Ok(Some(holding)) => judged.judge(holding, Wanted { subject, keys, now }),
            Ok(None) => {}
            // What cannot be read hides no other signature.
            Err(error) => judged.unread.push(error),
        }
    }
    Ok(judged)
}

/// The layers of a manifest that may hold signatures. Somebody may push anything there.
pub(crate) fn layers(manifest: &[u8], kind: Option<&str>) -> Vec<Descriptor> {
    let is_one = |layer: &Descriptor| {
        matches!(layer.media_type.as_str(), bundle::MEDIA_TYPE | simple::MEDIA_TYPE)
            && layer.size <= bundle::SIGNATURE_MAX_LEN as u64
    };
    match Document::read(manifest, kind) {
        Ok(Document::Manifest(manifest)) => manifest.layers.into_iter().filter(is_one).take(LAYERS_MAX).collect(),
        Ok(Document::Index(_)) | Err(_) => Vec::new(),
    }
}

impl Judged {
    /// What holds signatures at `which`, which may not be there.
    async fn holding(
        &mut self,
        registries: &Registries,
        repository: &Repository,
        which: &Which,
    ) -> Result<Option<Holding>, RegistryError> {
        let manifest = match registries.manifest(repository, which).await {
            Ok(manifest) => manifest,
            Err(RegistryError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut holding = Holding { manifest: manifest.bytes, layers: Vec::new() };
        for layer in layers(&holding.manifest, manifest.media_type.as_deref()) {
            match in_memory::read(registries, repository, &layer).await {
                Ok(bytes) => holding.layers.push((layer, bytes.into())),
                Err(error) => self.unread.push(error),
            }
        }
        Ok(Some(holding))
    }

    /// Judges the signatures that `holding` holds.
    pub(crate) fn judge(&mut self, mut holding: Holding, wanted: Wanted<'_>) {
        let Wanted { subject, keys, now } = wanted;
        holding.layers.retain(|(layer, bytes)| {
            let judged = match layer.media_type.as_str() {
                bundle::MEDIA_TYPE => bundle::verify(bytes, &subject, keys, now),
                _ => {
                    let signature = layer.annotations.get(simple::SIGNATURE_ANNOTATION).map_or("", String::as_str);
                    simple::verify(bytes, signature, &subject, keys)
                }
            };
            let is_believed = judged.is_ok();
            self.take(judged);
            is_believed
        });
        if !holding.layers.is_empty() {
            self.holding.push(holding);
        }
    }

    fn take(&mut self, judged: Result<Verified, SignatureError>) {
        match judged {
            Ok(verified) => self.verified.push(verified),
            Err(error) => self.refused.push(error),
        }
    }

    /// Why nobody can say whether it is signed: none is believed, and something that may be one could not be had just
    /// now. What is wrong in the registry for good, as anybody who may push can make it, hides no refusal. Taken out of
    /// [`Judged::unread`].
    pub fn failure(&mut self) -> Option<RegistryError> {
        let first = self.unread.iter().position(|error| error.is_of_the_moment())?;
        self.verified.is_empty().then(|| self.unread.remove(first))
    }

    /// The names of the keys whose signatures are believed, by their ids.
    pub fn keys(&self) -> BTreeMap<String, &Claims> {
        self.verified.iter().map(|verified| (verified.key.to_string(), &verified.claims)).collect()
    }
}
