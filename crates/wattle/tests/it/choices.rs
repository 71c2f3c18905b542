//! What defaults chose when an app first started, and what becomes of it when the defaults are others.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wattle_testkit::{App, NatsServer, Server, guests};

use crate::WATTLE;
use crate::nats::host_file;

/// An app that keeps what it is told to. `more` are lines of the component's table.
fn keeper(more: &str) -> App {
    App::of(&guests::state(), more)
}

fn up(app: &App, config: &str) -> Server {
    up_in(app, &["--config", config])
}

fn up_in(app: &App, arguments: &[&str]) -> Server {
    WATTLE.up(app).args(arguments).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// The record of the app in a data directory.
fn record(directory: &Path) -> PathBuf {
    directory.join("choices/default.state.json")
}

/// What provides the store of the app that runs, and the rule that chose it.
pub(crate) fn store(app: &App) -> (String, String) {
    let ran = WATTLE.run(app, ["link", "list", "--json"]);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let links = told["hosts"][0]["apps"][0]["components"][0]["links"].as_array().unwrap();
    let of_store = |link: &&Value| link["import"].as_str().unwrap().starts_with("wasi:keyvalue/store");
    let link = links.iter().find(of_store).unwrap();
    (link["backend"].as_str().unwrap().into(), link["rule"].as_str().unwrap().into())
}

/// An app that ran stays where it was when the default is another one, in both directions; a new one goes there.
#[test]
fn a_new_default_moves_nothing() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let files = |app: App| app.file("dev.toml", "").file("nats.toml", host_file(&nats));
    for (then, now, backend) in [("dev.toml", "nats.toml", "disk"), ("nats.toml", "dev.toml", "nats")] {
        let app = files(keeper(""));
        let server = up(&app, then);
        assert_eq!(server.call("PUT", "/kv/a/one", "first").status(), 204);
        assert_ne!(store(&app).1, "recorded");
        server.stop();
        // Without the backend `nats` it is refused.
        let dev = format!("[backends.nats]\ntype = \"nats\"\nservers = [\"{}\"]\n", nats.url());
        let app = app.file("dev.toml", dev);
        let server = up(&app, now);
        assert_eq!(server.get("/kv/a/one").summary(), "200 first", "{then}, then {now}");
        assert_eq!(store(&app), (backend.into(), "recorded".into()));
        let log = server.stop().stderr;
        let told = log.matches("stays where it is recorded, not in the default").count();
        assert_eq!(told, 1, "{log}");
        assert!(log.contains("wattle link move state state wasi:keyvalue="), "{log}");
    }
    let new = files(keeper(""));
    let _server = up(&new, "nats.toml");
    assert_eq!(store(&new), ("nats".into(), "host-default".into()));
}

/// What is explained is what the next start does, and explaining records nothing.
#[test]
fn it_is_explained() {
    let app = keeper("").file("nats.toml", "defaults = \"nats\"\n");
    for arguments in [["check", ".", "--json"], ["explain", ".", "--json"]] {
        assert!(WATTLE.run(&app, arguments).is_ok());
        assert!(!app.data_dir().exists());
    }
    up_in(&app, &[]).stop();
    let ran = WATTLE.run(&app, ["explain", ".", "state", "wasi:keyvalue/store", "--config", "nats.toml"]);
    let since = ran.stdout.split_once("first start on ").unwrap().1[..10].to_owned();
    insta::assert_snapshot!(ran.stdout.replace(&since, "DATE"), @r#"
    wasi:keyvalue/store@0.2.0-draft of state
      provider  backend disk
                type = disk
                scope = app
      rule      recorded
      because   nothing links it, and `disk` was recorded at the first start on DATE
      else      backend nats (default of the host): `defaults = "nats"` of the host keeps keys and values in `nats`
    "#);
    let elsewhere = ["explain", ".", "--config", "nats.toml", "--data-dir", "elsewhere"];
    assert!(WATTLE.run(&app, elsewhere).stdout.contains("backend nats"));
}

/// What is in memory, or written down by somebody, is not recorded: nothing is there at all.
#[test]
fn what_is_not_recorded() {
    let app = keeper("links = { \"wasi:keyvalue\" = \"memory\" }");
    up_in(&app, &[]).stop();
    assert!(!app.data_dir().exists());
    let app = keeper("").file("host.toml", "links = { \"wasi:keyvalue\" = \"memory\" }\n");
    up(&app, "host.toml").stop();
    assert!(!app.data_dir().exists());
    let linked = keeper("links = { \"wasi:keyvalue\" = \"disk\" }");
    up_in(&linked, &[]).stop();
    assert!(linked.data_dir().exists() && !record(&linked.data_dir()).exists());
}

/// An app whose start fails keeps nothing anywhere, and is free to start elsewhere.
#[test]
fn a_start_that_fails() {
    let trap = "(component (core module $m (func $f unreachable) (start $f)) (core instance (instantiate $m)) \
                (import \"wasi:keyvalue/store@0.2.0-draft\" (instance)))";
    let manifest = "name = \"bad\"\n[components.bad]\nsource = \"bad.wat\"\n";
    let app = App::new(manifest).file("bad.wat", trap);
    let ran = WATTLE.up(&app).refused();
    assert!(ran.stderr.contains("fails when it is started"), "{ran}");
    assert!(!app.data_dir().join("choices").exists());
}

#[test]
fn a_record_is_private() {
    let app = keeper("");
    up_in(&app, &[]).stop();
    let path = record(&app.data_dir());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "what was prepared is gone");
}

