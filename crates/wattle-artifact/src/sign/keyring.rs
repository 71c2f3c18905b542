//! Which of the keys that are trusted made a signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::error::{SignatureError, excerpt};
use super::key::PublicKey;

/// The one of `keys` that made `signature` for `message`.
///
/// `hint` is what an unsigned text says of it: the key that it names is asked first, and the error is about that one,
/// but no key is left out for it.
pub(super) fn maker<'a>(
    keys: &'a [PublicKey],
    hint: Option<&str>,
    message: &[u8],
    signature: &[u8],
) -> Result<&'a PublicKey, SignatureError> {
    let hint = hint.filter(|hint| !hint.is_empty());
    let (meant, others): (Vec<_>, Vec<_>) = keys.iter().partition(|key| hint.is_some_and(|hint| is_meant(key, hint)));
    if let Some(key) = meant.iter().chain(&others).find(|key| key.verifies(message, signature)) {
        return Ok(key);
    }
    Err(match (meant.first(), hint, keys) {
        (Some(key), ..) => SignatureError::WrongSignature { key: key.id() },
        (None, Some(hint), _) => SignatureError::UnknownKey { hint: excerpt(hint) },
        (None, None, [only]) => SignatureError::WrongSignature { key: only.id() },
        (None, None, _) => SignatureError::NoKeyFits { keys: keys.len() },
    })
}

/// Whether `hint` is what Wattle or cosign call this key.
fn is_meant(key: &PublicKey, hint: &str) -> bool {
    hint == key.id().to_string() || hint == STANDARD.encode(Sha256::digest(key.der()))
}
