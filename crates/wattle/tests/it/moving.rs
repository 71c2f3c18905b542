//! What an app keeps, moved to another backend while it runs.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;
use wattle_testkit::{App, NatsServer, Ran, Server, until};

use crate::WATTLE;
use crate::blobs::faces;
use crate::choices::store;
use crate::relink::{keys, service};

/// An app that keeps what it is told to. `links` are those of its component, and `more` further lines of its table.
fn keeper(links: &str, more: &str) -> App {
    App::new(&format!(
        "name = \"shop\"\n[components.web]\nsource = \"state.wasm\"\nlinks = {{ {links} }}\n{more}\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n"
    ))
}

/// A host's file that names a NATS, which is not the default.
fn with_nats(nats: &NatsServer, more: &str) -> String {
    format!("{more}[backends.nats]\ntype = \"nats\"\nservers = [\"{}\"]\n", nats.url())
}

fn up(app: &App) -> Server {
    let arguments: &[&str] = if app.join("host.toml").exists() { &["--config", "host.toml"] } else { &[] };
    WATTLE.up(app).args(arguments).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

fn relocate(app: &App, link: &str, more: &[&str]) -> Ran {
    WATTLE.run(app, [&["link", "move", "shop", "web", link][..], more].concat())
}

#[track_caller]
fn is_moved(app: &App, link: &str, more: &[&str]) -> Value {
    let ran = relocate(app, link, &[more, &["--json"]].concat());
    assert!(ran.is_ok(), "{ran}");
    serde_json::from_str(&ran.stdout).unwrap()
}

#[track_caller]
fn put(server: &Server, path: &str, value: &str) {
    let answer = server.call("PUT", path, value);
    assert_eq!(answer.status(), 204, "{}", answer.summary());
}

/// An app that keeps 1,000 keys on disk: a move takes long enough to do something meanwhile.
fn full(nats: &NatsServer) -> (App, Server) {
    let app = keeper("", "").file("host.toml", with_nats(nats, ""));
    let server = up(&app);
    let mut client = server.connect();
    for number in 0..1000 {
        assert_eq!(client.call("PUT", &format!("/kv/a/{number}"), &[b'x'; 20_000]).status(), 204);
    }
    (app, server)
}

/// Waits until a move to NATS has begun.
fn has_begun(app: &App) {
    until("it has begun", || record(app).contains("\"to\": \"nats\"").then_some(()));
}

/// Whether `wattle ps` tells of a move.
fn told(app: &App) -> bool {
    WATTLE.run(app, ["ps"]).stdout.contains("moves what it keeps from ")
}

fn record(app: &App) -> String {
    fs::read_to_string(app.data_dir().join("choices/default.shop.json")).unwrap_or_default()
}

/// What a default chose, and what somebody wrote, is there after the move, and after a restart; there and back.
#[test]
fn moved_and_found_again() {
    let Some(nats) = NatsServer::builder().start() else { return };
    for (links, rule) in [("", "recorded"), ("\"wasi:keyvalue\" = \"disk\"", "moved")] {
        let app = keeper(links, "").file("host.toml", with_nats(&nats, ""));
        let server = up(&app);
        put(&server, "/kv/a/one", "first");
        put(&server, "/kv/b%20c/two", "second");
        assert_eq!(server.call("POST", "/incr/a/n?by=5", "").summary(), "200 5");
        let report = is_moved(&app, "wasi:keyvalue=nats", &["--replace"]);
        assert_eq!((&report["from"], &report["to"], &report["copied"]), (&"disk".into(), &"nats".into(), &3.into()));
        assert_eq!((&report["components"][0]["component"], store(&app)), (&"web".into(), ("nats".into(), rule.into())));
        put(&server, "/kv/a/three", "third");
        let server = {
            server.stop();
            up(&app)
        };
        assert_eq!(store(&app), ("nats".into(), rule.into()));
        let found = |key: &str| server.get(&format!("/kv/{key}")).summary();
        assert_eq!([found("a/one"), found("b%20c/two"), found("a/three")], ["200 first", "200 second", "200 third"]);
        assert_eq!(server.call("POST", "/incr/a/n?by=1", "").summary(), "200 6");
        // What was left is in the way back.
        let refused = relocate(&app, "wasi:keyvalue=disk", &[]);
        assert!(refused.stderr.contains("`disk` has something of `default/shop` already"), "{refused}");
        is_moved(&app, "wasi:keyvalue=disk", &["--replace"]);
        assert_eq!(server.get("/kv/a/three").summary(), "200 third");
        server.stop();
        let server = up(&app);
        assert_eq!(server.get("/kv/a/n").summary(), "200 6");
        assert_eq!(store(&app).0, "disk");
    }
}

#[test]
fn refused() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let down = "[backends.away]\ntype = \"nats\"\nservers = [\"nats://127.0.0.1:1\"]\n\
                [backends.all]\ntype = \"disk\"\nscope = \"shared\"\n";
    let app = keeper("", "").file("host.toml", with_nats(&nats, down));
    let server = up(&app);
    put(&server, "/kv/a/one", "here");
    let check = |link: &str, expected: &str| {
        let ran = relocate(&app, link, &[]);
        assert!(!ran.is_ok() && ran.stderr.contains(expected), "{link}: {ran}");
    };
    check("wasi:keyvalue=disk", "it is in `disk` already");
    check("wasi:keyvalue=memory", "what is in `memory` ends with the host");
    check("wasi:keyvalue=all", "is shared by all apps");
    check("wasi:keyvalue=disc", "did you mean `disk`?");
    check("wasi:keyvalu=nats", "these can be set: ");
    check("wasi:keyvalue=away", "backend `away` cannot be used: ");
    assert!(WATTLE.run(&app, ["link", "set", "shop", "web", "wasi:keyvalue=nats"]).is_ok());
    put(&server, "/kv/a/own", "of nats");
    check("wasi:keyvalue=disk", "leads to `nats` only until the host ends");
    assert!(WATTLE.run(&app, ["link", "rm", "shop", "web", "wasi:keyvalue"]).is_ok());
    check("wasi:keyvalue=nats", "`nats` has something of `default/shop` already: `a`");
    assert_eq!(server.get("/kv/a/one").summary(), "200 here");
    assert_eq!(store(&app), ("disk".into(), "built-in".into()));
    assert!(!record(&app).contains("\"to\""), "{}", record(&app));
}

