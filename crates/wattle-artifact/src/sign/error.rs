//! Why a key cannot be used, a signature not be made, or one not be believed.
//!
//! Of what others wrote, signed or not, no more than the beginning is told: errors end in logs.

use std::fmt;

use aws_lc_rs::error::Unspecified;
use chrono::{DateTime, Utc};
use wattle_spec::digest::Digest;

use super::key::{KeyId, Kind};
use super::pem;

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The system did not make one.
    #[error("cannot make a key for {kind}")]
    Generate {
        /// Of which kind.
        kind: Kind,
        /// What the library said.
        source: Unspecified,
    },
    /// The file has more bytes than a key.
    #[error("a file with a key has at most {} bytes", pem::MAX_LEN)]
    TooLong,
    /// The file looks like PEM, but is broken.
    #[error("it is no PEM that can be read: {0}")]
    Pem(&'static str),
    /// The file is no PEM, or has no block that is known.
    #[error("there is no key in PEM in it")]
    Missing,
    /// The file holds something else.
    #[error("it is a {found:?} and not {wanted}")]
    Other {
        /// What it holds, as PEM calls it.
        found: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The file holds more keys than one, and which is meant is not to be guessed.
    #[error("there are {count} keys in it")]
    Several {
        /// How many.
        count: usize,
    },
    /// The file is to be read by who checks signatures, and with what is in it signatures are made.
    #[error("there is a private key beside the public one")]
    PrivateBeside,
    /// A key is there, but of another kind, or it is damaged.
    #[error("it is neither an Ed25519 nor an ECDSA P-256 key")]
    Unsupported,
    /// A password is needed.
    #[error("the private key is encrypted")]
    Encrypted,
    /// A password is needed, and nothing but cosign knows the format.
    #[error("it is a private key that cosign encrypted, which only cosign can use")]
    CosignEncrypted,
}

/// Why a signature cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The library did not make it.
    #[error("cannot sign with the key {key}")]
    Sign {
        /// With which key.
        key: KeyId,
        /// What it said.
        source: Unspecified,
    },
    /// It would be over before it begins.
    #[error("a signature of {signed} cannot expire at {expires}")]
    ExpiresFirst {
        /// When it would be made.
        signed: DateTime<Utc>,
        /// When it would be worth nothing.
        expires: DateTime<Utc>,
    },
    /// RFC 3339 writes years with four digits.
    #[error("the year {year} cannot be written")]
    Year {
        /// Which.
        year: i32,
    },
    /// With these annotations nobody would read it.
    #[error("the signature would have {len} bytes, and {limit} are the most")]
    TooLong {
        /// Its bytes.
        len: usize,
        /// Those it may have.
        limit: usize,
    },
}

