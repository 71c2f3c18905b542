//! Signatures that are worth nothing, as `wattle verify` tells of them: those of others, those of yesterday, and those
//! that somebody put together.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wattle_artifact::format::media_type;
use wattle_spec::digest::Digest;
use wattle_testkit::{App, FakeRegistry, Ran, Registry, Reply, guests};

use crate::WATTLE;
use crate::artifacts::done;
use crate::artifacts_made::{described, get, missing};

/// What is read of the registry.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

/// A signed artifact, taken out of its registry.
struct Signed {
    app: App,
    digest: String,
    manifest: Vec<u8>,
    /// The list of what is about it, the signature in the list, and its bundle.
    list: Value,
    signature: Value,
    bundle: Value,
    /// The bundle with which the same key signed something else.
    other: Value,
}

impl Signed {
    /// Signed with `mine.pem`, as these arguments say. `None`: there is no registry here.
    #[track_caller]
    fn make(arguments: &[&str]) -> Option<Self> {
        let registry = Registry::start()?;
        let app = App::empty().guest(&guests::hello());
        done(&app, &["key", "new", "mine.pem"]);
        let at = |tag: &str| format!("{}/shop/hello:{tag}", registry.authority());
        let digest = |tag: &str| {
            let pushed = done(&app, &["push", "hello.wasm", &at(tag), "--annotation", &format!("tag={tag}")]);
            done(&app, &[&["sign", &at(tag), "--key", "mine.pem"], arguments].concat());
            pushed.rsplit_once('@').unwrap().1.to_owned()
        };
        let (digest, other) = (digest("1"), digest("2"));
        let read = |path: &str| get(&registry.authority(), &format!("/v2/shop/hello/{path}"), ACCEPTED);
        let json = |path: &str| serde_json::from_slice::<Value>(&read(path)).unwrap();
        let list = |digest: &str| json(&format!("manifests/{}", digest.replace(':', "-")));
        let signature = |digest: &str| json(&format!("manifests/{}", text(&list(digest)["manifests"][0]["digest"])));
        let bundle = |digest: &str| json(&format!("blobs/{}", text(&signature(digest)["layers"][0]["digest"])));
        Some(Self {
            manifest: read(&format!("manifests/{digest}")),
            list: list(&digest),
            signature: signature(&digest),
            bundle: bundle(&digest),
            other: bundle(&other),
            digest,
            app,
        })
    }

    /// A registry that has the artifact, and this bundle as a signature of it.
    fn with(&self, bundle: &Value) -> FakeRegistry {
        let bundle = bundle.to_string().into_bytes();
        let mut signature = self.signature.clone();
        signature["layers"][0] = described(text(&signature["layers"][0]["mediaType"]), &bundle);
        let signature = signature.to_string().into_bytes();
        let mut list = self.list.clone();
        list["manifests"][0]["digest"] = Digest::of(&signature).to_string().into();
        list["manifests"][0]["size"] = signature.len().into();
        let list = list.to_string().into_bytes();
        let (index, manifest) = (media_type::INDEX, media_type::MANIFEST);
        let parts: BTreeMap<String, (&str, Vec<u8>)> = [
            ("manifests/1".into(), (manifest, self.manifest.clone())),
            (format!("manifests/{}", self.digest), (manifest, self.manifest.clone())),
            (format!("manifests/{}", self.digest.replace(':', "-")), (index, list)),
            (format!("manifests/{}", Digest::of(&signature)), (manifest, signature)),
            (format!("blobs/{}", Digest::of(&bundle)), ("application/octet-stream", bundle)),
        ]
        .into();
        FakeRegistry::start(move |request, _| {
            let target = request.head.split(' ').nth(1).unwrap_or_default();
            let Some((kind, bytes)) = parts.get(target.trim_start_matches("/v2/shop/hello/")) else { return missing() };
            let fields = format!("content-type: {kind}\r\ndocker-content-digest: {}\r\n", Digest::of(bytes));
            match request.head.starts_with("HEAD") {
                true => Reply::Whole(
                    format!("HTTP/1.1 200 OK\r\n{fields}content-length: {}\r\n\r\n", bytes.len()).into_bytes(),
                ),
                false => Reply::new("200 OK", &fields, bytes),
            }
        })
    }

    /// What verifying with the public key `key` ends with where the signature has this bundle.
    #[track_caller]
    fn verified(&self, bundle: &Value, key: &str) -> Ran {
        let registry = self.with(bundle);
        let reference = format!("{}/shop/hello:1", registry.authority());
        Ran::of(WATTLE.command(&self.app).args(["verify", &reference, "--key", key])).cleaned(&self.app)
    }

