//! What verbs say of apps that do not run: stopped ones, damaged ones, and those that nobody knows.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use wattle_testkit::output::Lines;
use wattle_testkit::{App, Ran, guests};

use crate::WATTLE;
use crate::control::{exchange, socket, told};
use crate::daemon::host;

/// The app `name`, which keeps keys and values.
fn app_with(app: App, name: &str) -> App {
    let manifest = format!(
        "name = \"{name}\"\n[components.web]\nsource = \"../state.wasm\"\n\
         [[triggers.http]]\npath = \"/{name}/...\"\ncomponent = \"web\"\n"
    );
    app.file(&format!("{name}/wattle.toml"), manifest)
}

fn apps() -> App {
    ["a", "b"].iter().fold(App::empty().guest(&guests::state()), |app, name| app_with(app, name))
}

#[track_caller]
fn is_refused(ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran}");
    parts.iter().for_each(|part| assert!(ran.stderr.contains(part), "{part}: {ran}"));
}

#[test]
fn a_stopped_app_is_called_stopped() {
    let app = apps();
    let _server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "a", "b"]).is_ok());
    assert!(WATTLE.run(&app, ["stop", "a"]).is_ok());
    for verb in [
        &["link", "list", "a"][..],
        &["link", "set", "a", "web", "wasi:keyvalue=memory"],
        &["link", "move", "a", "web", "wasi:keyvalue=memory"],
        &["link", "rm", "a", "web", "wasi:keyvalue"],
        &["cron", "list", "a"],
        &["cron", "run", "a", "web"],
        &["explain", "--running", "a"],
    ] {
        let parts = ["the app `default/a` was stopped", "hint: start it with `wattle start default/a`"];
        is_refused(&WATTLE.run(&app, verb), 1, &parts);
    }
    for verb in [["link", "list", "c"], ["describe", "c", "--json"], ["logs", "c", "--json"]] {
        let parts = ["no app `default/c` is known here", "known: `default/a` and `default/b`"];
        is_refused(&WATTLE.run(&app, verb), 2, &parts);
    }
}

/// Whoever asks for an app whose record is damaged learns that, and what to do.
#[test]
fn a_damaged_record() {
    let app = apps();
    let server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "a", "b"]).is_ok());
    assert!(server.stop().is_ok());
    let record = app.state_dir().join("wattle/apps/default.a.json");
    fs::write(&record, "{").unwrap();
    let server = host(&app);
    for verb in ["describe", "start", "stop", "rm", "rollback", "logs", "apply", "events"] {
        let ran = WATTLE.run(&app, [verb, "a"]);
        if verb == "events" {
            assert!(ran.is_ok() && ran.stdout.contains("default.a.json does not say what is to run"), "{ran}");
            assert!(!ran.stdout.contains("forgotten"), "{ran}");
            continue;
        }
        let parts = [
            "what is written down of the app `default/a` cannot be read",
            "default.a.json does not say what is to run",
            "hint: move ",
            "default.a.json away and apply the app again",
        ];
        is_refused(&ran, 3, &parts);
    }
    let ps = told(&app, ["ps"]);
    let states: Vec<_> = ps["hosts"][0]["apps"].as_array().unwrap().iter().map(|app| app["state"].clone()).collect();
    assert_eq!(states, ["failed", "asleep"]);
    let ps = WATTLE.run(&app, ["ps"]).stdout;
    assert!(ps.contains("default.a.json away and apply the app again"), "{ps}");
    // As the hint says, while the host goes on.
    fs::rename(&record, record.with_extension("away")).unwrap();
    is_refused(&WATTLE.run(&app, ["describe", "a"]), 2, &["no app `default/a` is known here"]);
    assert!(WATTLE.run(&app, ["apply", "a"]).is_ok());
    assert_eq!(server.get("/a/kv/b/k").status(), 404);
    assert_eq!(told(&app, ["ps"])["hosts"][0]["apps"][0]["state"], "running");
}

