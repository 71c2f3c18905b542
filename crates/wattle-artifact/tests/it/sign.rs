//! Keys and signatures: what is made is what others make, and what is not of a key that is trusted is refused.

mod bad_bundles;
mod bundle;
mod flipped;
mod key_files;
mod openssl;
mod simple;

use std::error::Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wattle_artifact::sign::key::{PrivateKey, PublicKey};
use wattle_spec::digest::Digest;

/// The secret key of RFC 8032, section 7.1, test 1.
const ED25519_PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
const ED25519_ID: &str = "sha256:06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9";

/// The key of RFC 6979, appendix A.2.5.
const P256_PEM: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX
Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth
+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ
-----END PRIVATE KEY-----
";
const P256_ID: &str = "sha256:5a7a78cca4a0f420d9bc62bb669c3c2759e39f723d3ae10dcbe0f0815a07ecd4";

const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

pub(crate) fn ed25519() -> PrivateKey {
    PrivateKey::from_pem(ED25519_PEM.as_bytes()).unwrap()
}

pub(crate) fn p256() -> PrivateKey {
    PrivateKey::from_pem(P256_PEM.as_bytes()).unwrap()
}

fn both() -> [PublicKey; 2] {
    [p256().public().clone(), ed25519().public().clone()]
}

fn subject() -> Digest {
    Digest::of(b"a manifest")
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn now() -> DateTime<Utc> {
    at("2026-03-01T12:00:00Z")
}

/// A statement that cosign would make of the subject.
fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "digest": { "sha256": subject().hex() } }],
        "predicateType": SIGN,
        "predicate": {},
    })
}

/// A bundle around `payload`, made as the specifications say and without the code under test, but for the signature.
fn bundle_of(payload: &[u8], key: &PrivateKey) -> Value {
    let kind = "application/vnd.in-toto+json";
    let signed = [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(), payload].concat();
    json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": { "publicKey": { "hint": key.public().id().to_string() } },
        "dsseEnvelope": {
            "payload": STANDARD.encode(payload),
            "payloadType": kind,
            "signatures": [{ "sig": STANDARD.encode(key.sign(&signed).unwrap()) }],
        },
    })
}

/// An error and why, in one line.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
