//! The edge of a host: what proxies may say of a request, and the access log.

use std::time::Duration;

use serde_json::Value;
use wattle_testkit::{App, End, Http2, guests, until};

use crate::{WATTLE, beside_hello};

const FORWARDED: &str = "GET /a HTTP/1.1\r\nHost: mine.example\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n\
    X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nX-Other: 1\r\n\r\n";

/// What a guest sees of `FORWARDED`: scheme, authority, how many header fields.
fn seen(host_file: &str) -> (Value, Value, usize) {
    let app = App::of(&guests::echo(), "").file("host.toml", host_file);
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let seen = server.connect().raw(FORWARDED).json();
    (seen["scheme"].clone(), seen["authority"].clone(), seen["headers"].as_array().map_or(0, Vec::len))
}

#[test]
fn forged_by_a_client() {
    assert_eq!(seen(""), ("http".into(), "mine.example".into(), 1));
    assert_eq!(seen("trusted-proxies = [\"10.0.0.0/8\", \"::1\"]"), ("http".into(), "mine.example".into(), 1));
}

#[test]
fn told_by_a_trusted_proxy() {
    assert_eq!(seen("trusted-proxies = [\"127.0.0.0/8\"]"), ("https".into(), "shop.example".into(), 6));
}

/// Routing follows the host that the client used.
#[test]
fn a_route_of_the_forwarded_host() {
    let app = App::new(
        "name = \"routes\"\n[components.hello]\nsource = \"hello.wasm\"\n\
         [[triggers.http]]\nhost = \"shop.example\"\npath = \"/...\"\ncomponent = \"hello\"\n",
    )
    .file("host.toml", "trusted-proxies = [\"127.0.0.1\"]");
    assert_eq!(WATTLE.up(&app).start().connect().raw(FORWARDED).status(), 404);
    let trusting = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    assert_eq!(trusting.connect().raw(FORWARDED).status(), 200);
}

/// The lines of the access log, without what differs from run to run.
fn lines(log: &str) -> Vec<String> {
    let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let entries = entries.filter(|entry| entry["target"] == "access");
    let fields = ["client", "app", "component", "method", "path", "protocol", "status", "bytes"];
    let line = |entry: Value| {
        assert!(entry["duration_ms"].is_number() && entry["request"].is_string(), "{entry}");
        fields.map(|name| entry[name].as_str().map_or(entry[name].to_string(), Into::into)).join(" ")
    };
    entries.map(line).collect()
}

#[test]
fn a_line_for_each_request() {
    let app = beside_hello("misbehave", "").file("host.toml", "trusted-proxies = [\"127.0.0.1\"]\naccess-log = true\n");
    let server = WATTLE.up(&app).args(["--config", "host.toml", "--log-format", "json"]).start();
    let mut count = 0;
    let mut logged = |what: &str| {
        count += 1;
        until(what, || (lines(&server.log.text()).len() == count).then_some(()));
        lines(&server.log.text()).pop().unwrap()
    };
    server.get("/neighbour?token=secret");
    assert_eq!(logged("an answer"), "127.0.0.1 default/pair neighbour GET /neighbour HTTP/1.1 200 18");
    server.call("POST", "/panic", "x");
    assert!(logged("a failure").starts_with("127.0.0.1 default/pair guest POST /panic HTTP/1.1 500 "));
    server.connect().raw("GET /%zz HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n");
    assert!(logged("no route").starts_with("1.2.3.4 null null GET /%zz HTTP/1.1 400 "));
    assert_eq!(Http2::open(server.address()).call("GET", "/panic-after", b"").end, End::Cut);
    assert!(logged("a cut one").starts_with("127.0.0.1 default/pair guest GET /panic-after HTTP/2.0 200 "));
    let mut gone = server.connect();
    let idle = server.process().computed();
    gone.request("GET", "/loop", b"");
    until("the guest computes", || (server.process().computed() > idle + Duration::from_millis(50)).then_some(()));
    drop(gone);
    assert_eq!(logged("a client that left"), "127.0.0.1 default/pair guest GET /loop HTTP/1.1 null 0");
    assert!(!server.log.text().contains("secret"), "{}", server.log.text());
}

#[test]
fn off_unless_asked_for() {
    let app = App::of(&guests::hello(), "");
    let server = WATTLE.up(&app).args(["--log-format", "json"]).start();
    assert_eq!(server.get("/").status(), 200);
    assert_eq!(lines(&server.stop().stderr), Vec::<String>::new());
    let server = WATTLE.up(&app).args(["--log-format", "json", "--access-log"]).start();
    assert_eq!(server.get("/").status(), 200);
    assert_eq!(lines(&server.stop().stderr).len(), 1);
}
