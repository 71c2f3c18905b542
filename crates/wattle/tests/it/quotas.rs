//! What one app may keep: who says so, and what a guest is told when it is used up.

use serde_json::json;
use wattle_testkit::{App, NatsServer, Server, guests};

use crate::WATTLE;
use crate::blobs::faces;

const HINT: &str =
    "delete what the app no longer needs, or raise the `quota` of the backend, or `[limits]` in host.toml";

/// What the first draft tells a guest.
fn used_up(kept: &str) -> String {
    format!(
        "500 {{\"error\":\"other: the app may keep {kept} in this backend, and with this write there would be more: {HINT}\"}}"
    )
}

fn up(app: &App) -> Server {
    WATTLE.up(app).args(["--config", "host.toml"]).start()
}

fn put(server: &Server, key: &str, value: &str) -> String {
    server.call("PUT", &format!("/kv/default/{key}"), value).summary()
}

/// An app that keeps its keys in `backend`, as `name`. `more` are lines of its manifest.
fn manifest(name: &str, backend: &str, more: &str) -> String {
    format!(
        "name = \"{name}\"\n[components.state]\nsource = \"state.wasm\"\nlinks = {{ \"wasi:keyvalue\" = \"{backend}\" }}\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"state\"\n{more}"
    )
}

/// The operator's limits hold for every operation of a guest; what does not grow passes.
#[test]
fn a_guest_is_told() {
    for backend in ["disk", "memory"] {
        let app = App::of(&guests::state(), &format!("links = {{ \"wasi:keyvalue\" = \"{backend}\" }}"));
        let app = app.file("host.toml", "[limits]\nstored-keys = 3\nstored-bytes = \"1KiB\"\n");
        let server = up(&app);
        assert_eq!(put(&server, "a", "1"), "204 ");
        assert_eq!(put(&server, "b", "1"), "204 ");
        assert_eq!(server.call("PUT", "/kv/other/c", "1").summary(), "204 ");
        assert_eq!(put(&server, "d", "1"), used_up("3 keys"));
        assert_eq!(server.call("POST", "/incr/default/n?by=2", "").summary(), used_up("3 keys"));
        let batch = server.call("POST", "/batch/default/set", json!([["a", "2"], ["d", "1"]]).to_string());
        assert_eq!(batch.summary(), used_up("3 keys"));
        assert_eq!(put(&server, "b", &"x".repeat(1100)), used_up("1024 bytes"));
        assert_eq!(server.get("/kv/default/b").summary(), "200 1");
        assert_eq!(put(&server, "b", &"x".repeat(1000)), "204 ");
        assert_eq!(server.call("DELETE", "/kv/other/c", "").summary(), "204 ");
        assert_eq!(put(&server, "d", "1"), "204 ");
    }
}

/// `wasmcloud:keyvalue` has a case for it.
#[test]
fn the_async_interface_has_a_case() {
    for backend in ["disk", "memory"] {
        let app = App::of(&guests::state_p3(), &format!("links = {{ \"wasmcloud:keyvalue\" = \"{backend}\" }}"));
        let app = app.file("host.toml", "limits.stored-keys = 1");
        let server = up(&app);
        assert_eq!(put(&server, "a", "1"), "204 ");
        assert_eq!(put(&server, "b", "1"), "500 {\"error\":\"Error::QuotaExceeded\"}");
        assert_eq!(put(&server, "a", "2"), "204 ");
    }
}

/// Objects and containers have a quota of their own, in both interfaces.
#[test]
fn blobs_have_their_own() {
    for face in faces() {
        for backend in ["disk", "memory"] {
            let app = crate::blobs::app(&face, backend, "");
            let app = app.file("host.toml", "[limits]\nstored-keys = 3\nstored-bytes = \"1MiB\"\n");
            let server = up(&app);
            let refused = |path: &str, size: usize| {
                let answer = server.call("PUT", path, vec![b'x'; size]);
                let told = ["422 the app may keep ", "422 quota-exceeded"];
                assert!(told.iter().any(|told| answer.summary().starts_with(told)), "{}", answer.summary());
            };
            assert_eq!(server.call("PUT", "/container/box", "").summary(), "204 ");
            assert_eq!(server.call("PUT", "/object/box/a", "one").summary(), "204 ");
            refused("/object/box/a", 2 << 20);
            assert_eq!(server.get("/object/box/a").summary(), "200 one");
            assert_eq!(server.call("PUT", "/object/box/b", "two").summary(), "204 ");
            refused("/object/box/c", 1);
            refused("/container/other", 0);
            assert_eq!(server.call("DELETE", "/object/box/b", "").summary(), "204 ");
            assert_eq!(server.call("PUT", "/object/box/c", "three").summary(), "204 ");
        }
    }
}

