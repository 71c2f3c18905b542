//! The admin listener: health, readiness, metrics, and who may ask.

use serde_json::Value;
use wattle_testkit::process::Signal;
use wattle_testkit::{App, Connection, NatsServer, Response, Server, guests, until};

use crate::WATTLE;
use crate::messages::{post, publish, trigger};
use crate::nats::host_file;

/// Where `server` tells of itself, from its log.
fn address(server: &Server) -> std::net::SocketAddr {
    until("the log tells where the admin listener is", || {
        let log = server.log.text();
        let line = log.lines().find(|line| line.contains("health, readiness and metrics"))?;
        line.rsplit_once("address=")?.1.split_whitespace().next()?.parse().ok()
    })
}

/// `GET` on its admin listener.
pub(crate) fn get(server: &Server, target: &str) -> Response {
    let address = address(server);
    Connection::open(address).raw(format!("GET {target} HTTP/1.1\r\nhost: {address}\r\n\r\n"))
}

/// A number, by its name with its labels.
pub(crate) fn number(server: &Server, name: &str) -> f64 {
    let text = get(server, "/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("there is no {name} in\n{text}")).parse().unwrap()
}

fn up(app: &App) -> wattle_testkit::Up<'_> {
    WATTLE.up(app).args(["--admin", "127.0.0.1:0"])
}

