//! Guests that do wrong: the client gets a clear answer, an answer that was cut looks cut, and the neighbours do not
//! notice.

use std::io::Write;
use std::time::{Duration, Instant};

use wattle_testkit::{App, Response, Server, guests, until};

use crate::{WATTLE, beside_hello};

/// A server with a guest that misbehaves and a neighbour that does not.
fn start(guest: &str, more: &str, test: impl FnOnce(&Server)) {
    let app = beside_hello(guest, more);
    let server = WATTLE.up(&app).args(["--log-format", "json"]).start();
    assert_eq!(server.get("/neighbour").summary(), "200 Hello from Wattle");
    let before = server.process().resident_bytes();
    test(&server);
    neighbour_is_well(&server);
    until("the memory is given back", || (server.process().resident_bytes() < before + (48 << 20)).then_some(()));
    let ran = server.stop();
    assert!(!ran.stderr.contains("the host's own bug"), "{}", ran.stderr);
    assert_eq!(ran.code, Some(0));
}

fn neighbour_is_well(server: &Server) {
    let asked = Instant::now();
    assert_eq!(server.get("/neighbour").summary(), "200 Hello from Wattle");
    assert!(asked.elapsed() < Duration::from_secs(1), "the neighbour took {:?}", asked.elapsed());
}

fn check(server: &Server, target: &str, expected: &str) {
    assert_eq!(server.get(target).summary(), expected, "{target}");
    neighbour_is_well(server);
}

/// The answer to `target` is broken off; what was lost with it may be all of it.
fn check_cut(server: &Server, target: &str) {
    let mut connection = server.connect();
    connection.request("GET", target, b"");
    let answer = connection.try_answer("GET");
    let looks_whole = answer.as_ref().is_ok_and(|answer| answer.is_complete() && answer.status() == 200);
    assert!(!looks_whole, "{target}: {answer:?}");
    assert!(connection.is_closed(), "{target}: the connection goes on");
    neighbour_is_well(server);
}

/// What the log says of the failure of this request.
fn logged(server: &Server, id: &str) -> serde_json::Value {
    server.log.wait_for_json("this failure", |line| line["request"] == id && line["code"].is_string())
}

/// The answer to `target`, which must have survived its misdeed.
fn survived(server: &Server, target: &str) -> String {
    let answer = server.get(target);
    assert_eq!((answer.status(), answer.is_complete()), (200, true), "{target}: {}", answer.summary());
    answer.text()
}

#[test]
fn no_answer() {
    start("misbehave", "", |server| {
        check(server, "/panic", "500 guest-trap");
        check(server, "/exit", "500 guest-trap");
        check(server, "/recurse", "500 guest-trap");
        check(server, "/no-answer", "502 no-answer");
    });
}

#[test]
fn too_late() {
    start("misbehave", "limits = { deadline = \"500ms\" }", |server| {
        check(server, "/loop", "504 deadline");
        check(server, "/loop-kv", "504 deadline");
        check(server, "/hang", "504 deadline");
        check(server, "/sleep?ms=60000", "504 deadline");
        check(server, "/spin?ms=60000", "504 deadline");
        check(server, "/sleep?ms=1", "200 slept 1 ms");
    });
}

/// A guest that computes on every core delays the others by little.
#[test]
fn loops_beside_a_neighbour() {
    start("misbehave", "limits = { deadline = \"3s\" }", |server| {
        let mut loops: Vec<_> = (0..8).map(|_| server.connect()).collect();
        loops.iter_mut().for_each(|connection| connection.request("GET", "/loop", b""));
        for _ in 0..20 {
            neighbour_is_well(server);
        }
        for connection in &mut loops {
            assert_eq!(connection.answer("GET").summary(), "504 deadline");
        }
    });
}

/// Nothing that was cut looks whole, whatever its head announced.
#[test]
fn a_panic_in_the_middle() {
    start("misbehave", "", |server| check_cut(server, "/panic-after"));
}

#[test]
fn a_deadline_in_the_middle() {
    start("misbehave", "limits = { deadline = \"500ms\" }", |server| check_cut(server, "/hang-after"));
}

#[test]
fn lengths_that_do_not_fit() {
    start("misbehave", "", |server| {
        check_cut(server, "/cut");
        // Five bytes are announced, and no more than five go out.
        let over = server.get("/over");
        assert!(!over.is_complete() || over.body == b"01234", "{}", over.summary());
    });
}

#[test]
fn answers_without_end() {
    start("misbehave", "limits = { response-body = \"3MiB\" }", |server| {
        let answer = server.get("/write-forever");
        assert_eq!((answer.status(), answer.is_complete()), (200, false));
        assert!(answer.body.len() <= 3 << 20, "{} bytes are more than the limit", answer.body.len());
        assert!(answer.body.len() > 2 << 20, "{} bytes only", answer.body.len());
        until("the log says why", || server.log.text().contains("more than its limit response-body").then_some(()));
    });
}

#[test]
fn memory() {
    start("misbehave", "limits = { memory = \"32MiB\" }", |server| {
        let mib: u32 = survived(server, "/alloc").trim().strip_suffix(" MiB").unwrap().parse().unwrap();
        assert!((16..32).contains(&mib), "{mib} MiB");
        let pages: u32 = survived(server, "/grow").trim().strip_suffix(" pages").unwrap().parse().unwrap();
        assert!((400..512).contains(&pages), "{pages} pages");
    });
}

/// The default of 128 MiB holds too, eight at a time.
#[test]
fn memory_many_times() {
    start("misbehave", "", |server| {
        let mut all: Vec<_> = (0..8).map(|_| server.connect()).collect();
        all.iter_mut().for_each(|connection| connection.request("GET", "/alloc", b""));
        for connection in &mut all {
            let text = connection.answer("GET").text();
            let mib: u32 = text.trim().strip_suffix(" MiB").unwrap_or(&text).parse().unwrap();
            assert!((64..128).contains(&mib), "{mib} MiB");
        }
    });
}

