//! The keys that signatures are made and checked with: Ed25519 and ECDSA with the curve P-256.
//!
//! They are written as OpenSSL and cosign write them: a private key as PKCS#8 (RFC 5958), a public one as
//! SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7), both in PEM (RFC 7468). Neither `Debug` nor an error tells a byte
//! of a secret. What is made of one here is wiped when it is dropped; the file that was read is the caller's to wipe.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    ParsedPublicKey, VerificationAlgorithm,
};
use rustls::pki_types::pem::SectionKind;
use wattle_spec::digest::{Digest, DigestError};
use zeroize::Zeroizing;

use super::error::{KeyError, SignError};
use super::pem;

/// What kind a key is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ed25519 (RFC 8032). The same message has the same signature each time.
    Ed25519,
    /// ECDSA with the curve P-256 and SHA-256, its signatures in ASN.1: what cosign makes.
    P256,
}

/// Which key: the digest of its SubjectPublicKeyInfo in DER, as in `openssl pkey -pubin -outform DER | sha256sum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Digest);

/// What checks signatures. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey {
    kind: Kind,
    id: KeyId,
    der: Arc<[u8]>,
    parsed: Arc<ParsedPublicKey>,
}

/// What makes signatures.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl Kind {
    const ALL: [Self; 2] = [Self::Ed25519, Self::P256];

    fn algorithm(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Ed25519 => &ED25519,
            Self::P256 => &ECDSA_P256_SHA256_ASN1,
        }
    }
}

impl PublicKey {
    /// Reads the one block `PUBLIC KEY` of a file in PEM.
    ///
    /// # Errors
    ///
    /// If there is none, or more than one, or if it is of another kind, or a private key is beside it.
    pub fn from_pem(file: &[u8]) -> Result<Self, KeyError> {
        Self::from_der(&pem::read(file, pem::PUBLIC)?.der)
    }

    /// The file in PEM that [`from_pem`](Self::from_pem) reads.
    pub fn to_pem(&self) -> String {
        String::clone(&pem::write(SectionKind::PublicKey, &self.der))
    }

    /// What kind it is of.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Which it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether the private half of this key made `signature` for `message`: 64 bytes for Ed25519, `ECDSA-Sig-Value`
    /// (RFC 3279, section 2.2.3) in DER for P-256.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }

    /// Its SubjectPublicKeyInfo in DER.
    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The bytes that are kept are the canonical ones and not those that were read: a point may be written compressed,
    /// and the same key has one id.
    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        // The bare bytes of a key would be taken too: a SEQUENCE of 44 bytes is the shortest that is none.
        if der.len() < 44 || der[0] != 0x30 {
            return Err(KeyError::Unsupported);
        }
        let parse = |kind: Kind| Some((kind, ParsedPublicKey::new(kind.algorithm(), der).ok()?));
        let (kind, parsed) = Kind::ALL.into_iter().find_map(parse).ok_or(KeyError::Unsupported)?;
        let der: PublicKeyX509Der<'_> = parsed.as_der().map_err(|_| KeyError::Unsupported)?;
        let der: Arc<[u8]> = der.as_ref().into();
        Ok(Self { kind, id: KeyId(Digest::of(&der)), der, parsed: Arc::new(parsed) })
    }
}

impl PrivateKey {
    /// A new one, from the system's randomness.
    ///
    /// # Errors
    ///
    /// If the system has none to give.
    pub fn generate(kind: Kind) -> Result<Self, KeyError> {
        let pair = match kind {
            Kind::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
            Kind::P256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Pair::P256),
        };
        Self::of(pair.map_err(|source| KeyError::Generate { kind, source })?)
    }

    /// Reads the one block `PRIVATE KEY` (PKCS#8) or `EC PRIVATE KEY` (RFC 5915) of a file in PEM.
    ///
    /// # Errors
    ///
    /// If there is none, or more than one, or if it is of another kind or encrypted.
    pub fn from_pem(file: &[u8]) -> Result<Self, KeyError> {
        let block = pem::read(file, pem::PRIVATE)?;
        let p256 = || EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, &block.der).map(Pair::P256);
        let pair = Ed25519KeyPair::from_pkcs8(&block.der).map(Pair::Ed25519).or_else(|_| p256());
        Self::of(pair.map_err(|_| KeyError::Unsupported)?)
    }

    /// The file in PEM that [`from_pem`](Self::from_pem) reads, not encrypted: only its owner may read it.
    ///
    /// # Panics
    ///
    /// Never: a key that was made or read can be written.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let document = match &self.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1(),
            Pair::P256(pair) => pair.to_pkcs8v1(),
        };
        let document = document.expect("invariant: a key that was made or read can be written");
        pem::write(SectionKind::PrivateKey, document.as_ref())
    }

    /// The half that may be told.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature of `message`, as [`PublicKey::verifies`] takes it.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give, which ECDSA needs.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.try_sign(message),
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), message),
        };
        let signature = signature.map_err(|source| SignError::Sign { key: self.public.id, source })?;
        Ok(signature.as_ref().to_vec())
    }

    fn of(pair: Pair) -> Result<Self, KeyError> {
        let der: Result<PublicKeyX509Der<'_>, _> = match &pair {
            Pair::Ed25519(pair) => pair.public_key().as_der(),
            Pair::P256(pair) => pair.public_key().as_der(),
        };
        let public = PublicKey::from_der(der.map_err(|_| KeyError::Unsupported)?.as_ref())?;
        Ok(Self { pair, public })
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("kind", &self.kind).field("id", &self.id).finish()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ed25519 => "Ed25519",
            Self::P256 => "ECDSA P-256",
        })
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for KeyId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}
