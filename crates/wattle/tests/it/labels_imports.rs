//! Imports under names of a component's own, of every interface that can have them: each has its own link.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use futures::StreamExt;
use serde_json::json;
use wattle_testkit::{App, NatsServer, PATIENCE, Server, Up, guests};

use crate::WATTLE;
use crate::messages::{trigger, wait_for_seen};
use crate::nats::block_on;
use crate::settings::{bucket_of, keep, refused};

/// An app of the guest with these links.
fn labels(links: &str) -> App {
    App::of(&guests::labels(), &format!("config = {{ theme = \"plain\" }}\nlinks = {{ {links} }}"))
}

#[track_caller]
fn post(server: &Server, path: &str, body: &str) {
    assert_eq!(server.call("POST", path, body).summary(), "200 ", "{path}");
}

#[test]
fn configuration() {
    let app = labels("\"wasi:config#features\" = \"disk\"");
    keep(&app, &bucket_of("labels", "config_labels"), "theme", b"dark");
    let server = WATTLE.up(&app).start();
    let theme = |import: &str| server.get(&format!("/{import}/theme")).summary();
    assert_eq!((theme("config"), theme("features")), ("200 plain".into(), "200 dark".into()));
    assert_eq!(theme("old-features"), "200 plain", "it has no link, and the package has none");
    server.stop();
    let app = labels("\"wasi:config\" = \"memory\", \"wasi:config/runtime#old-features\" = \"disk\"");
    keep(&app, &bucket_of("labels", "config_labels"), "theme", b"dark");
    let server = WATTLE.up(&app).start();
    let theme = |import: &str| server.get(&format!("/{import}/theme")).summary();
    assert_eq!((theme("features"), theme("old-features")), ("200 plain".into(), "200 dark".into()));
}

#[test]
fn log_lines() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let host = format!("[backends.trail]\ntype = \"nats\"\nservers = [\"{}\"]\n", nats.url());
    let links = "\"wasi:logging#audit\" = \"trail\", \"wasi:logging#old-audit\" = \"trail\"";
    let app = labels(links).file("host.toml", host);
    let sent = block_on(async {
        let client = async_nats::connect(nats.url()).await.expect("connect");
        let mut lines = client.subscribe("wattle.log.default.labels.>").await.expect("subscribe");
        client.flush().await.expect("flush");
        let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
        let mut sent = Vec::new();
        for import in ["audit", "old-audit"] {
            post(&server, "/log", "here only");
            post(&server, &format!("/{import}"), import);
            let line = tokio::time::timeout(PATIENCE, lines.next()).await.expect("in time").expect("a line");
            let line: serde_json::Value = serde_json::from_slice(&line.payload).expect("JSON");
            sent.push(line["message"].clone());
        }
        assert!(server.stop().stderr.contains("here only"));
        sent
    });
    assert_eq!(sent, ["audit", "old-audit"]);
}

/// Each import reaches those who listen on its own backend.
#[test]
fn messages() {
    let courier = |name: &str, backend: &str| {
        format!(
            "[components.{name}]\nsource = \"courier.wasm\"\nenv = {{ NAME = \"{name}\" }}\n\
             links = {{ \"wasmcloud:messaging\" = \"{backend}\", \"wasi:keyvalue\" = \"memory\" }}\n"
        )
    };
    let text = "name = \"post\"\n".to_owned()
        + "[components.labels]\nsource = \"labels.wasm\"\n[components.labels.links]\n"
        + "\"wasmcloud:messaging\" = \"memory\"\n\"wasmcloud:messaging#orders\" = \"disk\"\n"
        + "\"wasi:messaging\" = \"memory\"\n\"wasi:messaging#events\" = \"disk\"\n\"wasi:messaging#questions\" = \"disk\"\n"
        + &courier("near", "memory")
        + &courier("far", "disk")
        + "[[triggers.http]]\npath = \"/...\"\ncomponent = \"labels\"\n"
        + "[[triggers.http]]\npath = \"/seen\"\ncomponent = \"near\"\n"
        + &trigger("near", "x", "")
        + &trigger("far", "x", "")
        + &trigger("far", "far-only", "");
    let server = WATTLE.up(&App::new(&text)).start();
    for import in ["consumer", "orders", "events"] {
        post(&server, &format!("/{import}/x"), import);
    }
    wait_for_seen(&server, &json!({ "near x consumer": 1, "far x orders": 1, "far x events": 1 }));
    assert_eq!(server.call("POST", "/questions/far-only", "why").summary(), "200 re: why");
}

