//! Registries on their bad days, as people see them: what failed, on what, why, and what to do; nothing that came of it
//! is used, and what passes is not noticed.
//!
//! What else a registry can do is in the tests of `wattle-artifact`.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use wattle_spec::digest::Digest;
use wattle_testkit::upstream::Request;
use wattle_testkit::{App, FakeRegistry, Ran, Registry, Reply, guests, until};

use crate::WATTLE;
use crate::artifacts::{app_of, done};
use crate::artifacts_made::{INDEX, Made, described, missing, names};

/// More than one buffer of anything.
const LEN: usize = 300_000;

/// What pulling from this registry ends with, which has nothing that could be kept.
#[track_caller]
fn refused(registry: &FakeRegistry, made: &Made) -> String {
    let app = App::empty();
    let reference = format!("{}/shop/cart:1", registry.authority());
    let ran = Ran::of(WATTLE.command(&app).args(["pull", &reference, "-o", "cart.wasm"])).cleaned(&app);
    assert!(ran.stdout.is_empty() && !app.join("cart.wasm").exists(), "{ran}");
    let blobs = names(&app.cache_dir().join("wattle/artifacts/blobs/sha256"));
    assert!(!blobs.contains(&Digest::of(&made.wasm).hex()), "{blobs:?}");
    assert_eq!(done(&app, &["cache", "list", "--json"]).matches("\"reference\"").count(), 0, "{ran}");
    done(&app, &["cache", "verify"]);
    let named = ran.to_string().replace(&made.digest().to_string(), "MANIFEST");
    named.replace(&Digest::of(&made.wasm).to_string(), "LAYER").replace("127.0.0.1:PORT", "HOST")
}

/// What pulling ends with where the layer is answered like this.
#[track_caller]
fn layer(reply: impl Fn(&Made) -> Reply + Send + Sync + 'static) -> String {
    let made = Made::large(LEN);
    let registry = made.registry(move |made, request, _| made.is_layer(request).then(|| reply(made)));
    refused(&registry, &made)
}