/// Tells the others when one of them has ended, well or not.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// While four write, everything is moved there and back: no call fails, and nothing that was acknowledged is lost.
#[test]
fn under_four_writers() {
    let Some(nats) = NatsServer::builder().start() else { return };
    for more in ["", "instances = { reuse = 1000 }"] {
        let app = keeper("", more).file("host.toml", with_nats(&nats, ""));
        let server = up(&app);
        let (is_over, acknowledged, sum) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()), AtomicUsize::new(0));
        thread::scope(|scope| {
            for writer in 0..4 {
                let (server, is_over, acknowledged, sum) = (&server, &is_over, &acknowledged, &sum);
                scope.spawn(move || {
                    let _over = Over(is_over);
                    let mut client = server.connect();
                    for number in 0_u32.. {
                        let key = format!("{writer}-{number}");
                        let answer = client.call("PUT", &format!("/kv/a/{key}"), key.as_bytes());
                        assert_eq!(answer.status(), 204, "{}", answer.summary());
                        acknowledged.lock().unwrap().insert(key);
                        let answer = client.call("POST", "/incr/b/n?by=1", b"");
                        assert_eq!(answer.status(), 200, "{}", answer.summary());
                        sum.fetch_add(1, Ordering::Relaxed);
                        if number % 3 == 2 {
                            let gone = format!("{writer}-{}", number - 1);
                            let answer = client.call("DELETE", &format!("/kv/a/{gone}"), b"");
                            assert_eq!(answer.status(), 204, "{}", answer.summary());
                            acknowledged.lock().unwrap().remove(&gone);
                        }
                        if is_over.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                });
            }
            let _over = Over(&is_over);
            until("there is something to move", || (sum.load(Ordering::Relaxed) > 200).then_some(()));
            for to in ["nats", "disk", "nats"] {
                let before = sum.load(Ordering::Relaxed);
                let report = is_moved(&app, &format!("wasi:keyvalue={to}"), &["--replace"]);
                assert!(report["copied"].as_u64().unwrap() > 100, "{report}");
                until("they write on", || (sum.load(Ordering::Relaxed) > before + 20).then_some(()));
            }
        });
        assert_eq!(keys(&server), acknowledged.into_inner().unwrap());
        assert_eq!(server.get("/kv/b/n").summary(), format!("200 {}", sum.into_inner()));
        assert_eq!(store(&app).0, "nats");
    }
}

