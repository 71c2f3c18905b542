//! Messages through components: published, handled, asked for and answered, the same in memory and on disk.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wattle_testkit::wait::until;
use wattle_testkit::{App, Server};

use crate::WATTLE;

/// The guests that do the same over each of the interfaces, with the package that each imports.
pub(crate) const GUESTS: [(&str, &str); 2] = [("courier", "wasmcloud:messaging"), ("courier-draft", "wasi:messaging")];
const BACKENDS: [&str; 2] = ["memory", "disk"];

/// An app with a component for each name of `names`, the guest `courier`, that keeps messages and what was seen in
/// `backend`. The first answers requests. `triggers` are the tables of its message triggers.
pub(crate) fn post(names: &[&str], backend: &str, triggers: &str) -> App {
    post_of(("courier", "wasmcloud:messaging"), names, backend, triggers)
}

pub(crate) fn post_of((guest, package): (&str, &str), names: &[&str], backend: &str, triggers: &str) -> App {
    let mut text =
        format!("name = \"post\"\n[links]\n\"wasi:keyvalue\" = \"{backend}\"\n\"{package}\" = \"{backend}\"\n");
    for name in names {
        text += &format!("[components.{name}]\nsource = \"{guest}.wasm\"\nenv = {{ NAME = \"{name}\" }}\n");
        text += "limits = { deadline = \"2s\" }\n";
    }
    text += &format!("[[triggers.http]]\npath = \"/...\"\ncomponent = \"{}\"\n{triggers}", names[0]);
    App::new(&text)
}

