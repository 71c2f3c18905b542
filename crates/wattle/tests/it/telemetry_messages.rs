//! Traces that go on through messages.

use async_nats::HeaderMap;
use futures::StreamExt;
use wattle_testkit::{App, Collector, NatsServer, PATIENCE, SeenSpan, Server, until};

use crate::messages::{GUESTS, post_of, trigger};
use crate::nats::{block_on, host_file};
use crate::telemetry::{CALLER, TRACE, shown, telling, up};

/// Another trace, sampled.
const OTHER: &str = "00-11111111111111111111111111111111-2222222222222222-01";

/// An app that handles messages about `jobs`, kept in `backend`.
fn post(guest: (&str, &str), backend: &str, lines: &str) -> App {
    post_of(guest, &["a"], backend, &trigger("a", "jobs", lines))
}

/// Publishes `body` as a part of the trace [`TRACE`].
fn publish(server: &Server, target: &str, body: &str) {
    let trace = format!("traceparent: 00-{TRACE}-{CALLER}-01\r\ntracestate: vendor=1\r\n");
    let head = format!("POST /publish/{target} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n{trace}\r\n", body.len());
    assert_eq!(server.connect().raw(format!("{head}{body}")).status(), 200);
}

/// The spans that handling messages is, once there are `count`.
fn handlings(collector: &Collector, count: usize) -> Vec<SeenSpan> {
    let of_messages = || collector.spans().into_iter().filter(|span| span.name == "message").collect::<Vec<_>>();
    until(&format!("{count} messages were handled"), || Some(of_messages()).filter(|spans| spans.len() == count))
}

/// The one message that was seen: its fields, by their names.
fn field_seen(server: &Server, name: &str) -> Option<String> {
    let seen = until("a message is handled", || {
        let seen = server.get("/seen").json();
        seen.as_object().and_then(|seen| seen.keys().next().cloned())
    });
    let mut fields = seen.split(' ').filter_map(|field| field.split_once('='));
    fields.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// Each time that a message is handled is a part of the trace of whoever published it, and below that call.
#[test]
fn from_a_publisher_to_its_handlers() {
    for (guest, function) in GUESTS.into_iter().zip(["consumer.publish", "producer.send"]) {
        for backend in ["memory", "disk"] {
            let collector = Collector::start();
            let app = post(guest, backend, "retry = { attempts = 2, backoff = \"10ms\" }");
            let server = up(&telling(app, "host", &collector.url(), "")).start();
            publish(&server, "jobs", "err");
            let handled = handlings(&collector, 2);
            let published = collector.span("host", &format!("{}/{function}", guest.1));
            for span in &handled {
                let expected = (TRACE, published.id.as_str(), true, "vendor=1", "Consumer");
                let place = (&*span.trace, &*span.parent, span.is_parent_remote, &*span.state, span.kind);
                assert_eq!(place, expected, "{span}");
            }
            let facts = format!("wattle.backend={backend}, wattle.backend.kind={backend}, wattle.component=a");
            let shown = shown(&handled[0]);
            let expected = format!("message (failed): error.type=not-handled, wattle.app=default/post, {facts}, ");
            assert!(shown.starts_with(&expected) && shown.ends_with("wattle.subject=jobs"), "{shown}");
            let called = collector.spans().into_iter().filter(|span| span.parent == handled[0].id);
            assert!(called.count() > 0, "what it calls is below it");
        }
    }
}

/// Who answers a request is a part of it.
#[test]
fn from_a_request_to_its_answer() {
    for guest in GUESTS {
        let collector = Collector::start();
        let server = up(&telling(post(guest, "memory", ""), "host", &collector.url(), "")).start();
        assert_eq!(server.call("POST", "/request/jobs", "why").summary(), "200 re: why");
        server.stop();
        let spans = collector.spans();
        let asked = spans.iter().find(|span| span.name.ends_with(".request")).unwrap();
        let handled = spans.iter().find(|span| span.name == "message").unwrap();
        assert_eq!((&handled.trace, &handled.parent, handled.failed), (&asked.trace, &asked.id, false));
    }
}

/// What a component sees of the trace is the place of its own run; what it says itself is left as it is.
#[test]
fn what_components_see_and_say() {
    let seen = |more: &str, target: &str| {
        let (collector, app) = (Collector::start(), post(GUESTS[1], "memory", ""));
        let app = if more == "off" { app.file("host.toml", "") } else { telling(app, "host", &collector.url(), more) };
        let server = up(&app).start();
        publish(&server, target, "m");
        let seen = (field_seen(&server, "traceparent"), field_seen(&server, "tracestate"));
        server.stop();
        let run = collector.spans().into_iter().find(|span| span.name == "message");
        if let Some(run) = &run {
            let place = format!("00-{}-{}-01", run.trace, run.id);
            assert_eq!(seen, (Some(place), Some(run.state.clone()).filter(|state| !state.is_empty())));
        }
        (seen.0, run.map(|run| (run.trace, run.parent)))
    };
    let (_, carried) = seen("", "jobs");
    assert_eq!(carried.map(|(trace, _)| trace).as_deref(), Some(TRACE));
    let (_, said) = seen("", &format!("jobs?traceparent={OTHER}"));
    assert_eq!(said, Some((OTHER[3..35].to_owned(), OTHER[36..52].to_owned())));
    let (_, malformed) = seen("", "jobs?traceparent=none");
    assert!(malformed.is_some_and(|(trace, parent)| parent.is_empty() && trace != TRACE));
    let (_, switched_off) = seen("propagate = false", "jobs");
    assert!(switched_off.is_some_and(|(trace, parent)| parent.is_empty() && trace != TRACE));
    assert_eq!(seen("off", "jobs"), (None, None));
    assert_eq!(seen("off", &format!("jobs?traceparent={OTHER}")), (Some(OTHER.to_owned()), None));
}

/// On NATS the trace context is a header as any other program writes and reads it.
#[test]
fn with_other_programs_on_nats() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let collector = Collector::start();
    let telemetry = format!("[telemetry]\nendpoint = \"{}\"\nservice-name = \"host\"\n", collector.url());
    let app = post(GUESTS[1], "nats", "").file("host.toml", host_file(&nats) + &telemetry);
    let server = up(&app).start();
    block_on(async {
        let client = async_nats::connect(nats.url()).await.expect("connect");
        let mut heard = client.subscribe("wattle_default_post.m.jobs").await.expect("subscribe");
        client.flush().await.expect("flush");
        publish(&server, "jobs", "m");
        let message = tokio::time::timeout(PATIENCE, heard.next()).await.expect("in time").expect("a message");
        let sent = collector.span("host", "wasi:messaging/producer.send");
        let headers = message.headers.expect("headers");
        let header = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
        assert_eq!(header("traceparent"), Some(format!("00-{TRACE}-{}-01", sent.id)));
        assert_eq!(header("tracestate").as_deref(), Some("vendor=1"));
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", OTHER);
        let subject = "wattle_default_post.m.jobs";
        client.publish_with_headers(subject, headers, "theirs".into()).await.expect("publish");
        client.flush().await.expect("flush");
    });
    let handled = handlings(&collector, 2);
    let of = |trace: &str| handled.iter().filter(|span| span.trace == trace).count();
    assert_eq!((of(TRACE), of(&OTHER[3..35])), (1, 1), "{handled:?}");
}

