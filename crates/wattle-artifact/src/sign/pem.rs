//! Keys in files: the one block of a PEM file (RFC 7468) that is asked for.
//!
//! A file that is no key, or half of one, may still hold a secret, also in the line that should begin a block. So
//! nothing of a file gets into an error, not even as its source. What is decoded is wiped when it is dropped; the
//! library's own buffer, with the base64 of the block, is not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{Error, SectionKind, SliceIter};
use zeroize::Zeroizing;

use super::error::KeyError;

/// The most bytes that a file with a key may have.
pub(super) const MAX_LEN: usize = 16 << 10;

/// The blocks that hold a public key.
pub(super) const PUBLIC: &[SectionKind] = &[SectionKind::PublicKey];
/// The blocks that hold a private key.
pub(super) const PRIVATE: &[SectionKind] = &[SectionKind::PrivateKey, SectionKind::EcPrivateKey];

/// How many characters of base64 a line has.
const LINE_LEN: usize = 64;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A block of a file.
pub(super) struct Block {
    kind: SectionKind,
    /// What is in it.
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// The blocks that nobody needs who checks signatures, and everybody needs who forges them.
const SECRET: &[SectionKind] = &[SectionKind::PrivateKey, SectionKind::EcPrivateKey, SectionKind::RsaPrivateKey];

/// The one block of `file` that is among `wanted`. There may be others beside it: OpenSSL writes parameters of a curve
/// before a key. Beside a public key there is no private one: whoever can read the one could sign with the other.
pub(super) fn read(file: &[u8], wanted: &[SectionKind]) -> Result<Block, KeyError> {
    if file.len() > MAX_LEN {
        return Err(KeyError::TooLong);
    }
    let file = file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file);
    let blocks = SliceIter::new(file)
        .map(|block| block.map(|(kind, der): (SectionKind, Vec<u8>)| Block { kind, der: Zeroizing::new(der) }));
    // Encrypted ones are either not known as blocks or no base64.
    let blocks = blocks.collect::<Result<Vec<_>, _>>().map_err(|error| encrypted(file).unwrap_or(malformed(&error)))?;
    let has_secret = encrypted(file).is_some() || blocks.iter().any(|block| SECRET.contains(&block.kind));
    let other = blocks.iter().find_map(|block| name(block.kind));
    let mut fitting = blocks.into_iter().filter(|block| wanted.contains(&block.kind));
    match (fitting.next(), fitting.count()) {
        (Some(_), _) if wanted == PUBLIC && has_secret => Err(KeyError::PrivateBeside),
        (Some(block), 0) => Ok(block),
        (Some(_), more) => Err(KeyError::Several { count: more + 1 }),
        (None, _) => Err(encrypted(file).unwrap_or_else(|| none(other, wanted))),
    }
}

/// A file with this one block. What is in it may be secret.
pub(super) fn write(kind: SectionKind, der: &[u8]) -> Zeroizing<String> {
    let label = name(kind).unwrap_or("PRIVATE KEY");
    let mut base64 = Zeroizing::new(String::with_capacity(der.len().div_ceil(3) * 4));
    STANDARD.encode_string(der, &mut base64);
    // Room for all of it: where a text grows, its old bytes stay in memory.
    let mut file = Zeroizing::new(String::with_capacity(base64.len() * 2 + 128));
    file.push_str("-----BEGIN ");
    file.push_str(label);
    file.push_str("-----\n");
    for (index, character) in base64.char_indices() {
        if index > 0 && index % LINE_LEN == 0 {
            file.push('\n');
        }
        file.push(character);
    }
    file.push_str("\n-----END ");
    file.push_str(label);
    file.push_str("-----\n");
    file
}

fn none(other: Option<&'static str>, wanted: &[SectionKind]) -> KeyError {
    match other {
        Some(found) => {
            KeyError::Other { found, wanted: if wanted == PUBLIC { "a public key" } else { "a private key" } }
        }
        None => KeyError::Missing,
    }
}

/// What is wrong with a file that has blocks of encrypted keys.
fn encrypted(file: &[u8]) -> Option<KeyError> {
    let has = |text: &[u8]| file.windows(text.len()).any(|window| window == text);
    // cosign's name for it since 2.0, and before.
    if has(b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----") || has(b"-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----") {
        Some(KeyError::CosignEncrypted)
    } else if has(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(b"Proc-Type: 4,ENCRYPTED") {
        Some(KeyError::Encrypted)
    } else {
        None
    }
}

fn malformed(error: &Error) -> KeyError {
    KeyError::Pem(match error {
        Error::MissingSectionEnd { .. } => "a block has no end",
        Error::IllegalSectionStart { .. } => "the line that begins a block has more on it",
        Error::Base64Decode(_) => "a block is not base64",
        _ => "it is not as RFC 7468 says",
    })
}

/// What a block is called, if it may be told: of kinds that hold keys or are mistaken for them.
fn name(kind: SectionKind) -> Option<&'static str> {
    Some(match kind {
        SectionKind::PublicKey => "PUBLIC KEY",
        SectionKind::PrivateKey => "PRIVATE KEY",
        SectionKind::EcPrivateKey => "EC PRIVATE KEY",
        SectionKind::RsaPrivateKey => "RSA PRIVATE KEY",
        SectionKind::Certificate => "CERTIFICATE",
        SectionKind::Csr => "CERTIFICATE REQUEST",
        _ => return None,
    })
}
