//! The walk that people know from the announcement of the Wasm artifact: a component is served, pushed, looked at,
//! pulled, and served again; with one tool, and with two.
//!
//! `cargo xtask templates` walks it with an app that is made and built as people do it: the environment names its
//! component.

use std::env;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use wattle_artifact::format::media_type;
use wattle_spec::digest::Digest;
use wattle_testkit::{App, Registry, guests, tools};

use crate::WATTLE;
use crate::artifacts::done;
use crate::artifacts_made::get;
use crate::artifacts_tools::used;

/// Names the component that walks, if it is not the guest `hello`.
const WATTLE_WALKED: &str = "WATTLE_WALKED";

/// A directory with the component as `hello.wasm`.
fn walker() -> App {
    let walked = env::var_os(WATTLE_WALKED).map_or_else(guests::hello, PathBuf::from);
    App::empty().file("hello.wasm", fs::read(walked).unwrap())
}

/// Checks that the file `name` in the directory of `app` answers.
#[track_caller]
fn is_served(app: &App, name: &str) {
    assert!(WATTLE.up(app).path(name).start().get("/").text().starts_with("Hello"), "{name} does not answer");
}

#[test]
fn with_one_tool() {
    let Some(registry) = Registry::start() else { return };
    let app = walker();
    let wasm = fs::read(app.join("hello.wasm")).unwrap();
    is_served(&app, "hello.wasm");
    let reference = format!("{}/shop/hello:1", registry.authority());
    let world = "wasi:http/proxy@0.2.12";
    let pushed = done(&app, &["push", "hello.wasm", &reference, "--world", world, "--created", "2026-01-02T03:04:05Z"]);

    // As the registry has it, and as anybody can read it.
    let at = |path: &str| get(&registry.authority(), &format!("/v2/shop/hello/{path}"), media_type::MANIFEST);
    let raw = at("manifests/1");
    let digest = pushed.rsplit_once('@').unwrap().1;
    assert_eq!(Digest::of(&raw).to_string(), digest);
    let manifest: Value = serde_json::from_slice(&raw).unwrap();
    let config = &manifest["config"];
    let layer = Digest::of(&wasm).to_string();
    assert_eq!(
        manifest,
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.wasm.config.v0+json",
                "digest": config["digest"],
                "size": config["size"],
            },
            "layers": [{
                "mediaType": "application/wasm",
                "digest": layer,
                "size": wasm.len(),
                "annotations": { "org.opencontainers.image.title": "hello.wasm" },
            }],
            "annotations": manifest["annotations"],
        })
    );
    let raw = at(&format!("blobs/{}", config["digest"].as_str().unwrap()));
    assert_eq!(Digest::of(&raw).to_string(), config["digest"]);
    assert_eq!(raw.len(), config["size"].as_u64().unwrap() as usize);
    let config: Value = serde_json::from_slice(&raw).unwrap();
    for (names, one) in [("imports", "wasi:io/streams@"), ("exports", "wasi:http/incoming-handler@")] {
        let names = config["component"][names].as_array().unwrap();
        assert!(names.iter().any(|name| name.as_str().unwrap().starts_with(one)), "{names:?}");
    }
    assert_eq!(
        config,
        json!({
            "created": "2026-01-02T03:04:05Z",
            "author": null,
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [layer],
            "component": {
                "imports": config["component"]["imports"],
                "exports": config["component"]["exports"],
                "target": world,
            },
        })
    );

    done(&app, &["pull", &reference, "-o", "pulled.wasm"]);
    assert!(fs::read(app.join("pulled.wasm")).unwrap() == wasm);
    is_served(&app, "pulled.wasm");
}

#[test]
fn pushed_here_and_pulled_with_wkg() {
    let Some(registry) = Registry::start() else { return };
    let app = walker();
    let Some(mut wkg) = tools::wkg(&app, &registry.authority()) else { return };
    let reference = format!("{}/shop/hello:1", registry.authority());
    done(&app, &["push", "hello.wasm", &reference]);
    used(wkg.args(["oci", "pull", &reference, "-o", "pulled.wasm"]));
    is_served(&app, "pulled.wasm");
}

#[test]
fn pushed_with_wkg_and_pulled_here() {
    let Some(registry) = Registry::start() else { return };
    let app = walker();
    let Some(mut wkg) = tools::wkg(&app, &registry.authority()) else { return };
    let reference = format!("{}/shop/hello:1", registry.authority());
    used(wkg.args(["oci", "push", &reference, "hello.wasm"]));
    done(&app, &["pull", &reference, "-o", "pulled.wasm"]);
    is_served(&app, "pulled.wasm");
}