/// What is left after a restart tells what was kept where.
#[test]
fn blobs() {
    let after_a_restart = |app: &App, paths: &[&str], up: &dyn Fn(&App) -> Server| {
        let server = up(app);
        for path in paths {
            assert_eq!(server.call("PUT", path, "x").summary(), "200 ", "{path}");
            assert_eq!(server.get(path).summary(), "200 x", "{path}");
        }
        server.stop();
        let server = up(app);
        paths.iter().map(|path| server.get(path).status()).collect::<Vec<_>>()
    };
    let up = |app: &App| WATTLE.up(app).env("WATTLE_SECRET_DB_PASSWORD", "x").start();
    let app = labels("\"wasi:blobstore#archive\" = \"memory\"");
    assert_eq!(after_a_restart(&app, &["/blobs/c/o", "/archive/d/o"], &up), [200, 502]);
    let app = labels("\"wasi:blobstore\" = \"memory\", \"wasi:blobstore/blobstore#archive\" = \"disk\"");
    assert_eq!(after_a_restart(&app, &["/blobs/c/o", "/archive/c/o"], &up), [502, 200]);
    for (backend, left) in [("memory", 502), ("disk", 200)] {
        let links = format!("\"wasmcloud:blobstore#archive\" = \"{backend}\"");
        let app = App::of(&guests::labels_p3(), &format!("secrets = [\"db-password\"]\nlinks = {{ {links} }}"));
        assert_eq!(after_a_restart(&app, &["/archive/c/o"], &up), [left]);
    }
}

/// A secret that is imported by its name is read where a link with that label says.
#[test]
fn secrets() {
    fn up(app: &App) -> Up<'_> {
        let up = WATTLE.up(app).args(["--config", "host.toml"]).env("WATTLE_SECRET_OTHER", "o");
        up.env("WATTLE_SECRET_DB_PASSWORD", "of the variable")
    }
    let host = "[backends.safe]\ntype = \"files\"\ndirectory = \"safe\"\n";
    let lines = "secrets = [\"db-password\", \"other\"]\nlinks = { \"wasmcloud:secrets#db-password\" = \"safe\" }";
    let app = App::of(&guests::labels_p3(), lines).file("host.toml", host);
    insta::assert_snapshot!(refused(up(&app), &app), @"
    exit: 1
    ----- stderr
    error: the app cannot start
      caused by: component labels-p3 may read the secret db-password, but there is none: the file safe/default/labels-p3/db-password does not exist
    hint: put it there, or remove it from `secrets` of the component
    ");
    let file = "safe/default/labels-p3/db-password";
    let app = app.file(file, "of the file\n");
    fs::set_permissions(app.join(file), fs::Permissions::from_mode(0o600)).expect("change a file's mode");
    let server = up(&app).start();
    assert_eq!(server.get("/db-password").summary(), "200 of the file");
    assert_eq!(server.get("/secret/db-password").summary(), "200 of the variable", "the import without a label");
    assert_eq!(server.get("/secret/other").summary(), "200 o");
    fs::remove_file(app.join(file)).expect("remove the secret");
    assert_eq!(server.get("/db-password").code().as_deref(), Some("guest-trap"), "it has no other way to be told");
    assert_eq!(server.get("/secret/other").summary(), "200 o");
    let log = server.stop().stderr;
    assert!(log.contains("the secret db-password is not there") && !log.contains("of the file"), "{log}");
}