#[test]
fn a_layer_with_other_bytes() {
    let other = |made: &Made| {
        let mut other = made.wasm.clone();
        other[LEN / 2] ^= 1;
        other
    };
    let told = layer(move |made| Reply::new("200 OK", "", other(made)));
    let found = Digest::of(&other(&Made::large(LEN))).to_string();
    insta::assert_snapshot!(told.replace(&found, "OTHER"), @"
    exit: 3
    ----- stderr
    error: cannot pull HOST/shop/cart:1@MANIFEST
      caused by: HOST sent OTHER where LAYER was asked for or promised
    hint: it is damaged in HOST or on the way: push it again, or pull it from elsewhere
    ");
}

#[test]
fn a_layer_that_is_cut_each_time() {
    let told = layer(|made| Reply::lying("200 OK", "", made.wasm.len(), &made.wasm[..LEN / 2]));
    insta::assert_snapshot!(told, @"
    exit: 3
    ----- stderr
    error: cannot pull HOST/shop/cart:1@MANIFEST
      caused by: HOST did not answer to the end
      caused by: error decoding response body
      caused by: error reading a body from connection
      caused by: end of file before message length reached
    hint: try again; a pull goes on where this one ended
    ");
}

#[test]
fn a_layer_that_is_shorter_than_announced() {
    insta::assert_snapshot!(layer(|made| Reply::new("200 OK", "", &made.wasm[1..])), @"
    exit: 3
    ----- stderr
    error: cannot pull HOST/shop/cart:1@MANIFEST
      caused by: HOST has 300013 bytes of LAYER, which should have 300014
    hint: it is damaged in HOST or on the way: push it again, or pull it from elsewhere
    ");
}

#[test]
fn a_layer_that_is_longer_than_announced() {
    insta::assert_snapshot!(layer(|made| Reply::new("200 OK", "", [&made.wasm[..], b"x"].concat())), @"
    exit: 3
    ----- stderr
    error: cannot pull HOST/shop/cart:1@MANIFEST
      caused by: HOST has 300015 bytes of LAYER, which should have 300014
    hint: it is damaged in HOST or on the way: push it again, or pull it from elsewhere
    ");
    // Nor where nobody says how long it is: it is stopped on the way, some bytes later.
    let endless = layer(|made| {
        let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        Reply::Cut([&head[..], &made.wasm, &[0; LEN]].concat())
    });
    assert!(endless.contains("bytes of LAYER, which should have 300014"), "{endless}");
}

#[test]
fn a_layer_that_is_not_there() {
    insta::assert_snapshot!(layer(|_| missing()), @"
    exit: 3
    ----- stderr
    error: cannot pull HOST/shop/cart:1@MANIFEST
      caused by: there is no LAYER in HOST/shop/cart
    hint: look for a mistake in the name; some registries hide what only some may see: wattle login HOST
    ");
}

#[test]
fn a_layer_of_another_media_type() {
    let made = Made::large(LEN).changed(|manifest| manifest["layers"][0]["mediaType"] = json!("text/plain"));
    insta::assert_snapshot!(refused(&made.registry(|_, _, _| None), &made), @r#"
    exit: 2
    ----- stderr
    error: HOST/shop/cart:1@MANIFEST cannot be run
      caused by: its layer is of the media type "text/plain", and that of a Wasm artifact is "application/wasm"
    hint: see what it is: wattle inspect HOST/shop/cart:1@MANIFEST
    "#);
    let made = Made::large(LEN).changed(|manifest| {
        manifest["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
        manifest["layers"][0]["mediaType"] = json!("application/vnd.cncf.helm.chart.content.v1.tar+gzip");
    });
    insta::assert_snapshot!(refused(&made.registry(|_, _, _| None), &made), @r#"
    exit: 2
    ----- stderr
    error: HOST/shop/cart:1@MANIFEST cannot be run
      caused by: it holds no Wasm: its configuration is of the media type "application/vnd.cncf.helm.config.v1+json", its layers are of "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    hint: see what it is: wattle inspect HOST/shop/cart:1@MANIFEST
    "#);
}

#[test]
fn a_manifest_that_is_none() {
    let mut made = Made::large(LEN);
    made.manifest = b"<html>Please log in</html>".to_vec();
    insta::assert_snapshot!(refused(&made.registry(|_, _, _| None), &made), @"
    exit: 2
    ----- stderr
    error: the manifest MANIFEST of HOST/shop/cart:1 cannot be used
      caused by: it is no manifest
      caused by: expected value at line 1 column 1
    hint: push what is to run: wattle push FILE REFERENCE
    ");
    let made = Made::large(LEN).changed(|manifest| manifest["mediaType"] = json!("text/html"));
    insta::assert_snapshot!(refused(&made.registry(|_, _, _| None), &made), @r#"
    exit: 2
    ----- stderr
    error: the manifest MANIFEST of HOST/shop/cart:1 cannot be used
      caused by: its media type "text/html" is neither that of a manifest nor that of an index
    hint: push what is to run: wattle push FILE REFERENCE
    "#);
}

#[test]
fn a_manifest_with_other_bytes() {
    let made = Made::large(LEN);
    let registry = made.registry(|made, request, _| {
        let is_it = request.head.contains("/manifests/") && request.head.starts_with("GET");
        let promised = format!("docker-content-digest: {}\r\n", made.digest());
        is_it.then(|| Reply::new("200 OK", &promised, made.manifest.to_ascii_uppercase()))
    });
    let found = Digest::of(&made.manifest.to_ascii_uppercase()).to_string();
    insta::assert_snapshot!(refused(&registry, &made).replace(&found, "OTHER"), @"
    exit: 3
    ----- stderr
    error: cannot pull HOST/shop/cart:1
      caused by: HOST sent OTHER where MANIFEST was asked for or promised
    hint: it is damaged in HOST or on the way: push it again, or pull it from elsewhere
    ");
}

#[test]
fn a_manifest_of_more_than_4_mib() {
    let made = Made::large(LEN).changed(|manifest| manifest["annotations"] = json!({ "a": "b".repeat(4 << 20) }));
    insta::assert_snapshot!(refused(&made.registry(|_, _, _| None), &made), @"
    exit: 3
    ----- stderr
    error: cannot pull HOST/shop/cart:1
      caused by: HOST sent a manifest of more than 4194304 bytes
    hint: push it again with fewer annotations
    ");
}

/// An index leads to manifests, and never to another index: nobody walks in circles.
#[test]
fn an_index_that_leads_to_an_index() {
    let mut inner = Made::large(LEN);
    let index = |manifest: &[u8]| {
        let listed = described(INDEX, manifest);
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [listed] }).to_string().into_bytes()
    };
    inner.manifest = index(&inner.manifest);
    let mut outer = inner.clone();
    outer.manifest = index(&inner.manifest);
    let inside = inner.clone();
    let registry = outer.registry(move |_, request, _| {
        request.head.contains(&inside.digest().to_string()).then(|| inside.answer(request))
    });
    let told = refused(&registry, &outer).replace(&inner.digest().to_string(), "INNER");
    insta::assert_snapshot!(told, @"
    exit: 2
    ----- stderr
    error: the index MANIFEST of HOST/shop/cart:1 leads to another index, INNER, which is not followed
    hint: push what is to run: wattle push FILE REFERENCE
    ");
    assert_eq!(registry.requests().len(), 2, "who says so is not asked for what is in it");
}

/// What passes is tried again: nobody is told, and the pull ends well.
#[test]
fn a_registry_that_wants_to_be_left_alone() {
    let made = Made::large(LEN);
    let registry = made.registry(|_, _, number| match number {
        1 => Some(Reply::new("429 Too Many Requests", "retry-after: 1\r\n", "")),
        3 => Some(Reply::new("500 Oh", "retry-after: 0\r\n", "")),
        5 => Some(Reply::new("503 Oh", "retry-after: 0\r\n", "")),
        _ => None,
    });
    let (app, begun) = (App::empty(), Instant::now());
    done(&app, &["pull", &format!("{}/shop/cart:1", registry.authority()), "-o", "cart.wasm"]);
    assert!(begun.elapsed() >= Duration::from_secs(1), "it came back before it was let");
    assert!(fs::read(app.join("cart.wasm")).unwrap() == made.wasm);

    let an_hour = made.registry(|_, _, _| Some(Reply::new("429 Too Many Requests", "retry-after: 3600\r\n", "")));
    insta::assert_snapshot!(refused(&an_hour, &made), @"
    exit: 3
    ----- stderr
    error: cannot pull HOST/shop/cart:1
      caused by: HOST was asked too often, and wants to be left alone for 3600 s
    hint: log in, or wait, or name a mirror
    ");
    let broken = made.registry(|_, _, _| Some(Reply::new("500 Oh", "retry-after: 0\r\n", "")));
    insta::assert_snapshot!(refused(&broken, &made), @"
    exit: 3
    ----- stderr
    error: cannot pull HOST/shop/cart:1
      caused by: HOST answers 500: it does not say why
    hint: try again later, or tell whoever runs HOST
    ");
    assert_eq!(broken.requests().len(), 5);
}

/// The part from where the request asks for one.
fn part(made: &Made, request: &Request) -> Option<Reply> {
    let from: usize = request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()?;
    let len = made.wasm.len();
    let fields = format!("content-range: bytes {from}-{}/{len}\r\n", len - 1);
    Some(Reply::new("206 Partial Content", &fields, &made.wasm[from..]))
}

/// Which parts of the layer were asked for.
fn ranges(registry: &FakeRegistry, made: &Made) -> Vec<Option<String>> {
    let asked = registry.heads().into_iter().map(|head| Request { head, body: Vec::new() });
    let asked = asked.filter(|request| made.is_layer(request));
    asked.map(|request| request.header("range").map(str::to_owned)).collect()
}

#[test]
fn a_connection_that_is_cut_half_way() {
    let made = Made::large(LEN);
    let half = made.wasm.len() / 2;
    let registry = made.registry(move |made, request, _| {
        let whole = || Reply::lying("200 OK", "", made.wasm.len(), &made.wasm[..half]);
        made.is_layer(request).then(|| part(made, request).unwrap_or_else(whole))
    });
    let app = App::empty();
    done(&app, &["pull", &format!("{}/shop/cart:1", registry.authority()), "-o", "cart.wasm"]);
    assert!(fs::read(app.join("cart.wasm")).unwrap() == made.wasm);
    assert_eq!(ranges(&registry, &made), [None, Some(format!("bytes={half}-"))]);
}

/// Also where it was the end of the process, and the next one goes on.
#[test]
fn a_pull_that_is_killed_half_way() {
    let made = Made::large(LEN);
    let half = made.wasm.len() / 2;
    let registry = made.registry(move |made, request, _| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", made.wasm.len());
        let stalled = || Reply::Stalled([head.as_bytes(), &made.wasm[..half]].concat());
        made.is_layer(request).then(|| part(made, request).unwrap_or_else(stalled))
    });
    let app = App::empty();
    let pull = ["pull", &format!("{}/shop/cart:1", registry.authority()), "-o", "cart.wasm"];
    let mut first = WATTLE.command(&app).args(pull).spawn().unwrap();
    let partial = app.cache_dir().join("wattle/artifacts/partial").join(Digest::of(&made.wasm).hex());
    let kept = || fs::metadata(&partial).is_ok_and(|file| file.len() == half as u64).then_some(());
    until("half of the layer is here", kept);
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!app.join("cart.wasm").exists());
    done(&app, &pull);
    assert!(fs::read(app.join("cart.wasm")).unwrap() == made.wasm);
    assert_eq!(ranges(&registry, &made), [None, Some(format!("bytes={half}-"))]);
    assert!(!partial.exists());
}

/// What the tag led to when it was asked is what is pulled, or nothing is.
#[test]
fn a_tag_that_moves_in_between() {
    let (made, other) = (Made::large(LEN), Made::large(LEN / 2));
    let (digest, moved) = (made.digest(), AtomicBool::new(false));
    let second = other.clone();
    let registry = made.registry(move |_, request, _| {
        let is_tag = request.head.contains("/manifests/1 ");
        (is_tag && moved.swap(true, Ordering::Relaxed)).then(|| second.manifest(request))
    });
    let app = App::empty();
    let reference = format!("{}/shop/cart:1", registry.authority());
    assert_eq!(done(&app, &["pull", &reference, "-o", "cart.wasm"]), format!("{reference}@{digest}"));
    assert!(fs::read(app.join("cart.wasm")).unwrap() == made.wasm);
    let layer = format!("GET /v2/shop/cart/blobs/{}", Digest::of(&made.wasm));
    assert_eq!(registry.requests(), ["GET /v2/shop/cart/manifests/1".to_owned(), layer]);
    // It has moved, and what it leads to now was removed.
    let gone = Ran::of(WATTLE.command(&app).args(["pull", &reference, "-o", "gone.wasm"])).cleaned(&app);
    let told = gone.to_string().replace(&other.digest().to_string(), "OTHER").replace("127.0.0.1:PORT", "HOST");
    insta::assert_snapshot!(told, @"
    exit: 3
    ----- stderr
    error: cannot pull HOST/shop/cart@OTHER
      caused by: there is no OTHER in HOST/shop/cart
    hint: look for a mistake in the name; some registries hide what only some may see: wattle login HOST
    ");
    assert!(!app.join("gone.wasm").exists());
}

/// Where nobody answers, what is here is started, and what is not here is missed by name.
#[test]
fn a_registry_that_is_down() {
    let Some(mut registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello());
    let reference = format!("{}/shop/hello:1", registry.authority());
    done(&app, &["push", "hello.wasm", &reference]);
    let (with, without) = (app_of(&reference, ""), app_of(&reference, ""));
    done(&with, &["pull", &reference]);
    registry.kill();
    assert!(WATTLE.up(&with).start().get("/").text().starts_with("Hello"));
    insta::assert_snapshot!(WATTLE.up(&without).refused(), @"
    exit: 3
    ----- stderr
    error: cannot pull 127.0.0.1:PORT/shop/hello:1
      caused by: cannot reach 127.0.0.1:PORT
      caused by: error sending request
      caused by: client error (Connect)
      caused by: tcp connect error
      caused by: Connection refused (os error 111)
    hint: see whether 127.0.0.1:PORT is the right name, and whether it is up
    ");
    insta::assert_snapshot!(WATTLE.up(&without).args(["--offline"]).refused(), @r#"
    exit: 2
    ----- stderr
    error: component `main`: 127.0.0.1:PORT/shop/hello:1 is not on this machine, and no registry is asked for it
     --> ./wattle.toml:3:10
      |
    3 | source = "127.0.0.1:PORT/shop/hello:1"
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: where there is a network: wattle pull 127.0.0.1:PORT/shop/hello:1
    "#);
    let pulled = WATTLE.run(&without, ["pull", reference.as_str()]);
    assert_eq!(pulled, WATTLE.up(&without).refused());
}
