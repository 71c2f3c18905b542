//! The tools that others have for artifacts: what they push is run, and what is pushed here they pull.

use std::fs;
use std::process::Command;

use serde_json::Value;
use wattle_artifact::format::media_type;
use wattle_spec::digest::Digest;
use wattle_testkit::{App, Ran, Registry, guests, tools};

use crate::WATTLE;
use crate::artifacts::{app_of, done};

/// Runs a tool that has to end well; what it printed.
#[track_caller]
pub(crate) fn used(tool: &mut Command) -> String {
    let ran = Ran::of(tool);
    assert!(ran.is_ok(), "{ran}");
    ran.stdout
}

/// Checks that `file` in the directory of `app` is the guest `hello`.
#[track_caller]
fn is_hello(app: &App, file: &str) {
    assert!(fs::read(app.join(file)).unwrap() == fs::read(guests::hello()).unwrap(), "{file} has other bytes");
}

#[test]
fn wkg_pulls_what_was_pushed() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello());
    let Some(mut wkg) = tools::wkg(&app, &registry.authority()) else { return };
    let reference = format!("{}/shop/hello:1", registry.authority());
    done(&app, &["push", "hello.wasm", &reference]);
    used(wkg.args(["oci", "pull", &reference, "--output", "pulled.wasm"]));
    is_hello(&app, "pulled.wasm");
}

#[test]
fn wkg_pushes_what_is_run() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello());
    let Some(mut wkg) = tools::wkg(&app, &registry.authority()) else { return };
    let reference = format!("{}/shop/hello:1", registry.authority());
    used(wkg.args(["oci", "push", "--annotation", "org.opencontainers.image.vendor=Acme", &reference, "hello.wasm"]));

    let seen: Value = serde_json::from_str(&done(&app, &["inspect", &reference, "--json"])).unwrap();
    assert_eq!(seen["annotations"]["org.opencontainers.image.vendor"], "Acme");
    assert_eq!(seen["wasm"]["exports"][0], "wasi:http/incoming-handler@0.2.12");
    done(&app, &["pull", &reference, "-o", "pulled.wasm"]);
    is_hello(&app, "pulled.wasm");
    let served = app_of(&reference, "");
    assert!(WATTLE.up(&served).start().get("/").text().starts_with("Hello"));
}

/// A copy elsewhere is the same artifact, and so is what somebody signed of it.
#[test]
fn skopeo_copies_what_was_pushed() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello());
    let Some(mut skopeo) = tools::skopeo(&app) else { return };
    let at = |path: &str| format!("{}/{path}:1", registry.authority());
    let pushed = done(&app, &["push", "hello.wasm", &at("from/hello"), "--annotation", "a=b"]);
    let digest = pushed.rsplit_once('@').unwrap().1;
    let image = |path: &str| format!("docker://{}", at(path));
    skopeo.args(["copy", "--src-tls-verify=false", "--dest-tls-verify=false"]);
    used(skopeo.args([image("from/hello"), image("to/hello")]));

    let copied = done(&app, &["pull", &at("to/hello"), "-o", "pulled.wasm"]);
    assert_eq!(copied, format!("{}@{digest}", at("to/hello")));
    is_hello(&app, "pulled.wasm");
    let mut skopeo = tools::skopeo(&app).expect("invariant: it was there");
    let raw = used(skopeo.args(["inspect", "--raw", "--tls-verify=false", &image("to/hello")]));
    assert_eq!(Digest::of(raw.as_bytes()).to_string(), digest);
    let manifest: Value = serde_json::from_str(&raw).unwrap();
    assert_eq!(manifest["config"]["mediaType"], media_type::WASM_CONFIG);
    assert_eq!(manifest["layers"][0]["mediaType"], media_type::WASM);
    assert_eq!(manifest["annotations"]["a"], "b");
}

/// Some of its versions leave the types out of the index of an app: it is one all the same.
#[test]
fn skopeo_copies_an_app() {
    let Some(registry) = Registry::start() else { return };
    let manifest = "name = \"shop\"\n[components.main]\nsource = \"../hello.wasm\"\n\
                    [[triggers.http]]\npath = \"/...\"\ncomponent = \"main\"\n";
    let app = App::empty().guest(&guests::hello()).file("shop/wattle.toml", manifest);
    let Some(mut skopeo) = tools::skopeo(&app) else { return };
    let at = |path: &str| format!("{}/{path}:1", registry.authority());
    done(&app, &["push", "shop", &at("from/shop")]);
    skopeo.args(["copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"]);
    used(skopeo.args([format!("docker://{}", at("from/shop")), format!("docker://{}", at("to/shop"))]));

    let server = WATTLE.up(&app).path(at("to/shop")).start();
    assert!(server.get("/").text().starts_with("Hello"));
    done(&app, &["pull", &at("to/shop"), "-o", "pulled"]);
    is_hello(&app, "pulled/components/main.wasm");
    done(&app, &["pull", &at("to/shop"), "--component", "main", "-o", "main.wasm"]);
    is_hello(&app, "main.wasm");
}

#[test]
fn oras_pulls_what_was_pushed() {
    let Some(registry) = Registry::start() else { return };
    let app = App::empty().guest(&guests::hello());
    let program = "import sys, oras.client\n\
                   oras.client.OrasClient(insecure=True).pull(target=sys.argv[1], outdir='pulled')\n";
    let Some(mut oras) = tools::oras(&app, program) else { return };
    let reference = format!("{}/shop/hello:1", registry.authority());
    done(&app, &["push", "hello.wasm", &reference]);
    used(oras.arg(&reference));
    is_hello(&app, "pulled/hello.wasm");
}

/// With the configuration of a Wasm artifact, and with the one that this client makes up.
#[test]
fn oras_pushes_what_is_run() {
    let Some(registry) = Registry::start() else { return };
    let config = r#"{"architecture":"wasm","os":"wasip2"}"#;
    let app = App::empty().guest(&guests::hello()).file("config.json", config);
    let program = "import sys, oras.client\n\
                   oras.client.OrasClient(insecure=True).push(target=sys.argv[1], \
                   files=['hello.wasm:application/wasm'], manifest_config=sys.argv[2] or None)\n";
    let of_wasm = format!("config.json:{}", media_type::WASM_CONFIG);
    for (tag, config) in [("1", of_wasm.as_str()), ("2", "")] {
        let Some(mut oras) = tools::oras(&app, program) else { return };
        let reference = format!("{}/shop/hello:{tag}", registry.authority());
        used(oras.args([&reference, config]));
        done(&app, &["pull", &reference, "-o", "pulled.wasm"]);
        is_hello(&app, "pulled.wasm");
        let served = app_of(&reference, "");
        assert!(WATTLE.up(&served).start().get("/").text().starts_with("Hello"), "{tag}");
    }
}