/// Why a signature is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// It has more bytes than one may have.
    #[error("it has {len} bytes, and {limit} are the most")]
    TooLong {
        /// Its bytes.
        len: usize,
        /// Those it may have.
        limit: usize,
    },
    /// It is no bundle.
    #[error("it is no Sigstore bundle")]
    Bundle(#[source] serde_json::Error),
    /// It is a bundle without a part that each has.
    #[error("the Sigstore bundle has no {missing}")]
    Incomplete {
        /// The part, as its JSON calls it.
        missing: &'static str,
    },
    /// It is a bundle with other contents than are known here. It may well be good.
    #[error("{0}")]
    Unsupported(Unsupported),
    /// A bundle has one signature.
    #[error("an envelope in a Sigstore bundle has one signature, and this one has {count}")]
    SignatureCount {
        /// How many there are.
        count: usize,
    },
    /// A part is not encoded as it should be.
    #[error("{what} is not base64")]
    Base64 {
        /// Which part.
        what: &'static str,
        /// Why.
        source: base64::DecodeError,
    },
    /// None of the keys made it, and it says that it is of yet another one.
    #[error("it is signed with the key {hint:?}, which is not among those that are trusted")]
    UnknownKey {
        /// What it says of the key. Not signed.
        hint: String,
    },
    /// None of the keys made it, and it does not say which did.
    #[error("it is signed with none of the {keys} keys that are trusted")]
    NoKeyFits {
        /// How many were tried.
        keys: usize,
    },
    /// It should be of a key that is trusted, and is not.
    #[error("the signature is not one that the key {key} made of this")]
    WrongSignature {
        /// Which key.
        key: KeyId,
    },
    /// What is signed is no statement.
    #[error("what is signed is no in-toto statement")]
    Statement(#[source] serde_json::Error),
    /// What is signed is a statement of a version that is not known.
    #[error("what is signed is an in-toto statement of the unknown version {found:?}")]
    StatementVersion {
        /// Which.
        found: String,
    },
    /// What is signed is no payload of cosign.
    #[error("what is signed is no simple signing payload")]
    Payload(#[source] serde_json::Error),
    /// Something else was signed.
    #[error("it is about {signed} and not about {asked}")]
    OtherSubject {
        /// What was signed.
        signed: Subjects,
        /// What was asked about.
        asked: Digest,
    },
    /// Another thing was said of the subject.
    #[error("it says {found:?} and not {wanted:?}")]
    OtherPredicate {
        /// What.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// What is said with the signature cannot be read.
    #[error("the claims of the signature cannot be read")]
    Claims(#[source] serde_json::Error),
    /// A time is none.
    #[error("{claim} is {text:?}, which is no time of RFC 3339")]
    Time {
        /// Which.
        claim: &'static str,
        /// What it is.
        text: String,
        /// Why it is none.
        source: chrono::ParseError,
    },
    /// Its time is over.
    #[error("the signature expired at {expires}")]
    Expired {
        /// When it was.
        expires: DateTime<Utc>,
    },
    /// Its time has not come: a clock is wrong.
    #[error("it was signed at {signed}, and it is {now} here")]
    NotYet {
        /// When it was made, by the clock of who did.
        signed: DateTime<Utc>,
        /// The time that was given as now.
        now: DateTime<Utc>,
    },
}

/// What is a good bundle elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// It is of another version, or something else.
    MediaType(String),
    /// It was made without a key of one's own ("keyless"), or with a certificate.
    Certificate,
    /// It is of bytes themselves and has no statement in it: `cosign sign-blob` makes these.
    MessageSignature,
    /// What is signed is no statement.
    Payload(String),
}

/// What a signature is about: digests, where it names any of SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subjects(pub Vec<Digest>);

impl KeyError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::CosignEncrypted => {
                Some("make a key with `wattle key new`, or go on signing with `cosign sign --key`")
            }
            Self::Encrypted => {
                Some("decrypt it with `openssl pkey -in FILE -out OTHER`, or make one with `wattle key new`")
            }
            Self::Other { found: "CERTIFICATE", .. } => Some("`openssl x509 -in FILE -pubkey -noout` tells its key"),
            Self::Other { wanted: "a public key", .. } => Some("`openssl pkey -in FILE -pubout` tells the public key"),
            Self::PrivateBeside => Some(
                "a private key does not belong where signatures are verified: take the public one alone, \
                 with `openssl pkey -in FILE -pubout`",
            ),
            Self::Other { found: "RSA PRIVATE KEY", .. } | Self::Unsupported => {
                Some("make a key with `wattle key new`")
            }
            _ => None,
        }
    }
}

impl SignError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TooLong { .. } => Some("put less into its annotations"),
            _ => None,
        }
    }
}

impl SignatureError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unsupported(Unsupported::Certificate) => Some("sign with a key: `cosign sign --key FILE REFERENCE`"),
            Self::Unsupported(Unsupported::MessageSignature) => {
                Some("sign the artifact in its registry: `cosign sign --key FILE REFERENCE`")
            }
            Self::UnknownKey { .. } | Self::NoKeyFits { .. } => {
                Some("if you know whose key it is and trust them, add their public key")
            }
            Self::Expired { .. } => Some("have it signed again"),
            Self::NotYet { .. } => Some("set the clocks of both machines"),
            _ => None,
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MediaType(found) => write!(f, "{found:?} is no version of Sigstore's bundles that is known"),
            Self::Certificate => {
                f.write_str("it is signed with a certificate, and only signatures of keys are checked")
            }
            Self::MessageSignature => f.write_str("it is a signature of bytes, and not of what an artifact is"),
            Self::Payload(found) => write!(f, "what is signed is {found:?} and no in-toto statement"),
        }
    }
}

impl fmt::Display for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("nothing with a SHA-256 digest"),
            [one] => write!(f, "{one}"),
            [first, more @ ..] => write!(f, "{first} and {} more", more.len()),
        }
    }
}

/// The beginning of a text that others wrote, to be told in an error.
pub(super) fn excerpt(text: &str) -> String {
    const CHARACTERS: usize = 120;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}