/// A host that is killed in the middle finds everything where it was, and the next move removes what the first had copied.
#[test]
fn killed_in_the_middle() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let (app, server) = full(&nats);
    thread::scope(|scope| {
        let moving = scope.spawn(|| relocate(&app, "wasi:keyvalue=nats", &[]));
        has_begun(&app);
        server.kill();
        assert!(!moving.join().unwrap().is_ok());
    });
    let server = up(&app);
    assert_eq!(store(&app).0, "disk");
    assert_eq!(keys(&server).len(), 1000);
    let answer = server.call("DELETE", "/kv/a/0", b"");
    assert_eq!(answer.status(), 204);
    let report = is_moved(&app, "wasi:keyvalue=nats", &[]);
    assert_eq!(report["copied"], 999);
    assert_eq!((keys(&server).len(), store(&app).0.as_str()), (999, "nats"));
    assert!(!record(&app).contains("\"to\""), "{}", record(&app));
}

/// How far a move is, is told while it goes on; and a backend that stands still in the middle leaves everything where it was.
#[test]
fn told_and_given_up() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let (app, server) = full(&nats);
    let ran = thread::scope(|scope| {
        let moving = scope.spawn(|| relocate(&app, "wasi:keyvalue=nats", &[]));
        has_begun(&app);
        nats.pause();
        until("it is told", || told(&app).then_some(()));
        put(&server, "/kv/a/meanwhile", "x");
        moving.join().unwrap()
    });
    assert!(ran.code == Some(1) && ran.stderr.contains("nothing was moved: "), "{ran}");
    assert!(ran.stderr.contains("moving from disk to nats: "), "{ran}");
    assert_eq!((keys(&server).len(), store(&app)), (1001, ("disk".into(), "built-in".into())));
    nats.resume();
    until("it is moved", || relocate(&app, "wasi:keyvalue=nats", &[]).is_ok().then_some(()));
    assert_eq!((keys(&server).len(), store(&app).0.as_str()), (1001, "nats"));
}

/// A host that is stopped in the middle ends as it always does, and finds everything where it was.
#[test]
fn stopped_in_the_middle() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let (app, server) = full(&nats);
    thread::scope(|scope| {
        let moving = scope.spawn(|| relocate(&app, "wasi:keyvalue=nats", &[]));
        has_begun(&app);
        nats.pause();
        assert_eq!(server.stop().code, Some(0));
        let ran = moving.join().unwrap();
        assert!(ran.code == Some(1) && ran.stderr.contains("nothing was moved: the app ends"), "{ran}");
    });
    nats.resume();
    let server = up(&app);
    assert_eq!((keys(&server).len(), store(&app).0.as_str()), (1000, "disk"));
    assert_eq!(is_moved(&app, "wasi:keyvalue=nats", &[])["copied"], 1000);
    assert_eq!(keys(&server).len(), 1000);
}

/// A link that somebody sets meanwhile waits for the end of the move, and is led back to where things are then.
#[test]
fn other_changes_wait() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let (app, server) = full(&nats);
    thread::scope(|scope| {
        let moving = scope.spawn(|| is_moved(&app, "wasi:keyvalue=nats", &[]));
        has_begun(&app);
        let set = WATTLE.run(&app, ["link", "set", "shop", "web", "wasi:keyvalue=memory"]);
        assert!(set.is_ok(), "{set}");
        assert!(!record(&app).contains("\"to\""), "the move has ended: {}", record(&app));
        assert_eq!(moving.join().unwrap()["copied"], 1000);
    });
    assert_eq!(keys(&server), BTreeSet::new());
    assert!(WATTLE.run(&app, ["link", "rm", "shop", "web", "wasi:keyvalue"]).is_ok());
    assert_eq!((keys(&server).len(), store(&app).0.as_str()), (1000, "nats"));
}