#[test]
fn health_and_readiness() {
    let app = App::of(&guests::hello(), "");
    let server = up(&app).start();
    assert_eq!(get(&server, "/healthz").summary(), "200 ok");
    assert_eq!(
        get(&server, "/readyz").summary(),
        "200 {\"apps\":{\"default/hello\":{\"ready\":true,\"waiting\":[]}},\"ready\":true}"
    );
    assert_eq!(get(&server, "/").status(), 404);
    assert_eq!(
        get(&server, "/metrics").header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
}

#[test]
fn who_may_ask() {
    let app = App::of(&guests::hello(), "");
    let server = up(&app).start();
    let address = address(&server);
    let asked = |request: &str| Connection::open(address).raw(request).status();
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1:9090", "127.1.2.3", "[::1]:9090"] {
        assert_eq!(asked(&format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n")), 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "", "[::2]"] {
        assert_eq!(asked(&format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\n\r\n")), 403, "{host}");
    }
    assert_eq!(asked("GET /metrics HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n\r\n"), 403);
    assert_eq!(asked("GET /metrics HTTP/1.0\r\n\r\n"), 403);
    assert_eq!(asked("POST /metrics HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"), 405);
    assert_eq!(asked(&format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(32 << 10))), 431);
}

/// A component of WASI 0.2 that never comes to an end of its start.
const ENDLESS: &str = r#"(component
    (import "wasi:http/types@0.2.0" (instance $http
        (export "incoming-request" (type (sub resource)))
        (export "response-outparam" (type (sub resource)))))
    (alias export $http "incoming-request" (type $incoming-request))
    (alias export $http "response-outparam" (type $response-outparam))
    (core module $program
        (func $start (loop $again (br $again)))
        (start $start)
        (func (export "handle") (param i32 i32)))
    (core instance $program (instantiate $program))
    (func $handle
        (param "request" (own $incoming-request)) (param "response-out" (own $response-outparam))
        (canon lift (core func $program "handle")))
    (instance $export (export "handle" (func $handle)))
    (export "wasi:http/incoming-handler@0.2.0" (instance $export)))"#;

#[test]
fn not_ready_while_it_starts() {
    let app = App::empty().file("endless.wat", ENDLESS);
    let server = up(&app).path("endless.wat").spawn();
    let starting = until("the app is being started", || {
        Some(get(&server, "/readyz")).filter(|answer| answer.text().contains("endless"))
    });
    assert_eq!(starting.status(), 503);
    assert_eq!(
        starting.json(),
        serde_json::json!({ "ready": false, "apps": {
            "default/endless": { "ready": false, "waiting": [{ "part": "start", "reason": "starting" }] },
        }})
    );
    assert_eq!(get(&server, "/healthz").status(), 200);
    assert!(server.stop().is_ok());
}

#[test]
fn not_ready_while_it_drains() {
    let app = App::of(&guests::misbehave(), "");
    let mut server = up(&app).start();
    assert_eq!(get(&server, "/readyz").status(), 200);
    let mut busy = server.connect();
    busy.request("GET", "/sleep?ms=3000", b"");
    until("the request is under way", || (number(&server, IN_FLIGHT) == 1.0).then_some(()));
    server.process().signal(Signal::Terminate);
    let draining = until("the app drains", || Some(get(&server, "/readyz")).filter(|answer| answer.status() == 503));
    assert!(draining.text().contains("\"reason\":\"draining\""), "{}", draining.text());
    assert_eq!(busy.answer("GET").status(), 200);
    assert!(server.wait().is_ok());
}

/// An app is ready while the backends answer that it is linked to, and not when one does not.
#[test]
fn not_ready_without_a_backend() {
    let Some(mut nats) = NatsServer::builder().start() else { return };
    let app = App::of(&guests::state(), "links = { \"wasi:keyvalue\" = \"orders\" }")
        .file("host.toml", format!("[backends.orders]\ntype = \"nats\"\nservers = [\"{}\"]\n", nats.url()));
    let server = up(&app).args(["--config", "host.toml"]).start();
    assert_eq!(get(&server, "/readyz").status(), 200);
    nats.kill();
    let waiting = until("it is seen that the backend is gone", || {
        Some(get(&server, "/readyz")).filter(|answer| answer.status() == 503)
    });
    let waiting = &waiting.json()["apps"]["default/state"]["waiting"];
    assert_eq!(*waiting, serde_json::json!([{ "part": "backend orders", "reason": "timed-out" }]));
    assert_eq!(get(&server, "/healthz").status(), 200);
    nats.restart();
    until("it is seen that the backend is back", || (get(&server, "/readyz").status() == 200).then_some(()));
}

/// An app is not ready as long as a trigger hears nothing, nor while the backend is away that it hears from; when that is
/// back, it is ready by itself and its messages come.
#[test]
fn not_ready_without_messages() {
    let Some(mut nats) = NatsServer::builder().start() else { return };
    nats.kill();
    let app = post(&["a"], "nats", &trigger("a", "orders.>", "")).file("host.toml", host_file(&nats));
    let server = up(&app).args(["--config", "host.toml"]).start();
    let waiting = |answer: &Response| answer.json()["apps"]["default/post"]["waiting"].as_array().unwrap().clone();
    let is_trigger = |part: &Value| part["part"] == "message trigger a on orders.>";
    let answer = get(&server, "/readyz");
    let deaf = waiting(&answer).into_iter().find(is_trigger);
    let reason = deaf.as_ref().and_then(|part| part["reason"].as_str()).unwrap_or_default();
    assert!(["backend nats: unavailable", "backend nats: timed-out"].contains(&reason), "{}", answer.text());
    assert_eq!(answer.status(), 503);
    for body in ["one", "two"] {
        nats.restart();
        until("it is ready", || (get(&server, "/readyz").status() == 200).then_some(()));
        publish(&server, "orders.new", body);
        until("messages come", || {
            (!server.get("/seen").json()[format!("a orders.new {body}")].is_null()).then_some(())
        });
        nats.kill();
        let answer = until("it is not ready", || Some(get(&server, "/readyz")).filter(|answer| answer.status() == 503));
        assert_eq!(waiting(&answer)[0]["part"], "backend nats", "{}", answer.text());
    }
}

const IN_FLIGHT: &str = "wattle_requests_in_flight{app=\"default/misbehave\",component=\"misbehave\"}";

/// What is counted of a component, each number once.
#[test]
fn what_is_counted() {
    let app = App::of(
        &guests::misbehave(),
        "instances = { reuse = 100 }\nlimits = { deadline = \"2s\", log-lines-per-second = 5 }",
    );
    let app_text = std::fs::read_to_string(app.join("wattle.toml")).unwrap();
    let app = app.file("wattle.toml", format!("{app_text}[limits]\nconcurrent-requests = 1\nqueue-time = \"500ms\"\n"));
    let server = up(&app).start();
    let count = |metric: &str, more: &str| {
        number(&server, &format!("{metric}{{app=\"default/misbehave\",component=\"misbehave\"{more}}}"))
    };
    assert_eq!(count("wattle_instances_made_total", ""), 1.0, "the one that it was tried out with");
    // What comes on one connection is served on one core.
    let mut client = server.connect();
    for target in ["/", "/", "/log-flood?n=50", "/panic", "/hang"] {
        client.call("GET", target, b"");
    }
    assert_eq!(count("wattle_instances_made_total", ""), 3.0);
    assert_eq!(count("wattle_instances_warm", ""), 0.0);
    assert_eq!(count("wattle_requests_total", ",status=\"2xx\""), 3.0);
    assert_eq!(count("wattle_requests_total", ",status=\"5xx\""), 2.0);
    assert_eq!(count("wattle_request_duration_seconds_count", ""), 5.0);
    assert_eq!(count("wattle_failures_total", ",code=\"guest-trap\""), 1.0);
    assert_eq!(count("wattle_failures_total", ",code=\"deadline\""), 1.0);
    assert!(count("wattle_log_lines_dropped_total", "") > 0.0);
    let mut busy = server.connect();
    busy.request("GET", "/hang", b"");
    until("it has the only place", || (number(&server, IN_FLIGHT) == 1.0).then_some(()));
    assert_eq!(server.get("/").status(), 503);
    assert_eq!(count("wattle_failures_total", ",code=\"no-capacity\""), 1.0);
    busy.answer("GET");
    server.get("/");
    assert_eq!(count("wattle_instances_warm", ""), 1.0);
    assert!(number(&server, "process_resident_memory_bytes") > 1e6);
    assert!(number(&server, "process_cpu_seconds_total") > 0.0);
}

/// Whatever clients invent, the numbers stay as many as they are; of components there are as many as the limit says.
#[test]
fn no_client_makes_numbers() {
    let names: Vec<String> = (0..5).map(|number| format!("hello-{number}")).collect();
    let tables = names.iter().map(|name| {
        format!(
            "[components.{name}]\nsource = \"hello.wasm\"\n[[triggers.http]]\npath = \"/{name}/...\"\n\
             component = \"{name}\"\n"
        )
    });
    let app = App::new(&format!("name = \"many\"\n{}", tables.collect::<String>()))
        .file("host.toml", "limits.metric-components = 3\n");
    let server = up(&app).args(["--config", "host.toml"]).start();
    let ask_all = |round: usize| {
        for (index, name) in names.iter().enumerate() {
            let (method, line) = (format!("M{round}"), format!("/{name}/{round}?{round}"));
            let request = format!("{method} {line} HTTP/1.1\r\nhost: h{round}.example\r\nuser-agent: u{round}\r\n\r\n");
            assert_eq!(server.connect().raw(request).status(), 200, "{index}");
        }
        assert_eq!(server.get(&format!("/nowhere/{round}")).status(), 404);
    };
    let lines = || get(&server, "/metrics").text().lines().count();
    ask_all(0);
    let before = lines();
    (1..100).for_each(ask_all);
    assert_eq!(lines(), before);
    let count =
        |whose: &str, status: &str| number(&server, &format!("wattle_requests_total{{{whose}status=\"{status}\"}}"));
    for name in &names[..3] {
        assert_eq!(count(&format!("app=\"default/many\",component=\"{name}\","), "2xx"), 100.0);
    }
    assert_eq!(count("app=\"_other\",component=\"_other\",", "2xx"), 200.0);
    assert_eq!(count("", "4xx"), 100.0);
    assert_eq!(number(&server, "wattle_failures_total{code=\"no-route\"}"), 100.0);
}

#[test]
fn off_unless_asked_for() {
    let app = App::of(&guests::hello(), "");
    let server = WATTLE.up(&app).start();
    assert_eq!(server.get("/metrics").text(), server.get("/").text());
    assert!(!server.stop().stderr.contains("health, readiness"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = WATTLE.up(&app).args(["--admin", &taken.local_addr().unwrap().to_string()]).refused();
    assert_eq!(ran.code, Some(3), "{ran}");
}