#[test]
fn handles_and_calls() {
    start("misbehave", "", |server| {
        check(server, "/table", "500 guest-trap");
        check(server, "/table?n=1900", "200 1900 resources");
        check(server, "/pollables", "500 guest-trap");
        check(server, "/pollables?n=900", "200 900 of 900 timers");
        check(server, "/random-huge", "500 guest-trap");
        check(server, "/random-huge?n=1000", "200 1000 bytes");
        check(server, "/giant-string", "500 guest-trap");
        check(server, "/giant-string?mib=2", "200 2097152 bytes");
    });
}

/// The limit that was hit is in the log, by the name that one would write in a manifest.
#[test]
fn the_log_names_the_limit() {
    start("misbehave", "", |server| {
        let limits = [("/giant-string", "host-call-bytes"), ("/random-huge", "host-call-bytes"), ("/table", "handles")];
        let lines =
            limits.map(|(target, limit)| (limit, logged(server, server.get(target).header("x-request-id").unwrap())));
        let unnamed: Vec<_> = lines.iter().filter(|(limit, line)| !line.to_string().contains(limit)).collect();
        assert!(unnamed.is_empty(), "{unnamed:#?}");
    });
}

#[test]
fn heads_that_are_refused() {
    start("misbehave", "", |server| {
        for target in ["/bad-header", "/forbidden-header"] {
            // `te` is a field of the connection in HTTP/1.1 only.
            let told = survived(server, target).replace("\"te\": \"close\": accepted", "");
            assert!(!told.contains("accepted"), "{target}: {told}");
        }
        let told = survived(server, "/bad-status");
        for code in ["0", "99", "1000", "65535"] {
            assert!(told.contains(&format!("{code}: Err(())")), "{told}");
        }
        check(server, "/bad-status?code=101", "502 invalid-answer");
        check(server, "/bad-status?code=100", "502 invalid-answer");
        check(server, "/bad-status?code=418", "418 418: Ok(())");
    });
}

/// RFC 9110, section 15: statuses are from 100 to 599.
#[test]
fn a_status_that_does_not_exist() {
    start("misbehave", "", |server| {
        check(server, "/bad-status?code=600", "502 invalid-answer");
        check(server, "/bad-status?code=999", "502 invalid-answer");
    });
}

#[test]
fn heads_that_are_too_big() {
    start("misbehave", "", |server| {
        check(server, "/many-headers?n=90", "200 the head was taken");
        check(server, "/big-header?n=8000", "200 the head was taken");
        for target in ["/many-headers", "/big-header"] {
            let answer = server.get(target);
            let is_refused =
                answer.status() == 500 || answer.text().starts_with("header ") || answer.text().contains("bytes: ");
            assert!(is_refused, "{target}: {}", answer.summary());
            neighbour_is_well(server);
        }
    });
}

/// A large upload that nobody reads ends: the answer comes, the rest is not taken for ever.
fn ignored_upload(server: &Server) -> Response {
    let mut connection = server.connect();
    let mut writer = connection.writer();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = write!(writer, "POST /ignore-upload HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 60 << 20);
            let piece = [b'x'; 64 << 10];
            // The server may close in the middle.
            let _ = (0..960).try_for_each(|_| writer.write_all(&piece));
        });
        let answer = connection.answer("POST");
        assert!(connection.is_closed(), "60 MiB were read for nobody");
        answer
    })
}

#[test]
fn uploads_that_nobody_reads() {
    start("misbehave", "", |server| assert_eq!(ignored_upload(server).summary(), "200 the upload was not read"));
    start("misbehave-p3", "", |server| assert_eq!(ignored_upload(server).summary(), "200 the upload was not read"));
}

/// What one request leaves in memory, the next never finds; instances of other components neither.
#[test]
fn nothing_is_left_in_memory() {
    start("misbehave", "", |server| {
        for _ in 0..4 {
            check(server, "/leave-canary", "200 left");
            check(server, "/scan-memory", "200 0");
        }
    });
    let app = App::of(&guests::misbehave(), "instances = { reuse = 2 }");
    let server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    assert_eq!(connection.call("GET", "/leave-canary", b"").text(), "left\n");
    assert_ne!(connection.call("GET", "/scan-memory", b"").text(), "0\n", "the scan finds nothing at all");
}

/// Causes are for the log: clients get a code and an id with which to ask.
#[test]
fn the_client_gets_no_chain() {
    start("misbehave", "", |server| {
        let answer = server.get("/panic");
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(answer.json()["error"]["request"], id);
        assert_eq!(answer.json()["error"]["message"], "the component failed");
        let line = logged(server, id);
        assert_eq!((&line["level"], &line["code"]), (&"ERROR".into(), &"guest-trap".into()));
        assert!(line["context"].as_str().is_some_and(|context| context.ends_with("/guest")), "{line}");
        assert!(line["message"].as_str().is_some_and(|message| message.contains("wasm backtrace")), "{line}");
        server.log.wait_for("what the guest said", |line| line.contains("this guest was asked to panic"));
    });
}

/// Failures are told, but not as fast as somebody causes them.
#[test]
fn many_failures() {
    start("misbehave", "", |server| {
        let mut connection = server.connect();
        for _ in 0..200 {
            assert_eq!(connection.call("GET", "/panic", b"").summary(), "500 guest-trap");
        }
        let told = server.log.text().matches("guest-trap").count();
        assert!((1..200).contains(&told), "{told} lines");
    });
}
