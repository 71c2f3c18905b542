//! Messages that are not handled: tried again, given up, and never lost.

use std::fs;

use serde_json::{Value, json};
use wattle_testkit::wait::until;
use wattle_testkit::{App, NatsServer};

use crate::WATTLE;
use crate::messages::{handled, post, publish, start, trigger, wait_for_seen};
use crate::nats::host_file;

/// What fails twice is handled at the third time.
#[test]
fn tried_again() {
    for backend in ["memory", "disk"] {
        let app = post(&["a"], backend, &trigger("a", "jobs", "retry = { attempts = 3, backoff = \"20ms\" }"));
        let server = start(&app);
        publish(&server, "jobs", "third");
        wait_for_seen(&server, &json!({ "a jobs third": 3 }));
        let failures: Vec<Value> = server.log.json().into_iter().filter(|line| !line["attempt"].is_null()).collect();
        assert_eq!(failures.len(), 2, "{failures:?}");
        for (line, (attempt, least)) in failures.iter().zip([(1, 20), (2, 40)]) {
            assert_eq!((&line["attempt"], &line["level"]), (&attempt.into(), &"WARN".into()));
            let after = line["after_ms"].as_u64().unwrap();
            assert!((least..=least + least / 4).contains(&after), "{line}");
            let said =
                format!("message failed and will be tried again: it returned the error: this was time {attempt}");
            assert_eq!(line["message"], said);
        }
    }
}

/// An error, a trap and a deadline, each tried as often as it may be, and then moved with what happened.
#[test]
fn dead_letters() {
    for backend in ["memory", "disk"] {
        let app = App::new(&format!(
            "name = \"post\"\n[links]\n\"wasi:keyvalue\" = \"{backend}\"\n\"wasi:messaging\" = \"{backend}\"\n\
             [components.a]\nsource = \"courier-draft.wasm\"\nlimits = {{ deadline = \"300ms\" }}\n\
             [[triggers.http]]\npath = \"/...\"\ncomponent = \"a\"\n{}{}",
            trigger("a", "jobs", "retry = { attempts = 2, backoff = \"10ms\" }\ndead-letter = \"dead.jobs\""),
            trigger("a", "dead.*", ""),
        ));
        let server = start(&app);
        for (body, reason) in [
            ("err of the guest", "it returned the error: err of the guest"),
            ("trap", "wasm trap: wasm `unreachable` instruction executed"),
            ("spin", "it had not ended at its deadline"),
            ("late", "it had not ended at its deadline"),
        ] {
            publish(&server, "jobs?k=v", body);
            let letter = format!(
                "dead.jobs {body} k=v wattle-dead-letter-attempts=2 wattle-dead-letter-component=default/post/a \
                 wattle-dead-letter-reason={reason} wattle-dead-letter-subject=jobs"
            );
            until("there is a dead letter", || {
                let seen = server.get("/seen").json();
                (seen[letter.as_str()] == 1).then(|| assert_eq!(seen[format!("jobs {body} k=v")], 2))
            });
        }
        for given_up in 1..=4 {
            let line = server.log.wait_for_json("what was given up", |line| line["given_up"] == given_up);
            let said = "message failed for the last time and is moved to dead.jobs: ";
            assert!(line["message"].as_str().unwrap().starts_with(said), "{line}");
        }
    }
}

/// Dead letters that nobody would hear of: the message stays where it is until somebody does.
#[test]
fn dead_letters_of_nobody() {
    let Some(nats) = NatsServer::builder().start() else { return };
    let retry = "retry = { attempts = 1, backoff = \"20ms\", max-backoff = \"20ms\" }\ndead-letter = \"dead\"";
    for backend in ["disk", "nats"] {
        let app = post(&["a", "b"], backend, &trigger("a", "jobs", retry)).file("host.toml", host_file(&nats));
        let up = || WATTLE.up(&app).args(["--config", "host.toml", "--log-format", "json"]).start();
        let server = up();
        publish(&server, "jobs", "err");
        let tried = server.log.wait_for_json("another try", |line| line["attempt"] == 2);
        let reason = "it returned the error: err; it cannot be moved to dead: nobody listens to dead";
        assert_eq!(tried["message"], format!("message will come again: {reason}"));
        assert!(server.stop().is_ok());
        let manifest = fs::read_to_string(app.join("wattle.toml")).unwrap() + &trigger("b", "dead", "");
        fs::write(app.join("wattle.toml"), manifest).unwrap();
        let server = up();
        until("it is moved", || (server.get("/seen").json()["b dead err"] == 1).then_some(()));
        assert!(server.stop().is_ok());
    }
}

