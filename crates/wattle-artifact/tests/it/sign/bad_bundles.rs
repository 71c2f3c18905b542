//! Bundles that are not believed, each for its reason.

use serde_json::{Value, json};
use wattle_artifact::sign::bundle::{self, SIGNATURE_MAX_LEN};
use wattle_artifact::sign::claims::Claims;
use wattle_artifact::sign::key::{Kind, PrivateKey, PublicKey};
use wattle_spec::digest::Digest;

use super::{ED25519_ID, P256_ID, SIGN, both, bundle_of, chain, ed25519, now, p256, statement, subject};

/// What is said of a bundle.
fn refusal(bundle: impl AsRef<[u8]>, keys: &[PublicKey]) -> String {
    match bundle::verify(bundle.as_ref(), &subject(), keys, now()) {
        Ok(verified) => format!("{verified:?}"),
        Err(error) => chain(&error),
    }
}

/// What is said of a good bundle after a change to it.
#[track_caller]
fn check_bundle(change: impl FnOnce(&mut Value), expected: &str) {
    let mut bundle = bundle_of(statement().to_string().as_bytes(), &p256());
    change(&mut bundle);
    assert_eq!(refusal(bundle.to_string(), &both()), expected);
}

/// What is said of a bundle that is well signed, but with a change to what is signed.
#[track_caller]
fn check_statement(change: impl FnOnce(&mut Value), expected: &str) {
    let mut statement = statement();
    change(&mut statement);
    assert_eq!(refusal(bundle_of(statement.to_string().as_bytes(), &p256()).to_string(), &both()), expected);
}

#[test]
fn no_bundle() {
    let keys = &both();
    assert_eq!(refusal("", keys), "it is no Sigstore bundle: EOF while parsing a value at line 1 column 0");
    assert_eq!(refusal("\0asm", keys), "it is no Sigstore bundle: expected value at line 1 column 1");
    assert_eq!(refusal("{}", keys), "it is no Sigstore bundle: missing field `mediaType` at line 1 column 2");
    assert!(refusal("[".repeat(SIGNATURE_MAX_LEN), keys).starts_with("it is no Sigstore bundle: "));
    assert_eq!(refusal(" ".repeat(SIGNATURE_MAX_LEN + 1), keys), "it has 65537 bytes, and 65536 are the most");
    let attestation = " ".repeat((4 << 20) + 1);
    let error = bundle::verify_attestation(attestation.as_bytes(), &subject(), keys).unwrap_err();
    assert_eq!(error.to_string(), "it has 4194305 bytes, and 4194304 are the most");
}

