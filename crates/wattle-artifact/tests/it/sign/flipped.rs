//! One bit that is not as it was signed, and bytes that are nothing at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::Value;
use wattle_artifact::sign::bundle::{sign, verify, verify_attestation};
use wattle_artifact::sign::claims::Claims;
use wattle_artifact::sign::key::{PrivateKey, PublicKey};
use wattle_artifact::sign::simple;

use super::{both, bundle_of, ed25519, now, p256, statement, subject};

fn flip(bytes: &mut [u8], bit: usize) {
    bytes[bit / 8] ^= 1 << (bit % 8);
}

fn is_believed(bundle: &[u8]) -> bool {
    verify(bundle, &subject(), &both(), now()).is_ok()
}

/// The bundle with a flipped bit in the bytes that a text in it stands for.
fn flipped_inside(bundle: &Value, pointer: &str, bit: usize) -> Option<Vec<u8>> {
    let mut bundle = bundle.clone();
    let text = bundle.pointer_mut(pointer)?;
    let mut bytes = STANDARD.decode(text.as_str()?).ok()?;
    if bit >= bytes.len() * 8 {
        return None;
    }
    flip(&mut bytes, bit);
    *text = STANDARD.encode(bytes).into();
    Some(bundle.to_string().into_bytes())
}

/// Each bit of what is signed and of the signature, one after the other.
#[test]
fn any_bit_of_the_signed_bytes() {
    for key in [ed25519(), p256()] {
        let bundle = sign(&subject(), &Claims::at(now()), &key).unwrap();
        assert!(is_believed(&bundle));
        let bundle: Value = serde_json::from_slice(&bundle).unwrap();
        for pointer in ["/dsseEnvelope/payload", "/dsseEnvelope/signatures/0/sig"] {
            let flipped = (0..).map_while(|bit| Some((bit, flipped_inside(&bundle, pointer, bit)?)));
            let count = flipped.inspect(|(bit, bundle)| assert!(!is_believed(bundle), "{pointer}: {bit}")).count();
            assert!(count >= 64 * 8, "{pointer}: {count}");
        }
    }
}

/// Each bit of the text of the bundle: where it is still believed, the envelope is the same one.
#[test]
fn any_bit_of_the_file() {
    let bundle = sign(&subject(), &Claims::at(now()), &ed25519()).unwrap();
    let envelope = |bundle: &[u8]| serde_json::from_slice::<Value>(bundle).unwrap()["dsseEnvelope"].clone();
    let good = envelope(&bundle);
    for bit in 0..bundle.len() * 8 {
        let mut flipped = bundle.clone();
        flip(&mut flipped, bit);
        if is_believed(&flipped) {
            assert_eq!(envelope(&flipped), good, "{}", String::from_utf8_lossy(&flipped));
        }
    }
}

proptest! {
    /// Claims of any texts come back, and are for one subject alone.
    #[test]
    fn any_claims(annotations in prop::collection::btree_map(".{0,20}", ".{0,40}", 0..8), seconds in 1i64..1 << 40) {
        let expires = now().checked_add_signed(chrono::TimeDelta::seconds(seconds % (1 << 35)));
        let claims = Claims { expires, annotations, ..Claims::at(now()) };
        let bundle = sign(&subject(), &claims, &ed25519()).unwrap();
        prop_assert_eq!(verify(&bundle, &subject(), &both(), now()).unwrap().claims, claims);
        let other = wattle_spec::digest::Digest::of(&bundle);
        prop_assert!(verify(&bundle, &other, &both(), now()).is_err());
    }

    #[test]
    fn any_bytes(bytes: Vec<u8>, text in ".*") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            prop_assert!(!is_believed(bytes));
            prop_assert!(verify_attestation(bytes, &subject(), &both()).is_err());
            prop_assert!(simple::verify(bytes, &text, &subject(), &both()).is_err());
            prop_assert!(PublicKey::from_pem(bytes).is_err());
            prop_assert!(PrivateKey::from_pem(bytes).is_err());
            for key in both() {
                prop_assert!(!key.verifies(text.as_bytes(), bytes));
            }
        }
    }

    /// Any bytes where a key should be.
    #[test]
    fn any_der(der: Vec<u8>) {
        let sequence = [b"\x30\x2a".as_slice(), &der].concat();
        for (label, der) in [("PUBLIC", &der), ("PUBLIC", &sequence), ("PRIVATE", &der), ("EC PRIVATE", &sequence)] {
            let file = format!("-----BEGIN {label} KEY-----\n{}\n-----END {label} KEY-----\n", STANDARD.encode(der));
            prop_assert!(PublicKey::from_pem(file.as_bytes()).is_err());
            prop_assert!(PrivateKey::from_pem(file.as_bytes()).is_err());
        }
    }

    /// Any bytes under a good signature.
    #[test]
    fn any_payload(payload: Vec<u8>) {
        prop_assert!(!is_believed(bundle_of(&payload, &p256()).to_string().as_bytes()));
    }

    /// A part of a good bundle replaced by any text.
    #[test]
    fn any_part(text in ".*", part in 0usize..6) {
        let mut bundle = bundle_of(statement().to_string().as_bytes(), &p256());
        let pointers = [
            "/mediaType",
            "/verificationMaterial",
            "/dsseEnvelope",
            "/dsseEnvelope/payload",
            "/dsseEnvelope/payloadType",
            "/dsseEnvelope/signatures/0/sig",
        ];
        *bundle.pointer_mut(pointers[part]).unwrap() = text.into();
        prop_assert!(!is_believed(bundle.to_string().as_bytes()));
    }
}
