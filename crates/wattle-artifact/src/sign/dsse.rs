//! Envelopes: bytes, what they are, and signatures of both, as [DSSE 1.0](https://github.com/secure-systems-lab/dsse).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT};
use serde::{Deserialize, Serialize};

use super::error::{SignError, SignatureError, Unsupported, excerpt};
use super::key::{PrivateKey, PublicKey};
use super::keyring;

/// The type of a payload that is a statement of in-toto.
const IN_TOTO: &str = "application/vnd.in-toto+json";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    sig: String,
    /// Never written: cosign leaves out a signature whose `keyid` is another than the one that SSH would give to the
    /// key. The hint of the bundle says which key it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
}

impl Envelope {
    /// `statement`, signed.
    pub(super) fn sign(statement: &[u8], key: &PrivateKey) -> Result<Self, SignError> {
        let sig = STANDARD.encode(key.sign(&pre_authentication_encoding(IN_TOTO, statement))?);
        Ok(Self {
            payload: STANDARD.encode(statement),
            payload_type: IN_TOTO.into(),
            signatures: vec![Signature { sig, keyid: None }],
        })
    }

    /// The statement and the one of `keys` that signed it. `hint` is what the bundle says of the key.
    pub(super) fn open<'a>(
        &self,
        hint: Option<&str>,
        keys: &'a [PublicKey],
    ) -> Result<(Vec<u8>, &'a PublicKey), SignatureError> {
        if self.payload_type != IN_TOTO {
            return Err(SignatureError::Unsupported(Unsupported::Payload(excerpt(&self.payload_type))));
        }
        // More than one is DSSE, but no bundle: which of them counts would be each reader's guess.
        let [signature] = self.signatures.as_slice() else {
            return Err(SignatureError::SignatureCount { count: self.signatures.len() });
        };
        let payload = decode("the payload", &self.payload)?;
        let sig = decode("the signature", &signature.sig)?;
        let hint = hint.filter(|hint| !hint.is_empty()).or(signature.keyid.as_deref());
        let key = keyring::maker(keys, hint, &pre_authentication_encoding(&self.payload_type, &payload), &sig)?;
        Ok((payload, key))
    }
}

/// The bytes that are signed, PAE in the specification: lengths keep the type and the payload apart.
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// DSSE allows both alphabets, and JSON of protocol buffers, which a bundle is, no padding.
pub(super) fn decode(what: &'static str, text: &str) -> Result<Vec<u8>, SignatureError> {
    let url_safe = |_| URL_SAFE_PAD_INDIFFERENT.decode(text);
    STANDARD_PAD_INDIFFERENT.decode(text).or_else(url_safe).map_err(|source| SignatureError::Base64 { what, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification (protocol.md).
    #[test]
    fn pre_authentication_encoding_is_that_of_the_specification() {
        let bytes = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assert_eq!(pre_authentication_encoding("", "é".as_bytes()), "DSSEv1 0  2 é".as_bytes());
    }
}