/// Without a place for dead letters a message is dropped, and that is an error in the log.
#[test]
fn dropped_at_last() {
    let app = post(&["a"], "memory", &trigger("a", "jobs", "retry = { attempts = 1 }"));
    let server = start(&app);
    publish(&server, "jobs", "err");
    let line = server.log.wait_for_json("the drop", |line| line["given_up"] == 1);
    let said = "message failed for the last time and is dropped: it returned the error: err";
    assert_eq!((&line["message"], &line["level"]), (&said.into(), &"ERROR".into()));
}

/// What was acknowledged is handled, whenever the host is killed.
#[test]
fn killed() {
    let app = post(&["a"], "disk", &trigger("a", "jobs", "concurrency = 1"));
    let server = start(&app);
    (0..12).for_each(|number| publish(&server, "jobs", &format!("slow {number}")));
    until("some are handled", || (handled(&server) >= 3).then_some(()));
    server.kill();
    let server = start(&app);
    until("all are handled", || {
        let seen = server.get("/seen").json();
        (0..12).all(|number| !seen[format!("a jobs slow {number}")].is_null()).then_some(())
    });
}

/// A host that ends takes nothing more, lets what is under way end, and leaves the rest for its next start: nothing is
/// lost and nothing comes twice.
#[test]
fn stopped_under_load() {
    let app = post(&["a"], "disk", &trigger("a", "jobs", "concurrency = 4"));
    let server = start(&app);
    (0..40).for_each(|number| publish(&server, "jobs", &format!("slow {number}")));
    until("some are handled", || (handled(&server) >= 5).then_some(()));
    assert!(server.stop().is_ok());
    let server = start(&app);
    let each = (0..40).map(|number| (format!("a jobs slow {number}"), Value::from(1)));
    wait_for_seen(&server, &Value::Object(each.collect()));
    assert!(server.stop().is_ok());
}

/// What nobody hears of any more is not kept, and the log says so.
#[test]
fn what_earlier_versions_heard_of() {
    let app = post(&["a"], "disk", &trigger("a", "old.*", ""));
    assert!(start(&app).stop().is_ok());
    let old = std::fs::read_to_string(app.join("wattle.toml")).unwrap();
    let app = app.file("wattle.toml", old.replace("old.*", "new"));
    let server = start(&app);
    server.log.wait_for_json("the end of the group", |line| {
        line["message"] == "no trigger hears of this any more: what was kept for it is dropped"
            && line["subject"] == "old.*"
    });
    publish(&server, "old.one", "m");
    assert!(server.stop().is_ok());
    let app = app.file("wattle.toml", old);
    let server = start(&app);
    publish(&server, "old.two", "m");
    wait_for_seen(&server, &json!({ "a old.two m": 1 }));
}

/// What cannot end within the limit `drain` is cut, and comes again at the next start.
#[test]
fn cut() {
    let app = post(&["a"], "disk", &trigger("a", "jobs", "")).file("host.toml", "limits = { drain = \"100ms\" }\n");
    let text =
        std::fs::read_to_string(app.join("wattle.toml")).unwrap().replace("deadline = \"2s\"", "deadline = \"1h\"");
    let app = app.file("wattle.toml", text);
    let up = || WATTLE.up(&app).args(["--config", "host.toml"]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    let server = up().start();
    publish(&server, "jobs", "late");
    wait_for_seen(&server, &json!({ "a jobs late": 1 }));
    assert_eq!(server.stop().code, Some(4));
    let server = up().start();
    wait_for_seen(&server, &json!({ "a jobs late": 2 }));
}