/// A command that is run by hand is bounded as well.
#[test]
fn commands_have_one() {
    let app = App::empty().guest(&guests::tally()).file("host.toml", "limits.stored-bytes = \"4B\"");
    let ran = WATTLE.run(&app, ["run", "--config", "host.toml", "tally.wasm"]);
    assert_eq!(ran.code, Some(134), "{ran}");
    assert!(ran.stderr.contains("the app may keep 4 bytes in this backend"), "{ran}");
    let app = App::empty().guest(&guests::tally()).file("host.toml", "limits.stored-bytes = \"5B\"");
    assert_eq!(WATTLE.run(&app, ["run", "--config", "host.toml", "tally.wasm"]).stdout, "1\n", "`runs` and `1`");
}

/// On disk it outlives the host; another app has its own.
#[test]
fn other_apps_have_their_own() {
    let app = App::new(&manifest("one", "disk", "")).file("host.toml", "limits.stored-keys = 2");
    let server = up(&app);
    assert_eq!(put(&server, "a", "1"), "204 ");
    assert_eq!(put(&server, "b", "1"), "204 ");
    drop(server);
    let server = up(&app);
    assert_eq!(put(&server, "c", "1"), used_up("2 keys"));
    drop(server);
    std::fs::write(app.join("wattle.toml"), manifest("two", "disk", "")).unwrap();
    let server = up(&app);
    assert_eq!(put(&server, "c", "1"), "204 ");
}

/// A backend of the host may give more than its `[limits]`; one of a manifest only less.
#[test]
fn a_manifest_asks_for_less_and_not_for_more() {
    let check = |backend: &str, keys: usize| {
        let own = "[backends.more]\ntype = \"disk\"\nquota = { keys = 9 }\n[backends.less]\ntype = \"disk\"\nquota = { keys = 1 }\n";
        let host = "[limits]\nstored-keys = 2\n[backends.large]\ntype = \"memory\"\nquota = { keys = 4 }\n";
        let server = up(&App::new(&manifest("one", backend, own)).file("host.toml", host));
        for key in 0..keys {
            assert_eq!(put(&server, &key.to_string(), "1"), "204 ", "{backend}");
        }
        assert_eq!(put(&server, "more", "1"), used_up(&format!("{keys} keys")), "{backend}");
    };
    check("disk", 2);
    check("more", 2);
    check("less", 1);
    check("large", 4);
}

/// On NATS the server keeps to it, for all hosts of an app, and other apps go on.
#[test]
fn on_nats_all_hosts_share_it() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let host = |quota: &str| {
        let backend = format!("[backends.nats]\ntype = \"nats\"\nservers = [\"{}\"]\n{quota}", nats.url());
        format!("defaults = \"nats\"\nlimits.stored-keys = 1\n{backend}")
    };
    let apps = ["one", "one", "two"]
        .map(|name| App::new(&manifest(name, "nats", "")).file("host.toml", host("quota = { keys = 3 }")));
    let [first, second, other] = apps.each_ref().map(up);
    assert_eq!(put(&first, "a", "1"), "204 ");
    assert_eq!(put(&second, "b", "1"), "204 ");
    assert_eq!(put(&first, "c", "1"), "204 ");
    assert_eq!(put(&first, "d", "1"), used_up("3 keys"));
    assert_eq!(put(&second, "d", "1"), used_up("3 keys"));
    assert_eq!(put(&second, "a", "longer"), "204 ");
    assert_eq!(put(&other, "a", "1"), "204 ");
    drop(first);
    let app = App::new(&manifest("one", "nats", "")).file("host.toml", host(""));
    let unlimited = up(&app);
    assert_eq!(put(&unlimited, "d", "1"), "204 ", "what the quota did to the stream was taken back");
}
