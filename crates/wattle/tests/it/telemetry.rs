//! Traces and metrics to a collector of OpenTelemetry: what it is told, what it is not, and what happens without it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use wattle_testkit::{App, Collector, Http2, PATIENCE, SeenSpan, Server, Up, Upstream, guests, until};

use crate::{WATTLE, beside_hello};

pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(crate) const CALLER: &str = "b7ad6b7169203331";

/// An app whose host tells `collector`; `more` are lines of its `[telemetry]`.
pub(crate) fn telling(app: App, service: &str, collector: &str, more: &str) -> App {
    let table = format!("[telemetry]\nendpoint = \"{collector}\"\nservice-name = \"{service}\"\n{more}\n");
    app.file("host.toml", table)
}

pub(crate) fn up(app: &App) -> Up<'_> {
    WATTLE.up(app).args(["--config", "host.toml"])
}

fn state(more: &str) -> App {
    App::of(&guests::state(), &format!("links = {{ \"wasi:keyvalue\" = \"memory\" }}\n{more}"))
}

fn get_with(server: &Server, target: &str, fields: &str) -> String {
    let answer = server.connect().raw(format!("GET {target} HTTP/1.1\r\nhost: a\r\n{fields}\r\n"));
    answer.text()
}

fn sampled(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{CALLER}-{flags}\r\ntracestate: vendor=1\r\n")
}

/// What is said of a span, without what differs from run to run.
pub(crate) fn shown(span: &SeenSpan) -> String {
    let mut span = span.clone();
    for volatile in ["wattle.request", "server.port"] {
        if let Some(value) = span.attributes.get_mut(volatile) {
            *value = "...".into();
        }
    }
    span.to_string()
}

/// A request to one host, the request that its component `guest` sends to another host, and a call of that host: what is
/// told of them.
fn from_caller_to_host_call(guest: &Path) -> String {
    let collector = Collector::start();
    let back = telling(state(""), "back", &collector.url(), "");
    let back_server = up(&back).start();
    assert_eq!(back_server.call("PUT", "/kv/shop/key", "value").status(), 204);
    let front = App::of(guest, &format!("allow = {{ http = [\"http://{}\"] }}", back_server.address()));
    let front = telling(front, "front", &collector.url(), "");
    let front_server = up(&front).start();
    let target = format!("x-target: http://{}/kv/shop/key\r\n", back_server.address());
    assert_eq!(get_with(&front_server, "/", &format!("{target}{}", sampled("01"))), "value");
    let child_of = |parent: &SeenSpan| {
        let child = || collector.spans().into_iter().find(|span| span.parent == parent.id);
        until(&format!("something is told that belongs to {parent}"), child)
    };
    let request = collector.span("front", "GET /...");
    let sent = child_of(&request);
    let answered = child_of(&sent);
    let call = child_of(&answered);
    let chain = [request, sent, answered, call];
    for span in &chain {
        assert_eq!((span.trace.as_str(), span.state.as_str()), (TRACE, "vendor=1"), "{span}");
    }
    assert_eq!(chain[0].parent, CALLER);
    assert_eq!(chain.each_ref().map(|span| span.is_parent_remote), [true, false, true, false]);
    assert_eq!(chain.each_ref().map(|span| span.service.as_str()), ["front", "front", "back", "back"]);
    assert!(chain.windows(2).all(|pair| pair[0].nanos >= pair[1].nanos) && chain[3].nanos > 0, "{chain:?}");
    let name = guest.file_stem().unwrap().to_string_lossy().into_owned();
    chain.each_ref().map(shown).join("\n").replace(&name, "front")
}