#[test]
fn incomplete() {
    check_bundle(|b| b["dsseEnvelope"] = Value::Null, "the Sigstore bundle has no dsseEnvelope");
    check_bundle(|b| b["verificationMaterial"] = json!({}), "the Sigstore bundle has no publicKey");
    check_bundle(
        |b| b["dsseEnvelope"]["signatures"] = json!([]),
        "an envelope in a Sigstore bundle has one signature, and this one has 0",
    );
    check_bundle(
        |b| {
            let signature = b["dsseEnvelope"]["signatures"][0].clone();
            b["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(signature);
        },
        "an envelope in a Sigstore bundle has one signature, and this one has 2",
    );
    check_bundle(
        |b| b["dsseEnvelope"]["payload"] = "a b".into(),
        "the payload is not base64: Invalid symbol 32, offset 1.",
    );
    check_bundle(
        |b| b["dsseEnvelope"]["signatures"][0]["sig"] = "\u{e9}".into(),
        "the signature is not base64: Invalid symbol 195, offset 0.",
    );
}

#[test]
fn good_elsewhere() {
    let certificate = "it is signed with a certificate, and only signatures of keys are checked";
    check_bundle(|b| b["verificationMaterial"] = json!({ "certificate": { "rawBytes": "" } }), certificate);
    check_bundle(|b| b["verificationMaterial"] = json!({ "x509CertificateChain": {} }), certificate);
    check_bundle(|b| b["verificationMaterial"]["certificate"] = json!({}), certificate);
    check_bundle(
        |b| {
            b["messageSignature"] = json!({ "signature": "" });
            b["dsseEnvelope"] = Value::Null;
        },
        "it is a signature of bytes, and not of what an artifact is",
    );
    check_bundle(
        |b| b["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json".into(),
        "\"application/vnd.dev.sigstore.bundle.v0.4+json\" is no version of Sigstore's bundles that is known",
    );
    check_bundle(
        |b| b["mediaType"] = "\u{1b}[31m\u{e9}".repeat(1000).into(),
        &format!("{:?} is no version of Sigstore's bundles that is known", "\u{1b}[31m\u{e9}".repeat(20) + "..."),
    );
    check_bundle(
        |b| b["dsseEnvelope"]["payloadType"] = "text/plain".into(),
        "what is signed is \"text/plain\" and no in-toto statement",
    );
}

/// A signature of nobody who is trusted, told by what the bundle says of its key.
#[test]
fn not_of_a_trusted_key() {
    let stranger = PrivateKey::generate(Kind::P256).unwrap();
    let mut bundle = bundle_of(statement().to_string().as_bytes(), &stranger);
    let id = stranger.public().id();
    let unknown = format!("it is signed with the key \"{id}\", which is not among those that are trusted");
    assert_eq!(refusal(bundle.to_string(), &both()), unknown);
    assert_eq!(refusal(bundle.to_string(), &[]), unknown);

    let hint = |bundle: &mut Value, hint: Value| bundle["verificationMaterial"]["publicKey"] = json!({ "hint": hint });
    let wrong = format!("the signature is not one that the key {ED25519_ID} made of this");
    hint(&mut bundle, ED25519_ID.into());
    assert_eq!(refusal(bundle.to_string(), &both()), wrong);
    hint(&mut bundle, Value::Null);
    assert_eq!(refusal(bundle.to_string(), &both()), "it is signed with none of the 2 keys that are trusted");
    assert_eq!(refusal(bundle.to_string(), &[ed25519().public().clone()]), wrong);
    // Where the bundle says nothing of the key, its envelope may.
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = ED25519_ID.into();
    assert_eq!(refusal(bundle.to_string(), &both()), wrong);
    hint(&mut bundle, "x".repeat(1000).into());
    let excerpt = "x".repeat(120) + "...";
    assert_eq!(
        refusal(bundle.to_string(), &both()),
        format!("it is signed with the key \"{excerpt}\", which is not among those that are trusted")
    );
}

/// The payload of one good bundle with the signature of another, or with no signature at all.
#[test]
fn put_together() {
    let wrong = &format!("the signature is not one that the key {P256_ID} made of this");
    let other = bundle_of(b"{}", &p256());
    check_bundle(|b| b["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"].clone(), wrong);
    check_bundle(|b| b["dsseEnvelope"]["signatures"] = other["dsseEnvelope"]["signatures"].clone(), wrong);
    check_bundle(|b| b["dsseEnvelope"]["signatures"][0]["sig"] = "".into(), wrong);
}

#[test]
fn other_statements() {
    let zeros = "0".repeat(64);
    check_statement(
        |s| s["subject"][0]["digest"]["sha256"] = zeros.as_str().into(),
        &format!("it is about sha256:{zeros} and not about {}", subject()),
    );
    check_statement(
        |s| s["subject"] = vec![json!({ "digest": { "sha256": zeros } }); 3].into(),
        &format!("it is about sha256:{zeros} and 2 more and not about {}", subject()),
    );
    for nothing in [json!([]), json!([{ "digest": { "sha512": "00" } }]), json!([{ "name": "x" }])] {
        check_statement(
            |s| s["subject"] = nothing,
            &format!("it is about nothing with a SHA-256 digest and not about {}", subject()),
        );
    }
    let upper = subject().hex().to_uppercase();
    check_statement(
        |s| s["subject"][0]["digest"]["sha256"] = upper.into(),
        &format!("it is about nothing with a SHA-256 digest and not about {}", subject()),
    );
    check_statement(
        |s| s["predicateType"] = "https://slsa.dev/provenance/v1".into(),
        &format!("it says \"https://slsa.dev/provenance/v1\" and not \"{SIGN}\""),
    );
    check_statement(
        |s| s["_type"] = "https://in-toto.io/Statement/v2".into(),
        "what is signed is an in-toto statement of the unknown version \"https://in-toto.io/Statement/v2\"",
    );
    check_statement(
        |s| *s = json!(5),
        "what is signed is no in-toto statement: invalid type: integer `5`, expected struct Statement at line 1 \
         column 1",
    );
}

/// A time that cannot be read is not taken as none.
#[test]
fn other_claims() {
    check_statement(
        |s| s["predicate"] = json!({ "expires": 5 }),
        "the claims of the signature cannot be read: invalid type: integer `5`, expected a string",
    );
    check_statement(
        |s| s["predicate"] = "x".into(),
        "the claims of the signature cannot be read: invalid type: string \"x\", expected struct Predicate",
    );
    check_statement(
        |s| s["predicate"] = json!({ "expires": "soon" }),
        "expires is \"soon\", which is no time of RFC 3339: premature end of input",
    );
    check_statement(
        |s| s["predicate"] = json!({ "signed": "2026-13-01T00:00:00Z" }),
        "signed is \"2026-13-01T00:00:00Z\", which is no time of RFC 3339: input is out of range",
    );
    check_statement(
        |s| s["predicate"] = json!({ "expires": "2026-03-01T11:00:00-01:00" }),
        "the signature expired at 2026-03-01 12:00:00 UTC",
    );
    // Which of two would count is each reader's guess.
    let twice = statement().to_string().replacen('{', "{\"predicateType\":\"x\",", 1);
    assert!(
        refusal(bundle_of(twice.as_bytes(), &p256()).to_string(), &both()).contains("duplicate field `predicateType`")
    );
}

/// A signature of another artifact is good for that one alone.
#[test]
fn another_artifact() {
    let bundle = bundle::sign(&Digest::of(b"another"), &Claims::at(now()), &ed25519()).unwrap();
    let expected = format!("it is about {} and not about {}", Digest::of(b"another"), subject());
    assert_eq!(refusal(bundle, &both()), expected);
}