/// What goes on is not said to be what failed.
#[test]
fn an_update_that_failed() {
    let app = apps();
    let server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "a"]).is_ok());
    let sick = "name = \"a\"\n[health]\npath = \"/a/none\"\ntimeout = \"100ms\"\n[components.web]\nsource = \"../state.wasm\"\n\
                [[triggers.http]]\npath = \"/a/...\"\ncomponent = \"web\"\n";
    let app = app.file("a/wattle.toml", sick);
    let ran = WATTLE.run(&app, ["apply", "a"]);
    is_refused(&ran, 1, &["error: a (default/a): the app cannot start", "the app default/a is not well"]);
    for verb in [&["ps"][..], &["describe", "a"]] {
        let told = WATTLE.run(&app, verb).stdout;
        assert!(told.contains("the update of 20") && !told.contains("cannot start"), "{told}");
        assert!(told.contains(" failed, and generation 1 goes on: the app default/a is not well"), "{told}");
    }
    // The same of one that sleeps.
    assert!(server.stop().is_ok());
    let _server = host(&app);
    is_refused(&WATTLE.run(&app, ["apply", "a"]), 1, &["the app default/a is not well"]);
    let events = WATTLE.run(&app, ["events", "a"]).stdout;
    let last = events.lines().last().unwrap();
    assert!(
        last.contains("default/a: asleep") && last.contains(" failed, and the app is asleep as before: "),
        "{events}"
    );
    assert_eq!(told(&app, ["ps"])["hosts"][0]["apps"][0]["state"], "asleep");
}

/// Nobody waits for what happens to an app that there never was; of one that is gone, it is told.
#[test]
fn events_of_nobody() {
    let app = apps();
    let _server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "a", "b"]).is_ok());
    assert!(WATTLE.run(&app, ["rm", "a"]).is_ok());
    assert!(WATTLE.run(&app, ["stop", "b"]).is_ok(), "so that the last event is of another app");
    for verb in [&["events", "nope"][..], &["events", "-f", "nope"]] {
        is_refused(&WATTLE.run(&app, verb), 2, &["no app `default/nope` is known here", "known: `default/b`"]);
    }
    let gone = WATTLE.run(&app, ["events", "a"]);
    assert!(gone.is_ok() && gone.stdout.contains("default/a: "), "{gone}");
}

/// What is no number is said in our own words.
#[test]
fn numbers() {
    let app = App::empty();
    for verb in [
        &["rollback", "shop", "x"][..],
        &["logs", "--tail", "x"],
        &["apply", "--generation=-1", "shop"],
        &["apply", "--generation", "1.5", "shop"],
    ] {
        let ran = WATTLE.run(&app, verb);
        assert!(ran.code == Some(2) && !ran.stderr.contains("invalid digit"), "{ran}");
    }
    is_refused(&WATTLE.run(&app, ["rollback", "shop", "x"]), 2, &["expected a whole number, as in 7"]);
}

/// What the control socket answers to what nobody meant to ask.
#[test]
fn asked_for_nothing() {
    let app = apps();
    let _server = host(&app);
    let ask = |request: &str| exchange(&socket(&app), request.as_bytes());
    let empty = ask("POST /v1/actions HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert!(empty.starts_with("HTTP/1.1 400 ") && empty.contains("there is no action: the body is empty"), "{empty}");
    let newer = ask("GET /v2/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(newer.starts_with("HTTP/1.1 404 ") && newer.contains("version v1 of the protocol alone"), "{newer}");
    let other = ask("GET /value HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(other.contains("there is nothing to ask at this path") && !other.contains("version"), "{other}");
}

/// Whoever follows a host that is killed is told so, and no more.
#[test]
fn a_host_that_dies() {
    let app = apps();
    let server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "a"]).is_ok());
    let mut following = WATTLE.command(&app);
    let following = following.args(["events", "-f"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut following = following.spawn().unwrap();
    let events = Lines::collect(following.stdout.take().unwrap());
    let said = Lines::collect(following.stderr.take().unwrap());
    events.wait_for("an event", |line| line.contains("default/a"));
    server.kill();
    said.wait_for_end(Duration::from_secs(10));
    let _ = following.kill();
    let (status, said) = (following.wait().unwrap(), said.text());
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("the answer broke off: the host has ended") && !said.contains("chunk"), "{said}");
}
