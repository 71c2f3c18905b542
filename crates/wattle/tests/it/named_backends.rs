//! Two backends of one engine that have different names: what is kept in one is not in the other.

use serde_json::json;
use wattle_backend::bucket::{Bucket, Owner};
use wattle_testkit::{App, NatsServer, Server, guests};

use crate::WATTLE;
use crate::messages::{trigger, wait_for_seen};
use crate::settings::{bucket_of, keep};

/// The tables of backends with these names and lines.
fn backends(names: &[&str], lines: &str) -> String {
    names.iter().map(|name| format!("[backends.{name}]\n{lines}\n")).collect()
}

/// Both scopes in memory and on disk.
fn each(test: impl Fn(&str)) {
    for kind in ["memory", "disk"] {
        for scope in ["app", "shared"] {
            test(&format!("type = \"{kind}\"\nscope = \"{scope}\""));
        }
    }
}

/// The app of `guest` with these links to the backends of `tables`.
fn linked(guest: &std::path::Path, lines: &str, tables: &str) -> App {
    let app = App::of(guest, lines);
    let text = std::fs::read_to_string(app.join("wattle.toml")).expect("read the manifest");
    app.file("wattle.toml", format!("{text}\n{tables}"))
}

#[test]
fn keys_and_values() {
    each(|lines| {
        let links = "links = { \"wasi:keyvalue#sessions\" = \"a\", \"wasi:keyvalue#archive\" = \"b\" }";
        let app = linked(&guests::state_draft2(), links, &backends(&["a", "b"], lines));
        let server = WATTLE.up(&app).start();
        assert_eq!(server.call("PUT", "/sessions/default/k", "1").status(), 204);
        assert_eq!(server.get("/archive/default/k").status(), 404, "{lines}");
        assert_eq!(server.get("/sessions/default/k").summary(), "200 1");
    });
}

#[test]
fn blobs() {
    each(|lines| {
        let links = "links = { \"wasi:blobstore\" = \"a\", \"wasi:blobstore#archive\" = \"b\" }";
        let app = linked(&guests::labels(), links, &backends(&["a", "b"], lines));
        let server = WATTLE.up(&app).start();
        assert_eq!(server.call("PUT", "/blobs/default/o", "1").status(), 200);
        assert_eq!(server.get("/archive/default/o").status(), 502, "{lines}");
        assert_eq!(server.get("/blobs/default/o").summary(), "200 1");
    });
}

/// A bucket of an app, in the backend `a`.
fn in_a(app: &str, bucket: &str) -> Bucket {
    let Bucket { owner, name } = bucket_of(app, bucket);
    Bucket { owner: Owner::Named { backend: "a".parse().expect("a name"), app: owner.app().cloned() }, name }
}

#[test]
fn configuration() {
    let lines = "config = { theme = \"plain\" }\n\
                 links = { \"wasi:config\" = \"a\", \"wasi:config#features\" = \"b\", \"wasi:config#old-features\" = \"disk\" }";
    let app = linked(&guests::labels(), lines, &backends(&["a", "b"], "type = \"disk\""));
    keep(&app, &in_a("labels", "config_labels"), "theme", b"dark");
    keep(&app, &bucket_of("labels", "config_labels"), "theme", b"light");
    let server = WATTLE.up(&app).start();
    let theme = |import: &str| server.get(&format!("/{import}/theme")).summary();
    assert_eq!((theme("config"), theme("features")), ("200 dark".into(), "200 plain".into()));
    assert_eq!(theme("old-features"), "200 light", "`disk` is called as its engine is");
}

#[test]
fn secrets() {
    let lines = "secrets = [\"db-password\"]\n\
                 links = { \"wasmcloud:secrets\" = \"a\", \"wasmcloud:secrets#db-password\" = \"disk\" }";
    let app = linked(&guests::labels_p3(), lines, &backends(&["a"], "type = \"disk\""));
    keep(&app, &in_a("labels-p3", "secrets"), "db-password", b"of a");
    keep(&app, &bucket_of("labels-p3", "secrets"), "db-password", b"of disk");
    let server = WATTLE.up(&app).start();
    assert_eq!(server.get("/secret/db-password").summary(), "200 of a");
    assert_eq!(server.get("/db-password").summary(), "200 of disk");
}

/// An app that publishes to two backends, with a component that listens in each.
fn post(near: &str, far: &str, tables: &str) -> App {
    let courier = |name: &str, backend: &str| {
        format!(
            "[components.{name}]\nsource = \"courier.wasm\"\nenv = {{ NAME = \"{name}\" }}\n\
             links = {{ \"wasmcloud:messaging\" = \"{backend}\", \"wasi:keyvalue\" = \"memory\" }}\n"
        )
    };
    let text = format!(
        "name = \"post\"\n[components.labels]\nsource = \"labels.wasm\"\n\
         links = {{ \"wasmcloud:messaging\" = \"{near}\", \"wasmcloud:messaging#orders\" = \"{far}\" }}\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"labels\"\n\
         [[triggers.http]]\npath = \"/seen\"\ncomponent = \"near\"\n"
    );
    let triggers = trigger("near", "x", "") + &trigger("far", "x", "");
    App::new(&(text + &courier("near", near) + &courier("far", far) + &triggers + tables))
}

#[track_caller]
fn messages_are_apart(server: &Server) {
    for import in ["consumer", "orders"] {
        assert_eq!(server.call("POST", &format!("/{import}/x"), import).summary(), "200 ");
    }
    wait_for_seen(server, &json!({ "near x consumer": 1, "far x orders": 1 }));
}

#[test]
fn messages() {
    each(|lines| messages_are_apart(&WATTLE.up(&post("a", "b", &backends(&["a", "b"], lines))).start()));
    for kind in ["memory", "disk"] {
        let tables = backends(&["a"], &format!("type = \"{kind}\""));
        messages_are_apart(&WATTLE.up(&post(kind, "a", &tables)).start());
    }
}

#[test]
fn messages_on_nats() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let tables = backends(&["a", "nats"], &format!("type = \"nats\"\nservers = [\"{}\"]", nats.url()));
    messages_are_apart(&WATTLE.up(&post("nats", "a", &tables)).start());
}
