//! Signatures as cosign 3 makes them: [Sigstore bundles](https://github.com/sigstore/protobuf-specs) of version 0.3,
//! made with a key, around an envelope with a statement.
//!
//! What a bundle says of the time and of transparency logs is not looked at. What is said under the signature is
//! believed only after the signature is.

use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wattle_spec::digest::Digest;

use super::claims::Claims;
use super::dsse::Envelope;
use super::error::{SignError, SignatureError, Unsupported, excerpt};
use super::key::{KeyId, PrivateKey, PublicKey};
use super::statement::Statement;
use crate::format::manifest::Annotations;

/// The media type of a bundle, in it and as a layer.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The type of the predicate that says nothing but that its subject is signed.
pub const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
/// The most bytes that the bundle of a signature may have.
pub const SIGNATURE_MAX_LEN: usize = 64 << 10;
/// The most bytes that the bundle of any attestation may have: an SBOM is one.
pub const ATTESTATION_MAX_LEN: usize = 4 << 20;

/// Other names of bundles whose parts that are read here are the same.
const MEDIA_TYPES_READ: &[&str] = &[
    MEDIA_TYPE,
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
];

/// A signature that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who made it.
    pub key: KeyId,
    /// What they say.
    pub claims: Claims,
}

/// An attestation whose signature is believed. What it says may still be of any kind and any time.
#[derive(Debug, Clone, PartialEq)]
pub struct Attestation {
    /// Who made it.
    pub key: KeyId,
    /// What is said of the subject itself.
    pub annotations: Annotations,
    /// What kind of statement it is, as in `https://slsa.dev/provenance/v1`.
    pub predicate_type: String,
    /// The statement.
    pub predicate: Value,
}

/// What a bundle says of the key that it is of, cut where that is long. Nobody has checked it.
pub fn hint(bundle: &[u8]) -> Option<String> {
    let bundle: Bundle = serde_json::from_slice(bundle.get(..bundle.len().min(ATTESTATION_MAX_LEN))?).ok()?;
    let hint = bundle.verification_material.public_key?.hint?;
    (!hint.is_empty()).then(|| excerpt(&hint))
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<Envelope>,
    #[serde(default, skip_serializing)]
    message_signature: Option<IgnoredAny>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key: Option<PublicKeyIdentifier>,
    #[serde(default, skip_serializing)]
    certificate: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    x509_certificate_chain: Option<IgnoredAny>,
}

#[derive(Serialize, Deserialize)]
struct PublicKeyIdentifier {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Signs `subject`, the digest of a manifest: the bytes of a bundle. An Ed25519 key makes the same ones each time.
///
/// # Errors
///
/// If the claims contradict each other or are too long, so that nobody would believe the signature.
pub fn sign(subject: &Digest, claims: &Claims, key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    let statement = Statement::write(subject, &claims.annotations, SIGN_PREDICATE, claims.predicate()?);
    let bundle = Bundle {
        media_type: MEDIA_TYPE.into(),
        verification_material: Material {
            public_key: Some(PublicKeyIdentifier { hint: Some(key.public().id().to_string()) }),
            certificate: None,
            x509_certificate_chain: None,
        },
        dsse_envelope: Some(Envelope::sign(&statement, key)?),
        message_signature: None,
    };
    let bytes = serde_json::to_vec(&bundle).expect("invariant: structs of texts are JSON");
    if bytes.len() > SIGNATURE_MAX_LEN {
        return Err(SignError::TooLong { len: bytes.len(), limit: SIGNATURE_MAX_LEN });
    }
    Ok(bytes)
}

/// Checks that one of `keys` signed `subject`, and that the signature is worth something at `now`.
///
/// # Errors
///
/// If `bundle` is anything else.
pub fn verify(
    bundle: &[u8],
    subject: &Digest,
    keys: &[PublicKey],
    now: DateTime<Utc>,
) -> Result<Verified, SignatureError> {
    let attestation = attestation(bundle, SIGNATURE_MAX_LEN, subject, keys)?;
    if attestation.predicate_type != SIGN_PREDICATE {
        let found = excerpt(&attestation.predicate_type);
        return Err(SignatureError::OtherPredicate { found, wanted: SIGN_PREDICATE });
    }
    let claims = Claims::read(attestation.predicate, attestation.annotations)?;
    claims.hold(now)?;
    Ok(Verified { key: attestation.key, claims })
}

/// Checks that one of `keys` attested something of `subject`, whatever it is: the caller looks at the type.
///
/// # Errors
///
/// If `bundle` is no attestation of `subject` by one of `keys`.
pub fn verify_attestation(bundle: &[u8], subject: &Digest, keys: &[PublicKey]) -> Result<Attestation, SignatureError> {
    attestation(bundle, ATTESTATION_MAX_LEN, subject, keys)
}

fn attestation(
    bundle: &[u8],
    limit: usize,
    subject: &Digest,
    keys: &[PublicKey],
) -> Result<Attestation, SignatureError> {
    if bundle.len() > limit {
        return Err(SignatureError::TooLong { len: bundle.len(), limit });
    }
    let bundle: Bundle = serde_json::from_slice(bundle).map_err(SignatureError::Bundle)?;
    let (envelope, hint) = bundle.content()?;
    let (payload, key) = envelope.open(hint, keys)?;
    let mut statement = Statement::read(&payload)?;
    let annotations = statement.about(subject)?;
    let Statement { predicate_type, predicate, .. } = statement;
    Ok(Attestation { key: key.id(), annotations, predicate_type, predicate })
}

impl Bundle {
    /// The envelope, and what is said of the key.
    fn content(&self) -> Result<(&Envelope, Option<&str>), SignatureError> {
        let material = &self.verification_material;
        let unsupported = if !MEDIA_TYPES_READ.contains(&self.media_type.as_str()) {
            Unsupported::MediaType(excerpt(&self.media_type))
        } else if material.certificate.is_some() || material.x509_certificate_chain.is_some() {
            Unsupported::Certificate
        } else if self.message_signature.is_some() {
            Unsupported::MessageSignature
        } else {
            return match (&self.dsse_envelope, &material.public_key) {
                (Some(envelope), Some(key)) => Ok((envelope, key.hint.as_deref())),
                (None, _) => Err(SignatureError::Incomplete { missing: "dsseEnvelope" }),
                (_, None) => Err(SignatureError::Incomplete { missing: "publicKey" }),
            };
        };
        Err(SignatureError::Unsupported(unsupported))
    }
}
