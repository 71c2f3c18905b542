//! Apps on a real NATS: what a manifest and a host's file have to say for it, and what is seen when it is not there.

use std::net::TcpListener;

use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;
use tokio::runtime::Handle;
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::bus::{Bus, Message};
use wattle_backend::key_value::KeyValue;
use wattle_backend::nats::{NatsBus, NatsConnection, NatsKeyValue, NatsLayout, NatsOptions};
use wattle_spec::name::AppId;
use wattle_testkit::{App, NatsServer, PATIENCE, Server, guests, until};

use crate::WATTLE;
use crate::messages::{handled, post, publish, trigger, wait_for_seen};

/// A host's file with NATS as the default.
pub(crate) fn host_file(nats: &NatsServer) -> String {
    format!("defaults = \"nats\"\n[backends.nats]\ntype = \"nats\"\nservers = [\"{}\"]\n", nats.url())
}

fn up(app: &App) -> Server {
    WATTLE.up(app).args(["--config", "host.toml"]).start()
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work)
}

/// What is kept on NATS outlives the host and its data directory, and a restart of NATS.
#[test]
fn what_is_kept_stays() {
    let Some(mut nats) = NatsServer::builder().start() else { return };
    for round in 0..2 {
        let app = App::of(&guests::state(), "").file("host.toml", host_file(&nats));
        let server = up(&app);
        let expected = if round == 0 { "404 {\"error\":\"no such key\"}" } else { "200 one" };
        assert_eq!(server.get("/kv/default/a").summary(), expected);
        assert_eq!(server.call("PUT", "/kv/default/a", "one").summary(), "204 ");
        assert_eq!(server.call("POST", "/incr/default/n?by=5", "").summary(), format!("200 {}", 5 * (round + 1)));
        assert!(!app.data_dir().join("state.redb").exists(), "nothing is kept on disk");
        nats.restart();
        until("it is connected again", || (server.get("/kv/default/a").summary() == "200 one").then_some(()));
    }
}

/// An operator changes configuration with the tools of NATS, and the next call sees it.
#[test]
fn configuration_is_seen_without_a_restart() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let app = App::of(&guests::vault(), "config = { currency = \"EUR\" }").file("host.toml", host_file(&nats));
    let server = up(&app);
    assert_eq!(server.get("/config/currency").summary(), "200 EUR");
    block_on(async {
        // Where `nats kv put wattle_default_vault config_vault.currency SEK` writes.
        let client = async_nats::connect(nats.url()).await.expect("connect");
        let mut writes = client.subscribe("$KV.wattle_default_vault.config_vault.currency").await.expect("subscribe");
        client.flush().await.expect("flush");
        let options = NatsOptions::new([nats.url()]);
        let connection = NatsConnection::new(options, Handle::current()).expect("a connection");
        let owner = Owner::App(AppId::in_default_namespace("vault".parse().expect("a name")));
        let bucket = Bucket { owner, name: "config_vault".into() };
        let store = NatsKeyValue::new(connection, NatsLayout::default());
        store.set(&bucket, "currency", Bytes::from_static(b"SEK").into()).await.expect("write");
        let write = tokio::time::timeout(PATIENCE, writes.next()).await.expect("in time").expect("a write");
        assert_eq!(&write.payload[..], b"SEK");
    });
    assert_eq!(server.get("/config/currency").summary(), "200 SEK");
}

/// With NATS as the default, what a component logs is on a subject of its own, beside the host's log.
#[test]
fn log_lines_are_sent() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let app = App::of(&guests::vault(), "").file("host.toml", host_file(&nats));
    let line = block_on(async {
        let client = async_nats::connect(nats.url()).await.expect("connect");
        let mut lines = client.subscribe("wattle.log.default.vault.>").await.expect("subscribe");
        client.flush().await.expect("flush");
        let server = up(&app);
        assert_eq!(server.call("POST", "/log/hello-there", "").status(), 200);
        let line = tokio::time::timeout(PATIENCE, lines.next()).await.expect("in time").expect("a line");
        assert!(server.stop().stderr.contains("hello-there"), "the host's own log has it too");
        line
    });
    assert_eq!(line.subject.as_str(), "wattle.log.default.vault.vault");
    let line: serde_json::Value = serde_json::from_slice(&line.payload).expect("JSON");
    assert_eq!((&line["level"], &line["message"]), (&"warn".into(), &"hello-there".into()));
}

/// Objects stream there and back, in parts too, and are found again after a restart of NATS.
#[test]
fn objects() {
    let Some(mut nats) = NatsServer::builder().start() else { return };
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let app = App::of(&guests::blobs(), "").file("host.toml", host_file(&nats));
    let server = up(&app);
    let done = |method: &str, target: &str, body: &[u8]| {
        let answer = server.call(method, target, body);
        assert!(answer.status() < 300, "{method} {target}: {}", answer.summary());
    };
    done("PUT", "/container/c", b"");
    done("PUT", "/object/c/large", &content);
    done("POST", "/copy/c/large/c/copy", b"");
    nats.restart();
    until("it is connected again", || {
        (server.get("/object/c/copy?start=250&end=253").body == content[250..=253]).then_some(())
    });
    assert!(server.get("/object/c/large").body == content);
    assert_eq!(server.get("/list/c").json()["names"], json!(["copy", "large"]));
    done("DELETE", "/object/c/large", b"");
    assert_eq!(server.get("/object/c/large").status(), 422);
}

