//! Links that are changed while their app runs.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::Value;
use tokio::time::timeout;
use wattle_testkit::process::Signal;
use wattle_testkit::{App, NatsServer, PATIENCE, Ran, Server, until};

use crate::WATTLE;
use crate::admin::get;
use crate::control::start;
use crate::nats::{block_on, host_file};

/// How long links go back and forth under load; more where somebody wants to see more.
pub(crate) fn span() -> Duration {
    let seconds = std::env::var("WATTLE_RELINK_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

/// A guest that keeps what it is told to, and the package that it does so with.
const STATE: (&str, &str) = ("state", "wasi:keyvalue");

/// An app that keeps what it is told to in memory. `more` are lines of the component's table.
fn keeper((guest, package): (&str, &str), more: &str) -> App {
    App::new(&format!(
        "name = \"shop\"\n[components.web]\nsource = \"{guest}.wasm\"\nlinks = {{ \"{package}\" = \"memory\" }}\n{more}\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n"
    ))
}

/// An app with a service that others call, which keeps what it counts in memory.
pub(crate) fn service() -> App {
    App::new(
        "name = \"shop\"\n[components.caller]\nsource = \"caller.wasm\"\n[services.callee]\nsource = \"callee.wasm\"\n\
         links = { \"wasi:keyvalue\" = \"memory\" }\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"caller\"\n",
    )
}

pub(crate) fn set(app: &App, component: &str, link: &str) -> Ran {
    WATTLE.run(app, ["link", "set", "shop", component, link])
}

#[track_caller]
pub(crate) fn is_set(app: &App, component: &str, link: &str) {
    let ran = set(app, component, link);
    assert!(ran.is_ok(), "{ran}");
}

fn put(server: &Server, key: &str, value: &str) {
    assert_eq!(server.call("PUT", &format!("/kv/a/{key}"), value).status(), 204);
}

#[test]
fn set_and_removed() {
    let app = keeper(STATE, "");
    let server = start(&app);
    put(&server, "one", "in memory");
    let ran = WATTLE.run(&app, ["link", "set", "shop", "web", "wasi:keyvalue=disk", "--json"]);
    assert!(ran.is_ok(), "{ran}");
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let links = told["links"].as_array().unwrap().iter();
    let mut stores = links.filter(|link| link["import"].as_str().unwrap().starts_with("wasi:keyvalue/store"));
    let store = stores.next().unwrap();
    assert_eq!((&store["backend"], &store["rule"]), (&"disk".into(), &"operator".into()), "{store}");
    assert_eq!(server.get("/kv/a/one").status(), 404);
    put(&server, "two", "on disk");
    let ran = WATTLE.run(&app, ["link", "rm", "shop", "web", "wasi:keyvalue"]);
    assert!(ran.is_ok() && ran.stdout.contains("backend memory"), "{ran}");
    assert_eq!(server.get("/kv/a/one").summary(), "200 in memory");
    assert_eq!(server.get("/kv/a/two").status(), 404);
    assert!(WATTLE.run(&app, ["link", "list", "shop"]).stdout.contains("component-link"));
}

/// What cannot be is refused with what could, and the link stays as it was.
#[test]
fn refused() {
    let down = "[backends.away]\ntype = \"nats\"\nservers = [\"nats://127.0.0.1:1\"]\n\
                [backends.vault]\ntype = \"files\"\ndirectory = \"secrets\"\n";
    let app = keeper(STATE, "").file("host.toml", down).file("secrets/a", "b");
    let server =
        WATTLE.up(&app).args(["--config", "host.toml"]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    put(&server, "one", "here");
    let check = |component: &str, link: &str, expected: &str| {
        let ran = set(&app, component, link);
        assert!(!ran.is_ok() && ran.stderr.contains(expected), "{link}: {ran}");
    };
    check("wbe", "wasi:keyvalue=disk", "did you mean `web`?");
    check("web", "wasi:keyvalu=disk", "these can be set: ");
    check("web", "wasi:http=disk", "these can be set: ");
    check("web", "wasi:keyvalue=disc", "did you mean `disk`?");
    check("web", "wasi:keyvalue=vault", "cannot keep keys and values");
    check("web", "wasi:keyvalue/store=disk", "in two backends");
    check("web", "wasi:keyvalue=away", "backend `away` cannot be used: ");
    check("web", "wasi:keyvalue", "INTERFACE=PROVIDER");
    assert_eq!(server.get("/kv/a/one").summary(), "200 here");
}

/// A host that ends changes nothing more.
#[test]
fn while_it_drains() {
    let app = keeper(STATE, "");
    let server = start(&app);
    let mut slow = server.connect();
    slow.send("PUT /kv/a/late HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nla");
    put(&server, "other", "x");
    server.process().signal(Signal::Terminate);
    until("it drains", || {
        let ran = set(&app, "web", "wasi:keyvalue=disk");
        (ran.code == Some(3) && ran.stderr.contains("the app `default/shop` ends")).then_some(())
    });
    slow.send("te");
    assert_eq!(slow.answer("PUT").status(), 204);
}

/// Many who ask for what does not answer do not wait for one another.
#[test]
fn to_what_does_not_answer() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let file = host_file(&nats).replace("defaults = \"nats\"\n", "");
    let app = keeper(STATE, "").file("host.toml", file);
    let up = WATTLE.up(&app).args(["--config", "host.toml"]);
    let server = up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    put(&server, "one", "here");
    nats.process().signal(Signal::Stop);
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let ran = set(&app, "web", "wasi:keyvalue=nats");
                assert!(ran.code == Some(3) && ran.stderr.contains("backend `nats` cannot be used"), "{ran}");
            });
        }
    });
    let took = began.elapsed();
    nats.process().signal(Signal::Continue);
    assert!(took < Duration::from_secs(16), "each waited for those before it: {took:?}");
    assert_eq!(server.get("/kv/a/one").summary(), "200 here");
    until("it answers again", || set(&app, "web", "wasi:keyvalue=nats").is_ok().then_some(()));
}