/// Each delivery is counted by what became of it, and while it is under way.
#[test]
fn counted() {
    let retry = "retry = { attempts = 2, backoff = \"10ms\" }";
    let lost = trigger("a", "lost", "retry = { attempts = 1 }");
    let triggers = trigger("a", "jobs", &format!("{retry}\ndead-letter = \"dead\"")) + &lost;
    let app = post_of(GUESTS[0], &["a"], "memory", &triggers).file("host.toml", "");
    let server = up(&app).args(["--admin", "127.0.0.1:0"]).start();
    let counted = || {
        let text = crate::admin::get(&server, "/metrics").text();
        let lines = text.lines().filter(|line| line.starts_with("wattle_messages"));
        lines.map(|line| line.replace("app=\"default/post\",component=\"a\"", "")).collect::<Vec<_>>().join("\n")
    };
    let publish = |subject: &str, body: &str| {
        assert_eq!(server.call("POST", &format!("/publish/{subject}"), body).status(), 200);
    };
    assert_eq!(counted(), "");
    [("jobs", "m"), ("jobs", "n"), ("jobs", "err"), ("lost", "err")].iter().for_each(|(to, body)| publish(to, body));
    let expected = [
        "wattle_messages_total{,outcome=\"acknowledged\"} 2",
        "wattle_messages_total{,outcome=\"retried\"} 1",
        "wattle_messages_total{,outcome=\"dead-lettered\"} 1",
        "wattle_messages_total{,outcome=\"dropped\"} 1",
        "wattle_messages_in_flight{} 0",
    ];
    until("all are handled", || (counted() == expected.join("\n")).then_some(()));
    publish("lost", "late");
    until("it is being handled", || counted().contains("wattle_messages_in_flight{} 1").then_some(()));
    let ended = ["{,outcome=\"dropped\"} 2", "wattle_messages_in_flight{} 0"];
    until("it has ended at its deadline", || ended.iter().all(|line| counted().contains(line)).then_some(()));
}