/// Messages reach their handler, are tried again, go to the dead letters, and wait for a host that is not there.
#[test]
fn messages() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let retry = "retry = { attempts = 2, backoff = \"100ms\" }\ndead-letter = \"dead\"";
    let triggers = trigger("a", "orders.>", retry) + &trigger("b", "dead", "");
    let app = post(&["a", "b"], "nats", &triggers).file("host.toml", host_file(&nats));
    let server = up(&app);
    publish(&server, "orders.new", "hello");
    publish(&server, "orders.old", "err");
    wait_for_seen(&server, &json!({ "a orders.new hello": 1, "a orders.old err": 2, "b dead err": 1 }));
    let asked = server.call("POST", "/request/orders.new", "why").summary();
    assert_eq!(asked, "200 re: why");
    assert!(server.stop().is_ok());
    block_on(async {
        // What somebody of the app publishes while its handlers are away.
        let options = NatsOptions::new([nats.url()]);
        let connection = NatsConnection::new(options, Handle::current()).expect("a connection");
        let bus = NatsBus::new(connection, NatsLayout::default(), None);
        let owner = Owner::App(AppId::in_default_namespace("post".parse().expect("a name")));
        let subject = "orders.late".parse().expect("a subject");
        let message = Message { subject, body: Bytes::from_static(b"kept"), reply_to: None, headers: Vec::new() };
        bus.publish(&owner, message).await.expect("publish");
    });
    let server = up(&app);
    until("it comes", || (server.get("/seen").json()["a orders.late kept"] == 1).then_some(()));
}

/// A host that stops has told what became of everything that it handled.
#[test]
fn what_was_handled_is_settled_at_the_end() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let server = up(&post(&["a"], "nats", &trigger("a", "orders.>", "")).file("host.toml", host_file(&nats)));
    (0..50).for_each(|number| publish(&server, "orders.new", &number.to_string()));
    until("all are handled", || (handled(&server) == 50).then_some(()));
    assert!(server.stop().is_ok());
    block_on(async {
        let client = async_nats::connect(nats.url()).await.expect("connect");
        let stream = async_nats::jetstream::new(client).get_stream("MSG_wattle_default_post").await.expect("a stream");
        assert_eq!(stream.cached_info().state.messages, 0, "these come again");
    });
}

/// A message that the server takes is a dead letter that it takes, though there may be no room for what happened to it.
#[test]
fn a_large_dead_letter() {
    let Some(nats) = NatsServer::builder().max_payload(3000).start() else { return };
    let triggers = trigger("a", "jobs", "retry = { attempts = 1 }\ndead-letter = \"dead\"") + &trigger("b", "dead", "");
    let server = up(&post(&["a", "b"], "nats", &triggers).file("host.toml", host_file(&nats)));
    publish(&server, "jobs", &format!("err{}", "x".repeat(2900)));
    server.log.wait_for("what became of it", |line| line.contains("for the last time and is moved to dead"));
}

/// On shared subjects of core NATS nothing is kept for anybody: dead letters go to whoever listens.
#[test]
fn dead_letters_on_core_nats() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let triggers = trigger("a", "jobs", "retry = { attempts = 1 }\ndead-letter = \"dead\"");
    let host = host_file(&nats) + "scope = \"shared\"\n";
    let _server = up(&post(&["a"], "nats", &triggers).file("host.toml", host));
    block_on(async {
        let client = async_nats::connect(nats.url()).await.expect("connect");
        let mut letters = client.subscribe("dead").await.expect("subscribe");
        client.flush().await.expect("flush");
        client.publish("jobs", "err".into()).await.expect("publish");
        let letter = tokio::time::timeout(PATIENCE, letters.next()).await.expect("in time").expect("a letter");
        assert_eq!(&letter.payload[..], b"err");
    });
}

/// Groups of an earlier version are ended when NATS is there again, if it was not when the app started.
#[test]
fn groups_of_nobody() {
    let Some(mut nats) = NatsServer::builder().start() else { return };
    let old = trigger("a", "old", "");
    let app = post(&["a"], "nats", &(trigger("a", "jobs", "") + &old)).file("host.toml", host_file(&nats));
    assert!(up(&app).stop().is_ok());
    let manifest = std::fs::read_to_string(app.join("wattle.toml")).expect("a manifest").replace(&old, "");
    let app = app.file("wattle.toml", manifest);
    nats.kill();
    let server = up(&app);
    nats.restart();
    let told = server.log.wait_for("the end of the group", |line| line.contains("no trigger hears of this any more"));
    assert!(told.contains("subject=old"), "{told}");
    assert!(!server.log.text().contains("cannot be ended"), "{}", server.log.text());
}

