//! Guests of WASI 0.3 that do wrong, and the requests that share an instance with them.

use std::time::{Duration, Instant};

use wattle_testkit::{Connection, Server};

use crate::{WATTLE, beside_hello};

fn start(more: &str, test: impl FnOnce(&Server)) {
    let app = beside_hello("misbehave-p3", more);
    let server = WATTLE.up(&app).start();
    test(&server);
    neighbour_is_well(&server);
    let ran = server.stop();
    assert!(!ran.stderr.contains("the host's own bug"), "{}", ran.stderr);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

fn neighbour_is_well(server: &Server) {
    let asked = Instant::now();
    assert_eq!(server.get("/neighbour").summary(), "200 Hello from Wattle");
    assert!(asked.elapsed() < Duration::from_secs(1), "the neighbour took {:?}", asked.elapsed());
}

fn check(server: &Server, target: &str, expected: &str) {
    assert_eq!(server.get(target).summary(), expected, "{target}");
    neighbour_is_well(server);
    assert_eq!(server.get("/").status(), 200, "after {target} the component itself is lost");
}

#[test]
fn every_misdeed() {
    start("limits = { deadline = \"500ms\", response-body = \"2MiB\" }", |server| {
        check(server, "/", "200 this guest misbehaves: see its paths");
        check(server, "/loop", "504 deadline");
        check(server, "/hang", "504 deadline");
        check(server, "/sleep?ms=60000", "504 deadline");
        check(server, "/panic", "500 guest-trap");
        check(server, "/error", "502 guest-error");
        check(server, "/panic-after", "200 0123456789 (Cut)");
        check(server, "/hang-after", "200 0123456789 (Cut)");
        check(server, "/stream-unread", "200  (Cut)");
        let endless = server.get("/write-forever");
        assert!(!endless.is_complete() && endless.body.len() <= 2 << 20, "{} bytes", endless.body.len());
    });
}

/// What the guest says of itself is for the log.
#[test]
fn an_error_of_the_guest() {
    start("", |server| {
        let answer = server.get("/error");
        assert_eq!(answer.summary(), "502 guest-error");
        assert!(!answer.text().contains("asked for an error"), "{}", answer.text());
        server.log.wait_for("the guest's error", |line| line.contains("this guest was asked for an error"));
    });
}

/// One spins with fifteen others in flight: all of them are answered at once, none with 200, and the next find a new
/// instance.
#[test]
fn a_loop_among_others() {
    start("limits = { deadline = \"1s\" }", |server| {
        let mut sleeping: Vec<Connection> = (0..15).map(|_| server.connect()).collect();
        sleeping.iter_mut().for_each(|connection| connection.request("GET", "/sleep?ms=20000", b""));
        let mut looping = server.connect();
        looping.request("GET", "/loop", b"");
        let began = Instant::now();
        // Whose deadline was the first gets 504, the others were in the wrong company.
        for connection in sleeping.iter_mut().chain([&mut looping]) {
            let answer = connection.answer("GET").summary();
            assert!(["504 deadline", "502 instance-lost"].contains(&answer.as_str()), "{answer}");
        }
        assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
        assert_eq!(server.get("/count").text(), "1 requests, 1 at once\n");
    });
}

/// A trap of one ends the others of its instance with 502, and nobody else.
#[test]
fn a_panic_among_others() {
    start("", |server| {
        let mut sleeping: Vec<Connection> = (0..8).map(|_| server.connect()).collect();
        sleeping.iter_mut().for_each(|connection| connection.request("GET", "/sleep?ms=1500", b""));
        let panicked = server.get("/panic").summary();
        assert!(["500 guest-trap", "502 instance-lost"].contains(&panicked.as_str()), "{panicked}");
        for connection in &mut sleeping {
            let answer = connection.answer("GET").summary();
            assert!(["200 slept 1500 ms", "502 instance-lost"].contains(&answer.as_str()), "{answer}");
        }
    });
}

/// An answer that was under way when its instance ended is cut, and looks cut.
#[test]
fn a_panic_beside_an_answer() {
    start("", |server| {
        let mut writing = server.connect();
        writing.request("GET", "/hang-after", b"");
        let head = writing.head().unwrap();
        assert_eq!(head.status, 200);
        let mut broken = false;
        // Connections are dealt to cores in turn: one of these meets the same instance.
        for _ in 0..16 {
            broken |= server.get("/panic").status() >= 500;
        }
        assert!(broken);
        let (end, _) = writing.body(&head, "GET", |_| {});
        assert_ne!(end, wattle_testkit::End::Complete);
    });
}

/// A client that goes away takes nothing from those who share the instance. What it asked for goes on there until it ends or
/// is past its deadline.
#[test]
fn a_client_that_goes_away_among_others() {
    start("limits = { deadline = \"3s\" }", |server| {
        let mut staying: Vec<Connection> = (0..4).map(|_| server.connect()).collect();
        staying.iter_mut().for_each(|connection| connection.request("GET", "/sleep?ms=300", b""));
        for target in ["/sleep?ms=5000", "/hang", "/hang-after", "/write-forever"] {
            server.connect().request("GET", target, b"");
        }
        for connection in &mut staying {
            assert_eq!(connection.answer("GET").summary(), "200 slept 300 ms");
        }
    });
}