/// What began before the change ends with what it began with.
#[test]
fn under_way() {
    let concurrent = ("state-p3", "wasmcloud:keyvalue");
    for ((guest, package), more) in [(STATE, ""), (STATE, "instances = { reuse = 100 }"), (concurrent, "")] {
        let app = keeper((guest, package), more);
        let server = start(&app);
        let mut slow = server.connect();
        slow.send("PUT /kv/a/late HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nla");
        // It has an instance when a request that came later was answered.
        put(&server, "other", "x");
        is_set(&app, "web", &format!("{package}=disk"));
        slow.send("te");
        assert_eq!(slow.answer("PUT").status(), 204, "{guest}");
        assert_eq!(server.get("/kv/a/late").status(), 404, "{guest}");
        is_set(&app, "web", &format!("{package}=memory"));
        assert_eq!(server.get("/kv/a/late").summary(), "200 late", "{guest}");
    }
}

/// A service, which has no next invocation, finds the new backend at its next call of the host.
#[test]
fn of_a_service() {
    let app = service();
    let server = start(&app);
    assert_eq!(server.get("/who").summary(), "200   1 1");
    assert_eq!(server.get("/who").summary(), "200   2 2");
    is_set(&app, "callee", "wasi:keyvalue=disk");
    assert_eq!(server.get("/who").summary(), "200   1 3");
    is_set(&app, "callee", "wasi:keyvalue=memory");
    assert_eq!(server.get("/who").summary(), "200   3 4");
}

