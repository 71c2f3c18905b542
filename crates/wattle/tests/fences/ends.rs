//! The end of an app: what is under way of it, and what was asked for before.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use wattle_testkit::{App, until};

use crate::apart::{answers, compiled, done, host, manifest, with};
use crate::asking::{get, socket};

/// How long anything here may take on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

fn good() -> App {
    with(App::empty(), "good", &manifest("good", "hello.wasm", ""))
}

/// Requests that have hours left end with their app after the limit `drain`, also those of a version that another one took
/// the place of, whether the guest computes or waits.
#[test]
fn requests_end_with_their_app() {
    for source in ["misbehave.wasm", "misbehave-p3.wasm"] {
        let patient = |more: &str| manifest("bad", source, &format!("limits = {{ deadline = \"2h\" }}\n{more}"));
        let app = with(with(good(), "bad", &patient("")), "next", &patient("env = { VERSION = \"2\" }"));
        let server = host(&app, "drain = \"1s\"");
        compiled(&app, ["apply", "good", "bad"]);
        for verb in [["apply", "next"], ["stop", "bad"]] {
            let asked = ["/loop", "/sleep?ms=3600000"].map(|target| {
                let mut connection = server.connect().host("bad.test");
                connection.request("GET", target, b"");
                connection
            });
            until("they are under way", || {
                (server.process().computes_in(Duration::from_millis(50)) > Duration::ZERO).then_some(())
            });
            let begun = Instant::now();
            done(&app, verb);
            for mut connection in asked {
                assert_eq!(connection.answer("GET").summary(), "502 instance-lost", "{source}");
            }
            assert!(begun.elapsed() < LONG);
            answers(&server);
        }
        let span = Duration::from_millis(200);
        until("nothing computes", || (server.process().computes_in(span) < span / 4).then_some(()));
        assert!(server.stop().is_ok());
    }
}

/// Who stops or removes an app ends what was asked for before, also what waits behind a start that is stuck: it does not run
/// after that.
#[test]
fn what_waits_is_stopped() {
    let health = "[health]\npath = \"/hang\"\ntimeout = \"10m\"\n[components.web]";
    let stuck =
        manifest("page", "misbehave.wasm", "limits = { deadline = \"10m\" }").replace("[components.web]", health);
    let app = with(good(), "stuck", &stuck);
    let app = with(app, "first", &manifest("page", "hello.wasm", ""));
    let app = with(app, "next", &manifest("page", "hello.wasm", "env = { VERSION = \"2\" }"));
    let server = host(&app, "");
    compiled(&app, ["apply", "good"]);
    // The first time nothing of it ran before, the second time a version did.
    for (ends, left) in [("stop", None), ("rm", None), ("stop", Some("stopped")), ("rm", None)] {
        if left.is_some() {
            done(&app, ["apply", "first"]);
        }
        thread::scope(|scope| {
            let refused = |source: &'static str, until_told: &'static str| {
                let mut asked = ask_for_progress(&app, source);
                read_until(&mut asked, until_told);
                scope.spawn(move || read_until(&mut asked, "app-stopped"))
            };
            let stuck = refused("stuck", "\"checking\"");
            let waits = refused("next", "\"waiting\"");
            assert!(done(&app, [ends, "page"]).starts_with("default/page "));
            stuck.join().unwrap();
            waits.join().unwrap();
        });
        let status = get(&socket(&app), "/v1/status");
        let page = status["apps"].as_array().unwrap().iter().find(|app| app["app"] == "default/page");
        assert_eq!(page.map(|page| page["state"].as_str().unwrap()), left, "{status}");
        answers(&server);
    }
    done(&app, ["apply", "next"]);
    assert!(server.stop().is_ok());
}

/// Asks for an app, and to be told how far it is.
fn ask_for_progress(app: &App, name: &str) -> UnixStream {
    let body = json!({ "action": "apply", "source": app.join(name) }).to_string();
    let mut stream = UnixStream::connect(socket(app)).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let head = format!("POST /v1/actions?progress=true HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).unwrap();
    stream
}

/// Reads until `what` was told.
fn read_until(stream: &mut UnixStream, what: &str) {
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains(what) {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{what} was not told: {}", String::from_utf8_lossy(&told));
        told.extend_from_slice(&piece[..count]);
    }
}