/// A component gets the interface's own error while NATS is away, and the host serves on.
#[test]
fn nats_is_not_there() {
    let Some(mut nats) = NatsServer::builder().start() else { return };
    let app = App::of(&guests::state(), "").file("host.toml", host_file(&nats));
    let server = up(&app);
    assert_eq!(server.call("PUT", "/kv/default/a", "one").summary(), "204 ");
    nats.kill();
    assert_eq!(server.get("/kv/default/a").code(), None);
    let told = server.get("/kv/default/a").text();
    assert!(told.contains("unavailable") || told.contains("timed-out"), "{told}");
    assert_eq!(server.get("/env").status(), 200);
    nats.restart();
    until("it is connected again", || (server.get("/kv/default/a").summary() == "200 one").then_some(()));
}

/// The guest gets no word about the host; the log has them all, and whose call it was.
#[test]
fn a_failed_call_is_told() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = closed.expect("a port where nobody listens");
    let host = format!("defaults = \"nats\"\n[backends.nats]\ntype = \"nats\"\nservers = [\"nats://{address}\"]\n");
    for (guest, calls) in [
        (
            guests::labels(),
            &[
                ("GET", "/config/theme", "wasi:config/store.get"),
                ("GET", "/old-features/theme", "wasi:config/runtime.get"),
                ("POST", "/consumer/news", "wasmcloud:messaging/consumer.publish"),
                ("POST", "/events/news", "wasi:messaging/producer.send"),
                ("GET", "/blobs/box/letter", "wasi:blobstore/blobstore.get-container"),
            ][..],
        ),
        (guests::state(), &[("GET", "/kv/default/a", "wasi:keyvalue/store.get")]),
        (guests::blobs_p3(), &[("PUT", "/container/box", "wasmcloud:blobstore/blobstore.create-container")]),
    ] {
        let app = App::of(&guest, "").file("host.toml", host.clone());
        let server = up(&app);
        for &(method, path, function) in calls {
            let answer = server.call(method, path, "");
            let text = answer.text();
            assert!(answer.status() >= 400 && !text.contains("127.0.0.1"), "{path}: {text}");
            let request = format!("request={} ", answer.header("x-request-id").expect("every answer has one"));
            let function = format!("function={function} ");
            let named = [&request, &function, "a call of the host failed", "component=default/", "backend=nats "];
            let is_told = |line: &String| named.iter().all(|name| line.contains(*name));
            until(&format!("{path} is told"), || server.log.all().iter().any(is_told).then_some(()));
        }
    }
}

/// That NATS is lost and reached again is told once each time, however many connections notice it.
#[test]
fn a_loss_is_told_once() {
    let Some(mut nats) = NatsServer::builder().start() else { return };
    let app = App::of(&guests::state(), "").file("host.toml", host_file(&nats));
    let server = up(&app);
    // They are dealt to the cores in turn, and so each core has a connection to NATS.
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    let mut is_reached = || clients.iter_mut().all(|client| client.call("GET", "/kv/default/a", b"").status() == 404);
    assert!(is_reached());
    let times = |text: &str| server.log.all().iter().filter(|line| line.contains(text)).count();
    for round in 1..=2 {
        nats.restart();
        until("every core is connected again", || is_reached().then_some(()));
        until("it is told", || (times("NATS is reached again") == round).then_some(()));
        assert_eq!(times("the connection to NATS is lost"), round, "{}", server.log.text());
    }
}

/// What is wrong with the way in is told, with the server's name and without the password.
#[test]
fn a_wrong_password() {
    let users = "authorization { users: [{ user: wattle, password: right }] }";
    let Some(nats) = NatsServer::builder().config(users).start() else { return };
    let host = host_file(&nats) + "user = \"wattle\"\npassword-file = \"password\"\n";
    let app = App::of(&guests::state(), "").file("host.toml", host).file("password", "canary-wrong\n");
    let server = up(&app);
    let told = server.get("/kv/default/a").text();
    assert!(told.contains("denied"), "{told}");
    let log = server.stop().stderr;
    assert!(log.contains("NATS refuses the host, it is tried again") && log.contains("hint="), "{log}");
    assert!(!log.contains("canary-wrong") && log.contains("127.0.0.1"), "{log}");
    assert!(!log.contains("async_nats"), "{log}");
}

/// An app does not start without the files that its backend is reached with.
#[test]
fn a_password_that_is_not_there() {
    let host =
        "defaults = \"nats\"\n[backends.nats]\ntype = \"nats\"\nuser = \"wattle\"\npassword-file = \"password\"\n";
    let app = App::of(&guests::state(), "").file("host.toml", host);
    insta::assert_snapshot!(WATTLE.run(&app, ["up", "--config", "host.toml", "--listen", "127.0.0.1:0"]), @"
    exit: 1
    ----- stderr
    error: the app cannot start
      caused by: the backend nats cannot be opened
      caused by: cannot read the credentials in password
      caused by: No such file or directory (os error 2)
    ");
}