    /// The same, where it has to fail, with names for what differs from run to run.
    #[track_caller]
    fn refused(&self, bundle: &Value, key: &str) -> String {
        let ran = self.verified(bundle, key);
        assert!(ran.stdout.is_empty(), "{ran}");
        let named = ran.to_string().replace(&self.digest, "ARTIFACT").replace("127.0.0.1:PORT", "HOST");
        let named = match named.split_once("expired at ").and_then(|(_, rest)| rest.split_once('\n')) {
            Some((time, _)) => named.replace(time, "TIME"),
            None => named,
        };
        // The identifiers of keys, and the digest of what else was signed.
        let named = named.split(' ').map(|word| if word.len() > 40 && !word.contains('\n') { "ID" } else { word });
        named.collect::<Vec<_>>().join(" ")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn what_somebody_put_together() {
    let Some(signed) = Signed::make(&[]) else { return };
    // As it is, it is good: what is refused below is refused for its change.
    let good = signed.verified(&signed.bundle, "mine.pem.pub");
    assert!(good.is_ok() && good.stdout.contains(&signed.digest), "{good}");

    let mut flipped = signed.bundle.clone();
    let signature = &mut flipped["dsseEnvelope"]["signatures"][0]["sig"];
    let (first, rest) = text(signature).split_at(1);
    *signature = format!("{}{rest}", if first == "A" { "B" } else { "A" }).into();
    insta::assert_snapshot!(signed.refused(&flipped, "mine.pem.pub"), @"
    exit: 1
    ----- stderr
    error: no signature of HOST/shop/hello:1@ARTIFACT counts: the signature is not one that the key ID made of this
    hint: name the public key of whoever signed it, or sign it: wattle sign HOST/shop/hello:1@ARTIFACT --key FILE
    ");

    // What they said of something else is not said of this, and their name is not taken for it either.
    insta::assert_snapshot!(signed.refused(&signed.other, "mine.pem.pub"), @"
    exit: 1
    ----- stderr
    error: no signature of HOST/shop/hello:1@ARTIFACT counts: it is about ID and not about ARTIFACT
    hint: name the public key of whoever signed it, or sign it: wattle sign HOST/shop/hello:1@ARTIFACT --key FILE
    ");
    let mut mixed = signed.bundle.clone();
    mixed["dsseEnvelope"]["payload"] = signed.other["dsseEnvelope"]["payload"].clone();
    insta::assert_snapshot!(signed.refused(&mixed, "mine.pem.pub"), @"
    exit: 1
    ----- stderr
    error: no signature of HOST/shop/hello:1@ARTIFACT counts: the signature is not one that the key ID made of this
    hint: name the public key of whoever signed it, or sign it: wattle sign HOST/shop/hello:1@ARTIFACT --key FILE
    ");

    insta::assert_snapshot!(signed.refused(&json!({ "mediaType": "text/plain" }), "mine.pem.pub"), @"
    exit: 1
    ----- stderr
    error: no signature of HOST/shop/hello:1@ARTIFACT counts: it is no Sigstore bundle: missing field `verificationMaterial` at line 1 column 26
    hint: name the public key of whoever signed it, or sign it: wattle sign HOST/shop/hello:1@ARTIFACT --key FILE
    ");
}

#[test]
fn what_has_expired() {
    let Some(signed) = Signed::make(&["--expires", "1ms"]) else { return };
    insta::assert_snapshot!(signed.refused(&signed.bundle, "mine.pem.pub"), @"
    exit: 1
    ----- stderr
    error: no signature of HOST/shop/hello:1@ARTIFACT counts: the signature expired at TIME
    hint: name the public key of whoever signed it, or sign it: wattle sign HOST/shop/hello:1@ARTIFACT --key FILE
    ");
}

#[test]
fn what_somebody_else_signed() {
    let Some(signed) = Signed::make(&[]) else { return };
    done(&signed.app, &["key", "new", "other.pem"]);
    insta::assert_snapshot!(signed.refused(&signed.bundle, "other.pem.pub"), @"
    exit: 1
    ----- stderr
    error: no signature of HOST/shop/hello:1@ARTIFACT counts: it is signed with the key ID which is not among those that are trusted
    hint: name the public key of whoever signed it, or sign it: wattle sign HOST/shop/hello:1@ARTIFACT --key FILE
    ");
    // A key that was made of another kind is not confused with it.
    done(&signed.app, &["key", "new", "p256.pem", "--kind", "p256"]);
    insta::assert_snapshot!(signed.refused(&signed.bundle, "p256.pem.pub"), @"
    exit: 1
    ----- stderr
    error: no signature of HOST/shop/hello:1@ARTIFACT counts: it is signed with the key ID which is not among those that are trusted
    hint: name the public key of whoever signed it, or sign it: wattle sign HOST/shop/hello:1@ARTIFACT --key FILE
    ");
}