/// A call that goes on for too long at the end: the move is given up, the call and those that were held lose nothing, and
/// the next attempt moves what they wrote.
#[test]
fn a_call_that_does_not_end() {
    let manifest = "name = \"shop\"\n[components.web]\nsource = \"blobs.wasm\"\nlinks = { \"wasi:blobstore\" = \"memory\" }\n\
                    [[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n";
    let app = App::new(manifest);
    let server = up(&app);
    put(&server, "/container/box", "");
    let (mut slow, mut held) = (server.connect(), server.connect());
    slow.send("PUT /object/box/slow HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n");
    assert_eq!(slow.head().unwrap().status, 100, "it has begun");
    slow.send("sl");
    thread::scope(|scope| {
        let moving = scope.spawn(|| relocate(&app, "wasi:blobstore=disk", &[]));
        until("it is told", || told(&app).then_some(()));
        // It began before the move, which waits for it; a second one begins behind it.
        held.send("PUT /object/box/held HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n");
        assert_eq!(held.head().unwrap().status, 100, "it has begun");
        held.send("he");
        put(&server, "/object/box/meanwhile", "x");
        slow.send("ow");
        assert_eq!(slow.answer("PUT").status(), 204);
        let ran = moving.join().unwrap();
        assert!(ran.code == Some(1) && ran.stderr.contains("calls were held for 10s"), "{ran}");
        held.send("ld");
        assert_eq!(held.answer("PUT").status(), 204);
    });
    let report: Value = serde_json::from_str(&relocate(&app, "wasi:blobstore=disk", &["--json"]).stdout).unwrap();
    assert_eq!(report["copied"], 3, "{report}");
    let all = ["slow", "held", "meanwhile"].map(|name| server.get(&format!("/object/box/{name}")).summary());
    assert_eq!(all, ["200 slow", "200 held", "200 x"]);
}

/// What a service holds open goes along, and ends when its link is led elsewhere later.
#[test]
fn what_a_service_holds() {
    let app = service().file("host.toml", "[limits]\ndrain = \"1s\"\n");
    let server = up(&app);
    let hold = || server.get("/insist/hold").summary();
    assert!(hold().starts_with("200 1 "));
    let moved = WATTLE.run(&app, ["link", "move", "shop", "callee", "wasi:keyvalue=disk"]);
    assert!(moved.is_ok(), "{moved}");
    assert!(hold().starts_with("200 2 "), "it is counted on where it was moved to");
    assert!(WATTLE.run(&app, ["link", "set", "shop", "callee", "wasi:keyvalue=memory"]).is_ok());
    until("it fails", || hold().starts_with("200 Error::Other(\"closed\")").then_some(()));
}

/// A backend that has no room: everything is where it was, and the app goes on.
#[test]
fn failed_in_the_middle() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let host = with_nats(&nats, "") + "quota = { keys = 5 }\n";
    let app = keeper("", "").file("host.toml", host);
    let server = up(&app);
    (0..20).for_each(|number| put(&server, &format!("/kv/a/{number}"), "x"));
    let ran = relocate(&app, "wasi:keyvalue=nats", &[]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("nothing was moved: it cannot be written: the app may keep 5 keys"), "{ran}");
    put(&server, "/kv/a/20", "x");
    assert_eq!((keys(&server).len(), store(&app)), (21, ("disk".into(), "built-in".into())));
    // What had been copied is gone: with room enough it is moved without being told to replace anything.
    server.stop();
    let app = app.file("host.toml", with_nats(&nats, ""));
    let server = up(&app);
    assert_eq!(is_moved(&app, "wasi:keyvalue=nats", &[])["copied"], 21);
    assert_eq!(keys(&server).len(), 21);
}

/// What began before the move and writes after it, writes to where things are then.
#[test]
fn under_way() {
    let app = keeper("\"wasi:keyvalue\" = \"memory\"", "");
    let server = up(&app);
    let mut slow = server.connect();
    slow.send("PUT /kv/a/late HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nla");
    // It has an instance when a request that came later was answered.
    put(&server, "/kv/a/early", "x");
    is_moved(&app, "wasi:keyvalue=disk", &[]);
    slow.send("te");
    assert_eq!(slow.answer("PUT").status(), 204);
    assert_eq!(server.get("/kv/a/late").summary(), "200 late");
    server.stop();
    let server = up(&app);
    assert_eq!([server.get("/kv/a/late").summary(), server.get("/kv/a/early").summary()], ["200 late", "200 x"]);
}

/// An app that keeps what it is told to through `wasmcloud:keyvalue`.
fn concurrent_keeper() -> App {
    App::new(
        "name = \"shop\"\n[components.web]\nsource = \"state-p3.wasm\"\nlinks = { \"wasmcloud:keyvalue\" = \"memory\" }\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n",
    )
}

/// A version that was told before the move is none of what is there then, though backends count alike.
#[test]
fn versions() {
    let app = concurrent_keeper();
    let server = up(&app);
    put(&server, "/kv/a/key", "one");
    let version = || server.get("/entry/a/key").json()[1].as_str().unwrap().to_owned();
    let before = version();
    is_moved(&app, "wasmcloud:keyvalue=disk", &[]);
    let after = version();
    assert_eq!(before.replace("memory", "disk"), after, "both count alike");
    let swap = |version: &str| server.call("POST", &format!("/swap/a/key?version={version}"), "two").text();
    assert_eq!(swap(&before), format!("[\"one\",\"{after}\"]"));
    assert_eq!(swap(&after), "swapped");
}