/// A record that is damaged is never taken for none.
#[test]
fn damaged() {
    let app = keeper("");
    up_in(&app, &[]).stop();
    let path = record(&app.data_dir());
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    insta::assert_snapshot!(WATTLE.up(&app).refused(), @"
    exit: 3
    ----- stderr
    error: DIR/.wattle/choices/default.state.json does not say where the app keeps its state
      caused by: it cannot be read
      caused by: EOF while parsing a string at line 9 column 13
    hint: restore it from a backup; if you remove it, the app keeps its state where the defaults of now say
    ");
    assert_eq!(WATTLE.run(&app, ["check"]).code, Some(3));
    fs::write(&path, vec![b' '; 300_000]).unwrap();
    assert!(WATTLE.up(&app).refused().stderr.contains("has more than"));
    fs::write(&path, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    assert!(WATTLE.up(&app).refused().stderr.contains("run the newer release again"));
    fs::write(&path, text).unwrap();
    up_in(&app, &[]).stop();
}

/// A backend that is gone, or is another one now: the app is refused, with how to have it back.
#[test]
fn a_backend_that_is_gone() {
    let app = keeper("").file("host.toml", "links = { \"wasi:keyvalue\" = \"main\" }\nbackends.main.type = \"disk\"\n");
    let server = up(&app, "host.toml");
    assert_eq!(server.call("PUT", "/kv/a/one", "first").status(), 204);
    server.stop();
    let refused = WATTLE.up(&app).refused();
    let since = refused.stderr.split_once("first start on ").unwrap().1[..10].to_owned();
    insta::assert_snapshot!(refused.to_string().replace(&since, "DATE"), @r#"
    exit: 2
    ----- stderr
    error: what component `state` keeps through `wasi:keyvalue` is in backend `main`, which is not there any more
     --> ./wattle.toml:3:10
      |
    3 | source = "state.wasm"
      |          ^^^^^^^^^^^^
      |
      = hint: `main` was recorded at the first start on DATE; bring it back in the host's file, and move what is kept with `wattle link move state state wasi:keyvalue=BACKEND`:
              [backends.main]
              type = "disk"
              or give up what is kept there: remove `choices/default.state.json` from the data directory
    "#);
    let app = app.file("host.toml", "backends.main.type = \"nats\"\n");
    let ran = WATTLE.up(&app).args(["--config", "host.toml"]).refused();
    assert!(ran.stderr.contains("and not of the type `disk` as then"), "{ran}");
    // Brought back, it is found without being the default.
    let app = app.file("host.toml", "backends.main.type = \"disk\"\n");
    let server = up(&app, "host.toml");
    assert_eq!(server.get("/kv/a/one").summary(), "200 first");
    server.stop();
    fs::remove_file(record(&app.data_dir())).unwrap();
    assert_eq!(up_in(&app, &[]).get("/kv/a/one").status(), 404, "it was given up");
}
