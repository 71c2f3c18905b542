//! Signatures as cosign made them before version 3: "simple signing", a payload and its signature side by side.
//!
//! The payload is a layer of the media type [`MEDIA_TYPE`], its signature the annotation [`SIGNATURE_ANNOTATION`] of
//! that layer. They are only read: cosign 3 reads bundles by itself.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use wattle_spec::digest::Digest;

use super::bundle::{SIGNATURE_MAX_LEN, Verified};
use super::claims::Claims;
use super::error::{SignatureError, Subjects, excerpt};
use super::key::PublicKey;
use super::{dsse, keyring, statement};

/// The media type of a payload.
pub const MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Which annotation of the payload's layer is its signature, in base64.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";

/// What a payload of cosign calls itself.
const TYPE: &str = "cosign container image signature";

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
    optional: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// Checks that one of `keys` signed `subject`: that `signature` (base64) is of the very bytes of `payload`, and that
/// these are about `subject`.
///
/// Under which name the image was signed is not looked at, as cosign does not. Nothing of it says when.
///
/// # Errors
///
/// If it is anything else.
pub fn verify(
    payload: &[u8],
    signature: &str,
    subject: &Digest,
    keys: &[PublicKey],
) -> Result<Verified, SignatureError> {
    let len = payload.len().max(signature.len());
    if len > SIGNATURE_MAX_LEN {
        return Err(SignatureError::TooLong { len, limit: SIGNATURE_MAX_LEN });
    }
    let signature = dsse::decode("the signature", signature.trim())?;
    let key = keyring::maker(keys, None, payload, &signature)?;
    let payload: Payload = serde_json::from_slice(payload).map_err(SignatureError::Payload)?;
    let Critical { image, kind } = payload.critical;
    if kind != TYPE {
        return Err(SignatureError::OtherPredicate { found: excerpt(&kind), wanted: TYPE });
    }
    let signed: Option<Digest> = image.digest.parse().ok();
    if signed != Some(*subject) {
        return Err(SignatureError::OtherSubject { signed: Subjects(signed.into_iter().collect()), asked: *subject });
    }
    let annotations = statement::texts(payload.optional.unwrap_or_default());
    Ok(Verified { key: key.id(), claims: Claims { annotations, ..Claims::default() } })
}