/// What ends, ends when it would have.
#[test]
fn lifetimes() {
    let app = concurrent_keeper();
    let server = up(&app);
    put(&server, "/kv/a/long?ttl-ms=3600000", "long");
    put(&server, "/kv/a/short?ttl-ms=3000", "short");
    put(&server, "/kv/a/stays", "stays");
    is_moved(&app, "wasmcloud:keyvalue=disk", &[]);
    until("it has ended", || (server.get("/kv/a/short").status() == 404).then_some(()));
    assert_eq!([server.get("/kv/a/long").summary(), server.get("/kv/a/stays").summary()], ["200 long", "200 stays"]);
}

/// State is the app's: every component that keeps it there goes along, and is led back there.
#[test]
fn components_go_along() {
    let two = "name = \"shop\"\n[components.web]\nsource = \"state.wasm\"\n[components.other]\nsource = \"state.wasm\"\n\
               [[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n\
               [[triggers.http]]\npath = \"/list/...\"\ncomponent = \"other\"\n";
    let app = App::new(two).file("host.toml", "[backends.main]\ntype = \"disk\"\n");
    let server = up(&app);
    put(&server, "/kv/a/one", "x");
    let report = is_moved(&app, "wasi:keyvalue=main", &[]);
    assert_eq!(report["components"].as_array().map(Vec::len), Some(2), "{report}");
    put(&server, "/kv/a/two", "x");
    let both = BTreeSet::from(["one".to_owned(), "two".to_owned()]);
    assert_eq!(keys(&server), both);
    // What is set for a while ends where things are.
    assert!(WATTLE.run(&app, ["link", "set", "shop", "other", "wasi:keyvalue=memory"]).is_ok());
    assert_eq!(keys(&server), BTreeSet::new());
    assert!(WATTLE.run(&app, ["link", "rm", "shop", "other", "wasi:keyvalue"]).is_ok());
    assert_eq!(keys(&server), both);
}

/// Objects are moved piece by piece, with their containers, while others are written; none is in memory as a whole.
#[test]
fn blobs() {
    let Some(nats) = NatsServer::builder().start() else { return };
    for face in faces() {
        let manifest = format!(
            "name = \"shop\"\n[components.web]\nsource = \"blobs.wasm\"\nlinks = {{ \"{}\" = \"disk\" }}\n\
             limits = {{ request-body = \"128MiB\" }}\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n",
            face.package
        );
        let app = App::empty().file("wattle.toml", manifest).file("host.toml", with_nats(&nats, ""));
        fs::copy(&face.guest, app.join("blobs.wasm")).unwrap();
        let server = up(&app);
        for container in ["box", "empty", "gone"] {
            put(&server, &format!("/container/{container}"), "");
        }
        let large: Vec<u8> = (0..64_u32 << 20).map(|at| (at % 251) as u8).collect();
        assert_eq!(server.call("PUT", "/object/box/large", &large).status(), 204);
        (0..50).for_each(|number| put(&server, &format!("/object/box/{number}"), "first"));
        let before = server.process().resident_bytes();
        let is_over = AtomicBool::new(false);
        let last = thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let (_over, mut client) = (Over(&is_over), server.connect());
                assert_eq!(client.call("DELETE", "/container/gone", b"").status(), 204);
                for round in 0_u32.. {
                    let answer =
                        client.call("PUT", &format!("/object/box/{}", round % 50), round.to_string().as_bytes());
                    assert_eq!(answer.status(), 204, "{}", answer.summary());
                    if is_over.load(Ordering::Relaxed) && round > 50 {
                        return round;
                    }
                }
                unreachable!("it goes on until it is over")
            });
            let over = Over(&is_over);
            is_moved(&app, &format!("{}=nats", face.package), &["--replace"]);
            drop(over);
            writer.join().unwrap()
        });
        let grown = server.process().resident_bytes().saturating_sub(before) >> 20;
        assert!(grown < 48, "{grown} MiB of memory");
        for round in last - 49..=last {
            assert_eq!(server.get(&format!("/object/box/{}", round % 50)).summary(), format!("200 {round}"));
        }
        assert!(server.get("/object/box/large").body == large);
        assert_eq!(server.get("/list/empty").status(), 200);
        assert_ne!(server.get("/list/gone").status(), 200);
        server.stop();
        assert_eq!(up(&app).get("/list/box").json()["names"].as_array().map(Vec::len), Some(51));
    }
}
