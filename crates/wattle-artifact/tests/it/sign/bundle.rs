//! Bundles that are good: the bytes of ours, and those of others.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use wattle_artifact::sign::bundle::{SIGNATURE_MAX_LEN, sign, verify, verify_attestation};
use wattle_artifact::sign::claims::Claims;
use wattle_artifact::sign::key::{Kind, PrivateKey};

use super::{ED25519_ID, P256_ID, at, both, bundle_of, ed25519, now, p256, statement, subject};

fn claims() -> Claims {
    let annotations = [("git".into(), "a1b2\u{e9}".into()), ("built-by".into(), "ci".into())].into();
    Claims { expires: Some(at("2027-03-01T12:00:00+01:00")), annotations, ..Claims::at(now()) }
}

/// The bytes of a signature with a given key never change, so that the same signature has one digest.
#[test]
fn bytes() {
    let bundle = sign(&subject(), &claims(), &ed25519()).unwrap();
    let value: Value = serde_json::from_slice(&bundle).unwrap();
    let payload = STANDARD.decode(value["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let statement = concat!(
        r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":"#,
        r#"{"sha256":"e59625a822497c164d60705eb3fd6975c375ca213b8140137a826a77790986a9"},"#,
        r#""annotations":{"built-by":"ci","git":"a1b2é"}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","#,
        r#""predicate":{"signed":"2026-03-01T12:00:00Z","expires":"2027-03-01T11:00:00Z"}}"#,
    );
    assert_eq!(String::from_utf8(payload.clone()).unwrap(), statement);
    // Made with OpenSSL.
    let signature = "6JnN/wnacWVD5ot20aF20ILjreTbODtb/myNVugu+Yp23+anIIWu3YQvT9w7oLbVcToy32RM4l0ZjYQWWRd0BQ==";
    let expected = [
        r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":""#,
        ED25519_ID,
        r#""}},"dsseEnvelope":{"payload":""#,
        &STANDARD.encode(statement),
        r#"","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":""#,
        signature,
        r#""}]}}"#,
    ];
    assert_eq!(String::from_utf8(bundle.clone()).unwrap(), expected.concat());
    // And they are what the specifications say, by other code.
    assert_eq!(value, bundle_of(&payload, &ed25519()));
}

/// Without claims it is, but for blanks, what cosign signs.
#[test]
fn nothing_claimed() {
    let bundle = sign(&subject(), &Claims::default(), &ed25519()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&bundle).unwrap()["dsseEnvelope"]["payload"], {
        let text = format!(
            "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{{\"digest\":{{\"sha256\":\"{}\"}}}}],\
             \"predicateType\":\"https://sigstore.dev/cosign/sign/v1\",\"predicate\":{{}}}}",
            subject().hex()
        );
        STANDARD.encode(text)
    });
}

#[test]
fn claims_come_back() {
    for key in [ed25519(), p256(), PrivateKey::generate(Kind::P256).unwrap()] {
        let keys = [both().as_slice(), &[key.public().clone()]].concat();
        for claims in [claims(), Claims::at(now()), Claims::default()] {
            let bundle = sign(&subject(), &claims, &key).unwrap();
            let verified = verify(&bundle, &subject(), &keys, now()).unwrap();
            assert_eq!((verified.key, verified.claims), (key.public().id(), claims));
        }
    }
}

/// Which key it is comes from the signature. What the bundle says of it may be absent, of cosign, or wrong.
#[test]
fn a_hint_is_no_more_than_that() {
    let cosign = "Wnp4zKSg9CDZvGK7Zpw8J1njn3I9OuENy+DwgVoH7NQ=";
    for hint in [
        json!({}),
        json!({ "hint": "" }),
        json!({ "hint": cosign }),
        json!({ "hint": "x" }),
        json!({ "hint": ED25519_ID }),
    ] {
        let mut bundle = bundle_of(statement().to_string().as_bytes(), &p256());
        bundle["verificationMaterial"]["publicKey"] = hint;
        for keyid in [json!(null), json!(""), json!("SHA256:x"), json!(ED25519_ID)] {
            bundle["dsseEnvelope"]["signatures"][0]["keyid"] = keyid;
            let verified = verify(bundle.to_string().as_bytes(), &subject(), &both(), now()).unwrap();
            assert_eq!(verified.key.to_string(), P256_ID, "{bundle}");
        }
    }
}