#[test]
fn a_trace_through_two_hosts() {
    insta::assert_snapshot!(from_caller_to_host_call(&guests::fetch()), @"
    GET /...: http.request.method=GET, http.response.status_code=200, http.route=/..., network.protocol.version=1.1, url.scheme=http, wattle.app=default/front, wattle.component=front, wattle.request=...
    GET: http.request.method=GET, http.response.status_code=200, server.address=127.0.0.1, server.port=..., wattle.app=default/front, wattle.component=front
    GET /...: http.request.method=GET, http.response.status_code=200, http.route=/..., network.protocol.version=1.1, url.scheme=http, wattle.app=default/state, wattle.component=state, wattle.request=...
    wasi:keyvalue/store.get: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    ");
    assert_eq!(from_caller_to_host_call(&guests::fetch()), from_caller_to_host_call(&guests::fetch_p3()));
}

/// A request to a route of the same app.
#[test]
fn a_trace_inside() {
    let collector = Collector::start();
    let app = beside_hello("fetch", "allow = { http = [\"http://self\"] }");
    let server = up(&telling(app, "host", &collector.url(), "")).start();
    get_with(&server, "/", &format!("x-target: http://self/neighbour\r\n{}", sampled("01")));
    server.stop();
    let chain: Vec<String> = std::iter::successors(Some(CALLER.to_owned()), |parent| {
        collector.spans().into_iter().find(|span| span.parent == *parent).map(|span| span.id)
    })
    .skip(1)
    .map(|id| shown(&collector.spans().into_iter().find(|span| span.id == id).unwrap()))
    .collect();
    insta::assert_snapshot!(chain.join("\n"), @"
    GET /...: http.request.method=GET, http.response.status_code=200, http.route=/..., network.protocol.version=1.1, url.scheme=http, wattle.app=default/pair, wattle.component=guest, wattle.request=...
    GET: http.request.method=GET, http.response.status_code=200, server.address=self, server.port=..., wattle.app=default/pair, wattle.component=guest
    GET /neighbour: http.request.method=GET, http.response.status_code=200, http.route=/neighbour, network.protocol.version=1.1, url.scheme=http, wattle.app=default/pair, wattle.component=neighbour, wattle.request=...
    ");
}

#[test]
fn what_is_told_of_failures() {
    let collector = Collector::start();
    let app = telling(App::of(&guests::misbehave(), ""), "host", &collector.url(), "");
    let server = up(&app).start();
    for target in ["/panic", "/panic-after", "/%zz"] {
        server.get(target);
    }
    server.connect().raw("BREW / HTTP/1.1\r\nhost: a\r\n\r\n");
    server.stop();
    let mut told: Vec<String> = collector.spans().iter().map(shown).collect();
    told.sort();
    insta::assert_snapshot!(told.join("\n"), @"
    GET /... (failed): error.type=cut, http.request.method=GET, http.response.status_code=200, http.route=/..., network.protocol.version=1.1, url.scheme=http, wattle.app=default/misbehave, wattle.component=misbehave, wattle.request=...
    GET /... (failed): error.type=guest-trap, http.request.method=GET, http.response.status_code=500, http.route=/..., network.protocol.version=1.1, url.scheme=http, wattle.app=default/misbehave, wattle.component=misbehave, wattle.request=...
    GET: http.request.method=GET, http.response.status_code=400, network.protocol.version=1.1, wattle.request=...
    HTTP /...: http.request.method=_OTHER, http.response.status_code=200, http.route=/..., network.protocol.version=1.1, url.scheme=http, wattle.app=default/misbehave, wattle.component=misbehave, wattle.request=...
    ");
}

/// The caller decides whether a trace is told, unless that is switched off; of the others, the ratio.
#[test]
fn sampling() {
    let collector = Collector::start();
    let told = |service: &str, more: &str, variables: &[(&str, &str)], fields: &str| {
        let app = telling(App::of(&guests::hello(), ""), service, &collector.url(), more);
        let server = variables.iter().fold(up(&app), |up, (name, value)| up.env(name, value)).start();
        for _ in 0..40 {
            get_with(&server, "/", fields);
        }
        server.stop();
        collector.spans().iter().filter(|span| span.service == service).count()
    };
    assert_eq!(told("all", "", &[], ""), 40);
    assert_eq!(told("none", "ratio = \"0%\"", &[], ""), 0);
    assert_eq!(told("caller-says-no", "", &[], &sampled("00")), 0);
    assert_eq!(told("caller-says-yes", "ratio = \"0%\"", &[], &sampled("01")), 40);
    assert_eq!(told("malformed", "ratio = \"0%\"", &[], &sampled("1")), 0);
    let always = [("OTEL_TRACES_SAMPLER", "always_on")];
    assert_eq!(told("whatever-the-caller-says", "ratio = \"0%\"", &always, &sampled("00")), 40);
    assert_eq!(told("an-argument", "", &[("OTEL_TRACES_SAMPLER_ARG", "0")], ""), 0);
    let half = told("half", "ratio = \"50%\"", &[], "");
    assert!((5..=35).contains(&half), "{half} of 40");
}

/// Requests that one instance serves at a time are never told as parts of each other: while there are several, nobody can
/// tell for which of them it calls the host.
#[test]
fn requests_that_share_an_instance() {
    let collector = Collector::start();
    let both_are_there = Arc::new(Barrier::new(2));
    let upstream = Upstream::answering(move |request| {
        if request.head.contains("/wait") {
            both_are_there.wait();
        }
        let parent = request.header("traceparent").unwrap_or("none").to_owned();
        wattle_testkit::upstream::answer("200 OK", parent)
    });
    let allow = format!("allow = {{ http = [\"http://{}\"] }}", upstream.address());
    let app = telling(App::of(&guests::fetch_p3(), &allow), "host", &collector.url(), "");
    let server = up(&app).start();
    let mut client = Http2::open(server.address());
    let begin = |client: &mut Http2, trace: &str| {
        let request = http::Request::get("/").header("traceparent", format!("00-{trace}-{CALLER}-01"));
        let target = format!("http://{}/wait", upstream.address());
        let mut begun = client.begin(request.header("x-target", target), "/");
        begun.body.send_data(bytes::Bytes::new(), true).unwrap();
        begun
    };
    let first = begin(&mut client, TRACE);
    until("the first has sent its request", || {
        // Its connection goes on while it is looked at.
        let is_closed = client.is_closed_within(Duration::from_millis(5));
        (!is_closed && upstream.accepted() == 1).then_some(())
    });
    let second = begin(&mut client, &TRACE.replace('0', "1"));
    assert!(client.finish(first).text().contains(TRACE));
    assert_eq!(client.finish(second).text(), "none");
    let third = client.call_with(
        http::Request::get("/").header("x-target", format!("http://{}/", upstream.address())),
        "/",
        b"",
    );
    assert!(third.text().starts_with("00-"), "alone again: {}", third.text());
    server.stop();
    let sent: Vec<SeenSpan> = collector.spans().into_iter().filter(|span| span.name == "GET").collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
}

/// What a component sees and sends of the trace of its request.
#[test]
fn what_components_carry() {
    let collector = Collector::start();
    let upstream = Upstream::answering(|request| {
        let field = |name| request.header(name).unwrap_or("none").to_owned();
        wattle_testkit::upstream::answer("200 OK", format!("{} {}", field("traceparent"), field("tracestate")))
    });
    let allow = format!("allow = {{ http = [\"http://{}\"] }}", upstream.address());
    let carried = |more: &str, fields: &str| {
        let app = App::of(&guests::state(), &allow);
        let app = if more == "off" { app.file("host.toml", "") } else { telling(app, "host", &collector.url(), more) };
        let server = up(&app).start();
        get_with(&server, &format!("/out?url=http://{}/", upstream.address()), fields)
    };
    let begun = carried("", "");
    assert!(begun.contains("00-") && begun.contains("-01 none"), "{begun}");
    let passed = carried("", &sampled("01"));
    assert!(passed.contains(TRACE) && passed.contains("-01 vendor=1") && !passed.contains(CALLER), "{passed}");
    let untold = carried("", &sampled("00"));
    assert!(untold.contains(TRACE) && untold.contains("-00 vendor=1"), "{untold}");
    for untold in ["propagate = false", "off"] {
        let nothing = carried(untold, &sampled("01"));
        assert!(nothing.contains("none none"), "{untold}: {nothing}");
    }
}

/// The component gets the place of its own request, so that what it passes on by itself is below it.
#[test]
fn what_components_see() {
    let seen = |app: App, fields: &str| -> BTreeMap<String, String> {
        let server = up(&app).start();
        let described: serde_json::Value = serde_json::from_str(&get_with(&server, "/", fields)).unwrap();
        server.stop();
        let pairs = described["headers"].as_array().unwrap().iter();
        pairs.map(|pair| (pair[0].as_str().unwrap().into(), pair[1].as_str().unwrap().into())).collect()
    };
    let off = seen(App::of(&guests::echo(), "").file("host.toml", ""), &sampled("01"));
    assert_eq!(off["traceparent"], format!("00-{TRACE}-{CALLER}-01"));
    let collector = Collector::start();
    let on = seen(telling(App::of(&guests::echo(), ""), "host", &collector.url(), ""), &sampled("01"));
    let request = collector.span("host", "GET /...");
    assert_eq!(on["traceparent"], format!("00-{TRACE}-{}-01", request.id));
}

/// Requests are answered as if nothing were.
#[test]
fn no_collector() {
    let app = telling(App::of(&guests::hello(), ""), "host", "http://127.0.0.1:1", "");
    let server = up(&app).start();
    assert_eq!(server.get("/").status(), 200);
    until("the log tells that nobody is there", || server.log.text().contains("does not take telemetry").then_some(()));
    assert_eq!(server.get("/").status(), 200);
    let began = Instant::now();
    assert!(server.stop().is_ok() && began.elapsed() < PATIENCE / 2);
}

/// What it does not take at first it is told again, and once.
#[test]
fn a_collector_that_is_busy() {
    let collector = Collector::busy_at_first(2);
    let app = telling(App::of(&guests::hello(), ""), "host", &collector.url(), "");
    let server = up(&app).start();
    assert_eq!(server.get("/").status(), 200);
    collector.span("host", "GET /...");
    let log = server.stop().stderr;
    assert!(log.contains("it answered 503") && log.contains("takes telemetry again"), "{log}");
    assert_eq!(collector.spans().len(), 1);
}

/// It accepts and never answers: requests go on, the queue stays bounded, what is dropped is counted, and the end of the
/// host waits for it no longer than it should.
#[test]
fn a_collector_that_never_answers() {
    let silent = Upstream::start(|mut connection| {
        connection.request()?;
        std::thread::park();
        Ok(())
    });
    let app = telling(
        App::of(&guests::hello(), "instances = { reuse = 100000 }"),
        "host",
        &format!("http://{}", silent.address()),
        "",
    );
    let server = up(&app).args(["--admin", "127.0.0.1:0"]).start();
    let mut connection = server.connect();
    let before = server.process().resident_bytes();
    // More than the queue, the batch that is being sent, and as many again.
    for _ in 0..6_000 {
        assert_eq!(connection.call("GET", "/", b"").status(), 200);
    }
    let dropped = crate::admin::number(&server, "wattle_telemetry_spans_dropped_total");
    assert!((100.0..6_000.0).contains(&dropped), "{dropped}");
    assert!(server.process().resident_bytes() < before + (32 << 20));
    let began = Instant::now();
    let ran = server.stop();
    assert!(ran.is_ok() && began.elapsed() < Duration::from_secs(8), "{ran}");
    assert!(ran.stderr.contains("before its collector has taken all"), "{ran}");
}

#[test]
fn metrics() {
    let collector = Collector::start();
    let app = telling(state(""), "host", &collector.url(), "interval = \"100ms\"");
    let server = up(&app).start();
    assert_eq!(server.call("PUT", "/kv/shop/key", "value").status(), 204);
    let name =
        |metric: &str, more: &str| format!("{metric}{{wattle.app=\"default/state\",wattle.component=\"state\"{more}}}");
    for (metric, more) in [
        ("wattle.requests", ",wattle.status=\"2xx\""),
        ("wattle.request.duration", ""),
        ("wattle.host_calls", ",wattle.interface=\"wasi:keyvalue/store\",wattle.outcome=\"ok\""),
    ] {
        until(metric, || collector.number(&name(metric, more)).filter(|number| *number == 1.0));
    }
    assert!(collector.number("process.resident_memory").is_some_and(|bytes| bytes > 1e6));
    server.stop();
}

const CANARY: &str = "canary-7f3a";

/// What a host is told in confidence, and what its users ask for, is in no span, no number and no log.
#[test]
fn no_secrets() {
    let collector = Collector::start();
    let allow =
        format!("config = {{ key = \"{CANARY}-config\" }}\nallow = {{ http = [\"http://{}\"] }}", collector.address());
    let headers = format!("headers = {{ authorization = \"Bearer {CANARY}-token\" }}");
    let app = telling(state(&allow), "host", &collector.url(), &headers);
    let up = up(&app).args(["--admin", "127.0.0.1:0", "--env", &format!("TOKEN={CANARY}-env")]);
    let up = up.env("WATTLE_LOG", "debug").env("OTEL_EXPORTER_OTLP_HEADERS", &format!("x-key={CANARY}%2Dkey"));
    let server = up.start();
    server.call("PUT", &format!("/kv/{CANARY}-bucket/{CANARY}-name?q={CANARY}"), format!("{CANARY}-value"));
    server.call("POST", &format!("/incr/{CANARY}-bucket/{CANARY}-name"), "");
    server.get(&format!("/out?url=http://{}/{CANARY}", collector.address()));
    get_with(&server, "/env", &format!("authorization: {CANARY}\r\ncookie: {CANARY}\r\n"));
    let numbers = crate::admin::get(&server, "/metrics").text();
    let log = server.stop().stderr;
    let heads = collector.heads();
    assert!(heads.iter().any(|head| head.contains(&format!("Bearer {CANARY}-token"))), "{heads:?}");
    assert!(heads.iter().any(|head| head.contains(&format!("x-key: {CANARY}-key"))), "{heads:?}");
    assert!(collector.spans().iter().any(|span| span.failed), "an increment of a text");
    assert!(!collector.has_seen(CANARY));
    assert!(!numbers.contains(CANARY), "{numbers}");
    assert!(!log.contains(CANARY), "{log}");
}

/// A fault in the line of a secret is told without it.
#[test]
fn no_secrets_in_faults() {
    let table = format!("telemetry = {{ endpoint = \"a\", headers = {{ authorization = \"{CANARY}\" }} }}\n");
    let broken = format!("[telemetry]\nheaders = {{ authorization = \"{CANARY} }}\n");
    for (text, told) in [(table, "begins with http://"), (broken, "invalid basic string")] {
        let app = App::of(&guests::hello(), "").file("host.toml", &text);
        for arguments in [&["check"][..], &["check", "--json"], &["explain"], &["up"]] {
            let ran = WATTLE.run(&app, arguments.iter().chain(&["--config", "host.toml"]));
            assert!(!ran.is_ok() && ran.to_string().contains(told), "{arguments:?}: {ran}");
            assert!(!ran.to_string().contains(CANARY), "{arguments:?}: {ran}");
        }
    }
}

#[test]
fn refused() {
    let app = App::of(&guests::hello(), "").file("host.toml", "[telemetry]\nendpoint = \"http://127.0.0.1:4318\"\n");
    let refused = |name: &str, value: &str| {
        let ran = up(&app).env(name, value).refused();
        assert!(!ran.to_string().contains(CANARY), "{ran}");
        ran.to_string()
    };
    insta::assert_snapshot!(refused("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("https://me:{CANARY}@collector")), @"
    exit: 2
    ----- stderr
    error: the environment asks for telemetry that cannot be had
      caused by: OTEL_EXPORTER_OTLP_ENDPOINT cannot be used
      caused by: the URL of a collector has no usable host: an origin has no user in it
    hint: put credentials into `headers`
    ");
    insta::assert_snapshot!(refused("OTEL_EXPORTER_OTLP_HEADERS", CANARY), @"
    exit: 2
    ----- stderr
    error: the environment asks for telemetry that cannot be had
      caused by: OTEL_EXPORTER_OTLP_HEADERS cannot be used: a field is a name, `=` and a value
    hint: as in OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20TOKEN,x-tenant=shop
    ");
    insta::assert_snapshot!(refused("OTEL_EXPORTER_OTLP_HEADERS", &format!("authorization={CANARY}%0a")), @r#"
    exit: 2
    ----- stderr
    error: the host cannot start
      caused by: telemetry cannot be set up
      caused by: the header field "authorization" cannot be sent to the collector: its name or its value is not valid in HTTP
    "#);
    insta::assert_snapshot!(refused("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), @"
    exit: 2
    ----- stderr
    error: the environment asks for telemetry that cannot be had
      caused by: OTEL_EXPORTER_OTLP_PROTOCOL asks for a protocol that is not spoken here
    hint: set it to http/protobuf, and OTEL_EXPORTER_OTLP_ENDPOINT to the port for that, as a rule 4318
    ");
    insta::assert_snapshot!(refused("OTEL_TRACES_SAMPLER", "jaeger_remote"), @"
    exit: 2
    ----- stderr
    error: the environment asks for telemetry that cannot be had
      caused by: OTEL_TRACES_SAMPLER names a sampler that is not known here
    hint: the samplers are always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off and parentbased_traceidratio
    ");
    insta::assert_snapshot!(refused("OTEL_TRACES_SAMPLER_ARG", "10%"), @"
    exit: 2
    ----- stderr
    error: the environment asks for telemetry that cannot be had
      caused by: OTEL_TRACES_SAMPLER_ARG cannot be used
      caused by: expected a number from 0 to 1, as in 0.1
    hint: as in OTEL_TRACES_SAMPLER_ARG=0.1
    ");
}