/// What it holds open stays where it was opened, until its time is over: then it fails, and that is told.
#[test]
fn what_a_service_holds() {
    let app = service().file("host.toml", "[limits]\ndrain = \"1s\"\n");
    let server =
        WATTLE.up(&app).args(["--config", "host.toml"]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    let hold = || server.get("/insist/hold").summary();
    assert!(hold().starts_with("200 1 ") && hold().starts_with("200 2 "));
    is_set(&app, "callee", "wasi:keyvalue=disk");
    assert!(hold().starts_with("200 3 "), "it is where it was opened");
    until("it fails", || hold().starts_with("200 Error::Other(\"closed\")").then_some(()));
    let told = |line: &str| {
        ["default/shop", "component=callee", "import=\"wasi:keyvalue\"", "backend=memory", "time is over"]
            .iter()
            .all(|word| line.contains(word))
    };
    server.log.wait_for("the report", told);
    assert_eq!(server.get("/who").summary().split(' ').nth(3), Some("1"), "what it opens is elsewhere");
}

/// What links do not lead to any more is closed, opened again when they do, and no reason why the app is not ready.
#[test]
fn what_is_not_used() {
    let Some(mut nats) = NatsServer::builder().start() else { return };
    let file = host_file(&nats).replace("defaults = \"nats\"\n", "");
    let app = keeper(STATE, "").file("host.toml", file);
    let up = WATTLE.up(&app).args(["--config", "host.toml", "--admin", "127.0.0.1:0"]);
    let server = up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    for round in ["one", "two"] {
        is_set(&app, "web", "wasi:keyvalue=nats");
        put(&server, round, "x");
        assert!(open_to(&nats) > 0);
        is_set(&app, "web", "wasi:keyvalue=memory");
        until("its connections are closed", || (open_to(&nats) == 0).then_some(()));
    }
    is_set(&app, "web", "wasi:keyvalue=nats");
    assert_eq!(server.get("/kv/a/one").summary(), "200 x");
    is_set(&app, "web", "wasi:keyvalue=memory");
    nats.kill();
    assert_eq!(get(&server, "/readyz").status(), 200);
}

/// Log lines that wait for their backend are sent, whichever link changes meanwhile.
#[test]
fn lines_that_wait() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let file = host_file(&nats).replace("defaults = \"nats\"\n", "");
    let app = keeper(STATE, "").file("host.toml", file);
    let up = WATTLE.up(&app).args(["--config", "host.toml"]);
    let server = up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    is_set(&app, "web", "wasi:logging=nats");
    let lines = block_on(async {
        let client = async_nats::connect(nats.url()).await.expect("connect");
        let lines = client.subscribe("wattle.log.default.shop.web").await.expect("subscribe");
        client.flush().await.expect("flush");
        nats.process().signal(Signal::Stop);
        for number in 0..10 {
            assert_eq!(server.call("POST", "/log?level=warn&context=c", number.to_string()).status(), 204);
        }
        is_set(&app, "web", "wasi:keyvalue=disk");
        nats.process().signal(Signal::Continue);
        timeout(PATIENCE, lines.take(10).collect::<Vec<_>>()).await.expect("all of them")
    });
    let message = |line: &async_nats::Message| {
        let line: Value = serde_json::from_slice(&line.payload).unwrap();
        line["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(lines.iter().map(message).collect::<String>(), "0123456789");
}

/// Back and forth under load: no call fails, and what was acknowledged is in one of the two backends and not in the other.
pub(crate) fn back_and_forth(app: &App, server: &Server, backends: [&str; 2]) {
    let (is_over, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let changes = thread::scope(|scope| {
        for writer in 0..4 {
            let (is_over, acknowledged) = (&is_over, &acknowledged);
            scope.spawn(move || {
                let _over = Over(is_over);
                let mut client = server.connect();
                for number in 0_u32.. {
                    let key = format!("{writer}-{number}");
                    let answer = client.call("PUT", &format!("/kv/a/{key}"), b"x");
                    assert_eq!(answer.status(), 204, "{}", answer.summary());
                    acknowledged.lock().unwrap().push(key);
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        let (began, mut changes) = (Instant::now(), 0);
        let _over = Over(&is_over);
        while began.elapsed() < span() && !is_over.load(Ordering::Relaxed) {
            changes += 1;
            is_set(app, "web", &format!("wasi:keyvalue={}", backends[changes % 2]));
        }
        changes
    });
    let kept = backends.map(|backend| {
        is_set(app, "web", &format!("wasi:keyvalue={backend}"));
        keys(server)
    });
    let acknowledged: BTreeSet<_> = acknowledged.into_inner().unwrap().into_iter().collect();
    assert!(kept.iter().all(|kept| !kept.is_empty()), "both were used: {changes} changes");
    assert!(kept[0].is_disjoint(&kept[1]));
    assert_eq!(kept[0].union(&kept[1]).cloned().collect::<BTreeSet<_>>(), acknowledged);
}

/// Tells the others when one of them has ended, well or not.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// All keys of the bucket.
pub(crate) fn keys(server: &Server) -> BTreeSet<String> {
    let (mut keys, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = server.get(&format!("/list/a{cursor}")).json();
        keys.extend(page["keys"].as_array().unwrap().iter().filter_map(|key| Some(key.as_str()?.to_owned())));
        match &page["cursor"] {
            Value::Null => return keys,
            next => cursor = format!("?cursor={next}"),
        }
    }
}

#[test]
fn under_load() {
    let app = keeper(STATE, "instances = { reuse = 1000 }");
    back_and_forth(&app, &start(&app), ["memory", "disk"]);
}

/// The same with NATS, to which no connection stays that was not there before.
#[test]
fn under_load_on_nats() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let app = keeper(STATE, "").file("host.toml", host_file(&nats));
    let up = WATTLE.up(&app).args(["--config", "host.toml"]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    let server = up.start();
    is_set(&app, "web", "wasi:keyvalue=nats");
    (0..16).for_each(|number| put(&server, &format!("first-{number}"), "x"));
    (0..16).for_each(|number| {
        let deleted = server.call("DELETE", &format!("/kv/a/first-{number}"), b"");
        assert_eq!(deleted.status(), 204);
    });
    let before = open_to(&nats);
    back_and_forth(&app, &server, ["memory", "nats"]);
    assert!(open_to(&nats) <= before, "{} connections, {before} before", open_to(&nats));
}

/// How many connections there are to a server, as its own file in `/proc` knows.
pub(crate) fn open_to(nats: &NatsServer) -> usize {
    let port = format!(":{:04X}", nats.port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the connections of this machine");
    let is_open = |line: &&str| {
        line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&port)) && line.contains(" 01 ")
    };
    table.lines().filter(is_open).count()
}
