//! Signatures of cosign before version 3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wattle_artifact::sign::bundle::SIGNATURE_MAX_LEN;
use wattle_artifact::sign::claims::Claims;
use wattle_artifact::sign::key::{Kind, PrivateKey, PublicKey};
use wattle_artifact::sign::simple::verify;

use super::{P256_ID, both, chain, ed25519, p256, subject};

/// As cosign writes it, with the order of its fields.
fn payload() -> String {
    let image = format!(r#"{{"docker-manifest-digest":"{}"}}"#, subject());
    let critical = r#"{"identity":{"docker-reference":"registry.example/app"},"image":"#;
    format!(r#"{{"critical":{critical}{image},"type":"cosign container image signature"}},"optional":null}}"#)
}

fn signature(payload: &str, key: &PrivateKey) -> String {
    STANDARD.encode(key.sign(payload.as_bytes()).unwrap())
}

#[track_caller]
fn check(payload: &str, signature: &str, keys: &[PublicKey], expected: &str) {
    let result = match verify(payload.as_bytes(), signature, &subject(), keys) {
        Ok(verified) => format!("{} {:?}", verified.key, verified.claims.annotations),
        Err(error) => chain(&error),
    };
    assert_eq!(result, expected);
}

/// What is said of a payload that is well signed.
#[track_caller]
fn check_payload(change: impl FnOnce(&mut Value), expected: &str) {
    let mut value: Value = serde_json::from_str(&payload()).unwrap();
    change(&mut value);
    let payload = value.to_string();
    check(&payload, &signature(&payload, &p256()), &both(), expected);
}

#[test]
fn good() {
    for key in [p256(), ed25519()] {
        let verified = verify(payload().as_bytes(), &signature(&payload(), &key), &subject(), &both()).unwrap();
        assert_eq!((verified.key, verified.claims), (key.public().id(), Claims::default()));
    }
    check(&payload(), &format!("{}\n", signature(&payload(), &p256())), &both(), &format!("{P256_ID} {{}}"));
    check_payload(|p| p["optional"] = json!({}), &format!("{P256_ID} {{}}"));
    check_payload(
        |p| p["optional"] = json!({ "creator": "x", "timestamp": 5 }),
        &format!("{P256_ID} {{\"creator\": \"x\", \"timestamp\": \"5\"}}"),
    );
}

#[test]
fn bad() {
    let (keys, stranger) = (both(), PrivateKey::generate(Kind::P256).unwrap());
    let wrong = format!("the signature is not one that the key {P256_ID} made of this");
    check(
        &payload(),
        &signature(&payload(), &stranger),
        &keys,
        "it is signed with none of the 2 keys that are trusted",
    );
    check(&payload(), &signature(&payload(), &stranger), &keys[..1], &wrong);
    check(&payload(), &signature(&payload(), &stranger), &[], "it is signed with none of the 0 keys that are trusted");
    check(&payload(), "", &keys[..1], &wrong);
    check(&payload(), "!", &keys, "the signature is not base64: Invalid symbol 33, offset 0.");
    // One blank more is other bytes, and the same JSON.
    check(&(payload() + " "), &signature(&payload(), &p256()), &keys[..1], &wrong);
    let long = " ".repeat(SIGNATURE_MAX_LEN + 1);
    check(&long, "", &keys, "it has 65537 bytes, and 65536 are the most");
    check(&payload(), &long, &keys, "it has 65537 bytes, and 65536 are the most");
}

#[test]
fn signed_but_something_else() {
    let other = format!("sha256:{}", "0".repeat(64));
    check_payload(
        |p| p["critical"]["image"]["docker-manifest-digest"] = other.as_str().into(),
        &format!("it is about {other} and not about {}", subject()),
    );
    check_payload(
        |p| p["critical"]["image"]["docker-manifest-digest"] = "sha512:00".into(),
        &format!("it is about nothing with a SHA-256 digest and not about {}", subject()),
    );
    check_payload(
        |p| p["critical"]["type"] = "atomic container signature".into(),
        "it says \"atomic container signature\" and not \"cosign container image signature\"",
    );
    check_payload(
        |p| p["critical"] = json!({}),
        "what is signed is no simple signing payload: missing field `image` at line 1 column 14",
    );
    check(
        "{",
        &signature("{", &p256()),
        &both(),
        "what is signed is no simple signing payload: EOF while parsing an object at line 1 column 1",
    );
}

/// A bundle's envelope and a bare payload are signed differently: neither stands for the other.
#[test]
fn not_the_statement_of_a_bundle() {
    let bundle = super::bundle_of(payload().as_bytes(), &p256());
    let inside = bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap();
    check(&payload(), inside, &both(), "it is signed with none of the 2 keys that are trusted");
}