/// The app, with code that is compiled once for all tests, and its log as JSON.
pub(crate) fn start(app: &App) -> Server {
    WATTLE.up(app).args(["--log-format", "json"]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// A trigger of `component` for `subject` with `lines`.
pub(crate) fn trigger(component: &str, subject: &str, lines: &str) -> String {
    format!("[[triggers.message]]\nsubject = \"{subject}\"\ncomponent = \"{component}\"\n{lines}\n")
}

#[track_caller]
pub(crate) fn publish(server: &Server, subject: &str, body: &str) {
    assert_eq!(server.call("POST", &format!("/publish/{subject}"), body).summary(), "200 ");
}

/// Waits until exactly that was seen.
#[track_caller]
pub(crate) fn wait_for_seen(server: &Server, expected: &Value) {
    let mut last = Value::Null;
    let found = wattle_testkit::wait::within(wattle_testkit::wait::PATIENCE, || {
        last = server.get("/seen").json();
        (last == *expected).then_some(())
    });
    assert!(found.is_some(), "seen: {last}\nlog:\n{}", server.log.text());
}

/// How often messages were handled in all.
pub(crate) fn handled(server: &Server) -> u64 {
    server.get("/seen").json().as_object().unwrap().values().filter_map(Value::as_u64).sum()
}

/// Each trigger hears of what its pattern means, and of nothing else.
#[test]
fn wildcards() {
    for guest in GUESTS {
        for backend in BACKENDS {
            let triggers = trigger("a", "orders.*.paid", "") + &trigger("a", "news.>", "") + &trigger("a", "one", "");
            let app = post_of(guest, &["a"], backend, &triggers);
            let server = start(&app);
            for subject in
                ["orders.7.paid", "orders.paid", "orders.7.8.paid", "news", "news.x", "news.x.y", "one", "two"]
            {
                publish(&server, subject, "m");
            }
            let seen = json!({ "a orders.7.paid m": 1, "a news.x m": 1, "a news.x.y m": 1, "a one m": 1 });
            wait_for_seen(&server, &seen);
            assert!(server.stop().is_ok());
        }
    }
}

/// One of a group gets a message; two components that say nothing are two groups, and a broadcast is for all.
#[test]
fn who_gets_a_message() {
    for backend in BACKENDS {
        let each = |lines: &str| trigger("a", "jobs", lines) + &trigger("b", "jobs", lines);
        for (lines, times) in [("group = \"workers\"", 20), ("", 40), ("broadcast = true", 40)] {
            let app = post(&["a", "b"], backend, &each(lines));
            let server = start(&app);
            (0..20).for_each(|number| publish(&server, "jobs", &number.to_string()));
            until("all are handled", || (handled(&server) >= times).then_some(()));
            assert!(server.stop().is_ok());
            let server = start(&app);
            let total = if backend == "disk" { times } else { 0 };
            assert_eq!(handled(&server), total, "{backend} {lines}");
        }
    }
}

#[test]
fn requests() {
    for (guest, late, nobody) in
        [(GUESTS[0], "timed-out", "no-responder"), (GUESTS[1], "timeout", "other: no-responder")]
    {
        for backend in BACKENDS {
            let app = post_of(guest, &["a"], backend, &trigger("a", "questions.*", ""));
            let server = start(&app);
            let ask = |target: &str, body: &str| server.call("POST", &format!("/request/{target}"), body).summary();
            assert_eq!(ask("questions.x", "why"), "200 re: why");
            assert_eq!(ask("questions.x", ""), "200 re:");
            assert_eq!(ask("questions.x?timeout=20", "slow"), format!("502 {late}"));
            assert_eq!(ask("nobody", "why"), format!("502 {nobody}"));
        }
    }
}

/// Where an answer is to go to is a subject as any other.
#[test]
fn answers_go_where_they_are_wanted() {
    for backend in BACKENDS {
        let app = post(&["a", "b"], backend, &(trigger("a", "questions", "") + &trigger("b", "answers", "")));
        let server = start(&app);
        publish(&server, "questions?reply-to=answers", "why");
        wait_for_seen(&server, &json!({ "a questions why": 1, "b answers re: why": 1 }));
    }
}

/// Metadata and the type of the content arrive, and what no backend could carry is refused.
#[test]
fn metadata() {
    for backend in BACKENDS {
        let app = post_of(GUESTS[1], &["a"], backend, &trigger("a", "orders", ""));
        let server = start(&app);
        publish(&server, "orders?type=text/plain&client=any&k=v&n=%C3%A9", "m");
        wait_for_seen(&server, &json!({ "a orders m text/plain k=v n=\u{e9}": 1 }));
        let refused = |query: &str| server.call("POST", &format!("/publish/orders?{query}"), "m").summary();
        assert!(refused("a%3Ab=c").starts_with("502 other: \"a:b\" cannot be a key of metadata"));
        assert!(refused("a=b%0Ac").starts_with("502 other: the value of \"a\" has control characters"));
        let client = "x".repeat(257);
        let too_long = "502 other: the name of a client has at most 256 bytes, this one has 257";
        assert_eq!(refused(&format!("client={client}")), too_long);
        let many = server.call("POST", "/request/orders?replies=2", "m").summary();
        assert_eq!(many, "502 other: a request waits for one reply, and more are expected");
    }
}

/// The name of a client chooses a link.
#[test]
fn clients_choose_links() {
    for (most, other) in [("memory", "disk"), ("disk", "memory")] {
        let app = App::new(&format!(
            "name = \"post\"\n[components.a]\nsource = \"courier-draft.wasm\"\n\
             links = {{ \"wasi:keyvalue\" = \"memory\", \"wasi:messaging\" = \"{most}\", \"wasi:messaging#kept\" = \"{other}\" }}\n\
             [[triggers.http]]\npath = \"/...\"\ncomponent = \"a\"\n{}",
            trigger("a", "orders", "")
        ));
        let server = start(&app);
        publish(&server, "orders?client=kept", "elsewhere");
        publish(&server, "orders?client=other", "here");
        wait_for_seen(&server, &json!({ "orders here": 1 }));
        let asked = server.call("POST", "/request/orders?client=kept", "why").summary();
        assert_eq!(asked, "502 other: no-responder", "the handler listens on the other");
        assert_eq!(server.call("POST", "/request/orders?client=Kept", "why").summary(), "200 re: why");
    }
}

#[test]
fn what_is_refused() {
    const MAX: usize = (8 << 20) - (16 << 10);
    for (guest, other) in [(GUESTS[0], ""), (GUESTS[1], "other: ")] {
        for backend in BACKENDS {
            let app = post_of(guest, &["a"], backend, &trigger("a", "orders.>", ""));
            let server = start(&app);
            let refused = |subject: &str, body: &[u8]| {
                let summary = server.call("POST", &format!("/publish/{subject}"), body).summary();
                summary.strip_prefix(&format!("502 {other}")).unwrap_or(&summary).to_owned()
            };
            assert_eq!(refused("", b""), "a subject must not be empty");
            assert_eq!(refused("a%20b", b""), "a subject has no white space and no control characters, ' ' is one");
            assert!(refused("a..b", b"").starts_with("there is nothing between two dots"));
            assert_eq!(refused("orders.*", b""), "\"orders.*\" has a wildcard, and a message is about one subject");
            let body = vec![b'x'; MAX + 1];
            let too_large = format!("a message has at most {MAX} bytes, this one has {}", MAX + 1);
            assert_eq!(refused("orders.x", &body), too_large);
            assert_eq!(refused("nobody", &body[1..]), "200 ");
        }
    }
}

/// At most as many as the trigger says are handled at a time; requests are answered meanwhile.
#[test]
fn places() {
    for backend in BACKENDS {
        let app = post(&["a"], backend, &trigger("a", "jobs", "concurrency = 2"));
        let server = start(&app);
        let started = Instant::now();
        (0..16).for_each(|number| publish(&server, "jobs", &format!("slow {number}")));
        assert!(started.elapsed() < Duration::from_millis(1_400), "publishing waits for what is handled");
        until("all are handled", || (handled(&server) == 16).then_some(()));
        // The last two may still be sleeping.
        assert!(started.elapsed() > Duration::from_millis(1_390), "more than two at a time");
    }
}

/// Instances that are used again handle the same as fresh ones, and one that trapped is not used again.
#[test]
fn instances_are_used_again() {
    for (guest, _) in GUESTS {
        let reuse = "instances = { reuse = 10 }\n[[triggers.message]]\nsubject = \"jobs\"\ncomponent = \"a\"\n\
                     concurrency = 1\nretry = { attempts = 1 }";
        let app = App::new(&format!(
            "name = \"post\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"a\"\n\
             [components.a]\nsource = \"{guest}.wasm\"\n{reuse}\n"
        ));
        let server = start(&app);
        for number in 0..25 {
            publish(&server, "jobs", if number == 5 { "trap" } else { "well" });
        }
        wait_for_seen(&server, &json!({ "jobs well": 24, "jobs trap": 1 }));
        let instances =
            |line: &Value| (line["trigger"] == "message").then(|| line["instance"].as_str().map(str::to_owned));
        assert!(server.log.json().iter().filter_map(instances).flatten().count() > 0, "the trap is in the log");
    }
}