/// As others write them: more fields, several subjects, other alphabets, older versions.
#[test]
fn others() {
    let check = |bundle: &Value| verify(bundle.to_string().as_bytes(), &subject(), &both(), now()).unwrap().claims;

    let mut statement = statement();
    statement["_type"] = "https://in-toto.io/Statement/v0.1".into();
    let digest = json!({ "sha512": "ab", "sha256": subject().hex() });
    let ours = json!({ "name": "x", "digest": digest, "annotations": { "n": 1, "t": "x" } });
    let others = [
        json!({ "uri": "git:x" }),
        json!({ "digest": { "sha256": "no hex" } }),
        json!({ "digest": { "gitCommit": "ab" } }),
    ];
    statement["subject"] =
        [others.as_slice(), &[ours, json!({ "digest": { "sha256": "0".repeat(64) } })]].concat().into();
    let payload = statement.to_string();
    let mut bundle = bundle_of(payload.as_bytes(), &p256());
    let annotations = [("n".into(), "1".into()), ("t".into(), "x".into())].into();
    assert_eq!(check(&bundle), Claims { annotations, ..Claims::default() });

    bundle["dsseEnvelope"]["payload"] = URL_SAFE_NO_PAD.encode(&payload).into();
    bundle["verificationMaterial"]["tlogEntries"] = json!([{ "logIndex": "1" }]);
    bundle["verificationMaterial"]["timestampVerificationData"] = json!({});
    check(&bundle);

    for version in ["0.1", "0.2", "0.3"] {
        bundle["mediaType"] = format!("application/vnd.dev.sigstore.bundle+json;version={version}").into();
        check(&bundle);
    }
}

#[test]
fn an_attestation_of_any_kind() {
    let mut statement = statement();
    statement["predicateType"] = "https://slsa.dev/provenance/v1".into();
    statement["predicate"] = json!({ "builder": [1, null], "expires": 5, "text": "x".repeat(SIGNATURE_MAX_LEN) });
    statement["subject"][0]["annotations"] = json!({ "a": "b" });
    let bundle = bundle_of(statement.to_string().as_bytes(), &p256()).to_string();
    let attestation = verify_attestation(bundle.as_bytes(), &subject(), &both()).unwrap();
    assert_eq!(attestation.key.to_string(), P256_ID);
    assert_eq!(attestation.predicate_type, "https://slsa.dev/provenance/v1");
    assert_eq!(attestation.predicate, statement["predicate"]);
    assert_eq!(attestation.annotations, [("a".into(), "b".into())].into());

    // A signature is one too.
    let signature = sign(&subject(), &Claims::at(now()), &ed25519()).unwrap();
    let attestation = verify_attestation(&signature, &subject(), &both()).unwrap();
    assert_eq!(attestation.predicate, json!({ "signed": "2026-03-01T12:00:00Z" }));
}

/// The moments at which a signature begins and ends to be worth something.
#[test]
fn times() {
    let bundle = sign(&subject(), &claims(), &ed25519()).unwrap();
    let holds = |at: DateTime<_>| match verify(&bundle, &subject(), &both(), at) {
        Ok(_) => "holds".into(),
        Err(error) => error.to_string(),
    };
    let second = TimeDelta::seconds(1);
    let (begins, ends) = (now() - TimeDelta::minutes(5), claims().expires.unwrap());
    assert_eq!(
        holds(begins - second),
        "it was signed at 2026-03-01 12:00:00 UTC, and it is 2026-03-01 11:54:59 UTC here"
    );
    assert_eq!(holds(begins), "holds");
    assert_eq!(holds(ends - second), "holds");
    assert_eq!(holds(ends), "the signature expired at 2027-03-01 11:00:00 UTC");
    assert_eq!(holds(DateTime::<chrono::Utc>::MAX_UTC), "the signature expired at 2027-03-01 11:00:00 UTC");
    assert!(holds(DateTime::<chrono::Utc>::MIN_UTC).starts_with("it was signed at "));
}

/// What nobody would believe is not signed.
#[test]
fn not_signed() {
    let refusal = |claims: &Claims| sign(&subject(), claims, &ed25519()).unwrap_err().to_string();
    let past = Claims { expires: Some(now()), ..Claims::at(now()) };
    assert_eq!(refusal(&past), "a signature of 2026-03-01 12:00:00 UTC cannot expire at 2026-03-01 12:00:00 UTC");
    let never = Claims { expires: Some(DateTime::<chrono::Utc>::MAX_UTC), ..Claims::at(now()) };
    assert_eq!(refusal(&never), "the year 262142 cannot be written");
    let annotations = [("a".into(), "x".repeat(SIGNATURE_MAX_LEN))].into();
    let long = Claims { annotations, ..Claims::at(now()) };
    assert_eq!(refusal(&long), "the signature would have 88110 bytes, and 65536 are the most");
}