/// What a component imports by name the manifest must grant by that name.
#[test]
fn secrets_that_are_not_granted() {
    let refused = |lines: &str| {
        let app = App::of(&guests::labels_p3(), lines);
        refused(WATTLE.up(&app), &app)
    };
    insta::assert_snapshot!(refused(""), @r#"
    exit: 2
    ----- stderr
    error: component `labels-p3` imports the secret `db-password`, and may read none
     --> ./wattle.toml:3:10
      |
    3 | source = "labels-p3.wasm"
      |          ^^^^^^^^^^^^^^^^
      |
      = hint: it is an import of `wasmcloud:secrets/secret@2.1.0`; to let it read that, write
              secrets = ["db-password"]
    "#);
    insta::assert_snapshot!(refused("secrets = [\"db\"]"), @r#"
    exit: 2
    ----- stderr
    error: component `labels-p3` imports the secret `db-password`, and may read only `db`
     --> ./wattle.toml:3:10
      |
    3 | source = "labels-p3.wasm"
      |          ^^^^^^^^^^^^^^^^
      |
      = hint: it is an import of `wasmcloud:secrets/secret@2.1.0`; to let it read that, write
              secrets = ["db", "db-password"]
    "#);
    let import = |import: &str| {
        let app = App::empty().file("a.wat", format!("(component (import {import} (instance)))"));
        WATTLE.run(&app, ["explain", "a.wat"]).to_string()
    };
    insta::assert_snapshot!(import("\"wasmcloud:secrets/secret@2.1.0\""), @"
    exit: 2
    ----- stdout
    a
      wasmcloud:secrets/secret@2.1.0  refused  component `a` imports `wasmcloud:secrets/secret@2.1.0` without a label, and only a label says what it wants
      granted: no files, no environment, no network
    ----- stderr
    error: component `a` imports `wasmcloud:secrets/secret@2.1.0` without a label, and only a label says what it wants
    --> a.wat
     = hint: import it under the name of what it wants, as in `import db-password: wasmcloud:secrets/secret@2.1.0;`

    error: component `a` does not answer HTTP requests
    --> a.wat
     = hint: it must export wasi:http/incoming-handler@0.2 or wasi:http/handler@0.3; it exports nothing
    ");
    insta::assert_snapshot!(import("\"safe\" (implements \"wasmcloud:secrets/store@2.1.0\")"), @"
    exit: 2
    ----- stdout
    a
      wasmcloud:secrets/store@2.1.0#safe  refused  component `a` imports `wasmcloud:secrets/store@2.1.0` as `safe`, and there is only one of it
      granted: no files, no environment, no network
    ----- stderr
    error: component `a` imports `wasmcloud:secrets/store@2.1.0` as `safe`, and there is only one of it
    --> a.wat
     = hint: what it works on comes from `wasmcloud:secrets/secret@2.1.0`: give the label to that

    error: component `a` does not answer HTTP requests
    --> a.wat
     = hint: it must export wasi:http/incoming-handler@0.2 or wasi:http/handler@0.3; it exports nothing
    ");
}

/// A slip in a label is told with what there is.
#[test]
fn labels_that_nothing_has() {
    let refused = |link: &str| {
        let app = labels(&format!("\"{link}\" = \"memory\""));
        refused(WATTLE.up(&app), &app)
    };
    insta::assert_snapshot!(refused("wasi:config#feature"), @r#"
    exit: 2
    ----- stderr
    error: component `labels` imports nothing of `wasi:config#feature`
     --> ./wattle.toml:5:11
      |
    5 | links = { "wasi:config#feature" = "memory" }
      |           ^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `wasi:config#features`?
    "#);
    insta::assert_snapshot!(refused("wasmcloud:messaging#bills"), @r#"
    exit: 2
    ----- stderr
    error: component `labels` imports nothing of `wasmcloud:messaging#bills`
     --> ./wattle.toml:5:11
      |
    5 | links = { "wasmcloud:messaging#bills" = "memory" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: what it imports of that package under a label is called `orders`
    "#);
}
