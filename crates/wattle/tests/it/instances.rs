//! Instances: fresh or used again, one request at a time or several, and gone when their client is.

use std::path::Path;
use std::thread;
use std::time::Duration;

use wattle_testkit::{App, Connection, Server, at_best, guests, until};

use crate::WATTLE;

/// What one connection is told in a row: it stays on one core, so it meets the instances of that core.
fn in_a_row(server: &Server, target: &str, count: usize) -> Vec<String> {
    let mut connection = server.connect();
    (0..count).map(|_| connection.call("GET", target, b"").text().trim().to_owned()).collect()
}

fn start<T>(guest: &Path, more: &str, test: impl FnOnce(&Server) -> T) -> T {
    let app = App::of(guest, more);
    test(&WATTLE.up(&app).start())
}

#[test]
fn fresh_for_each_request() {
    start(&guests::misbehave(), "", |server| assert_eq!(in_a_row(server, "/state", 4), ["1"; 4]));
}

#[test]
fn used_again() {
    start(&guests::misbehave(), "instances = { reuse = 3 }", |server| {
        assert_eq!(in_a_row(server, "/state", 7), ["1", "2", "3", "1", "2", "3", "1"]);
    });
}

#[test]
fn used_again_but_not_after_a_rest() {
    start(&guests::misbehave(), "instances = { reuse = 1000, idle = \"20ms\" }", |server| {
        let mut connection = server.connect();
        assert_eq!(connection.call("GET", "/state", b"").text(), "1\n");
        until("the instance has rested too long", || {
            thread::sleep(Duration::from_millis(60));
            (connection.call("GET", "/state", b"").text() == "1\n").then_some(())
        });
    });
}

/// Nothing of a request is left where the next one comes, and a trap ends the instance it was in.
#[test]
fn a_trap_ends_the_instance() {
    start(&guests::misbehave(), "instances = { reuse = 100 }", |server| {
        let mut connection = server.connect();
        assert_eq!(connection.call("GET", "/state", b"").text(), "1\n");
        assert_eq!(connection.call("GET", "/state", b"").text(), "2\n");
        assert_eq!(connection.call("GET", "/panic", b"").summary(), "500 guest-trap");
        assert_eq!(connection.call("GET", "/state", b"").text(), "1\n");
    });
}

/// Makes an instance on each core: a burst that meets none makes one for each request.
fn warm(server: &Server) {
    let mut connections: Vec<Connection> = (0..8).map(|_| server.connect()).collect();
    connections.iter_mut().for_each(|connection| assert_eq!(connection.call("GET", "/", b"").status(), 200));
}

/// `N requests, M at once` of as many requests at a time, as numbers.
fn at_once(server: &Server, count: usize) -> Vec<(u32, u32)> {
    let mut connections: Vec<Connection> = (0..count).map(|_| server.connect()).collect();
    connections.iter_mut().for_each(|connection| connection.request("GET", "/count?ms=300", b""));
    let answers = connections.iter_mut().map(|connection| connection.answer("GET").text());
    let numbers = answers.map(|text| {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
        (numbers.next().unwrap(), numbers.next().unwrap())
    });
    numbers.collect()
}

#[test]
fn several_at_once() {
    start(&guests::misbehave_p3(), "", |server| {
        assert_eq!(
            in_a_row(server, "/count", 3),
            ["1 requests, 1 at once", "2 requests, 1 at once", "3 requests, 1 at once"]
        );
        // Sixteen connections are dealt to the cores of this machine; on a busy one they may come too late for each other.
        let cores = thread::available_parallelism().unwrap().get() as u32;
        until("as many are served at once as there are", || {
            let most = at_once(server, 16).into_iter().map(|(_, at_once)| at_once).max();
            (most >= Some((16 / cores).clamp(2, 16))).then_some(())
        });
    });
}

#[test]
fn within_the_concurrency() {
    start(&guests::misbehave_p3(), "instances = { concurrency = 2 }", |server| {
        warm(server);
        let seen = at_once(server, 8);
        assert!(seen.iter().all(|(_, at_once)| *at_once <= 2), "{seen:?}");
        assert!(seen.iter().any(|(_, at_once)| *at_once == 2), "{seen:?}");
    });
}

#[test]
fn within_the_reuse() {
    start(&guests::misbehave_p3(), "instances = { reuse = 2 }", |server| {
        let seen = at_once(server, 8);
        assert!(seen.iter().all(|(requests, _)| *requests <= 2), "{seen:?}");
    });
    start(&guests::misbehave_p3(), "instances = { reuse = 1 }", |server| {
        assert_eq!(in_a_row(server, "/count", 3), ["1 requests, 1 at once"; 3]);
    });
}

/// An instance is kept, and nothing ticks for it.
#[test]
fn instances_that_rest() {
    let more = "instances = { reuse = 10, concurrency = 1, idle = \"60s\" }\nlimits = { deadline = \"200ms\" }";
    start(&guests::misbehave_p3(), more, |server| {
        let mut connection = server.connect();
        let mut count = || connection.call("GET", "/count", b"").text().trim().to_owned();
        assert_eq!(count(), "1 requests, 1 at once");
        let process = server.process();
        until("nothing computes", || {
            (process.computes_in(Duration::from_millis(300)) < Duration::from_millis(1)).then_some(())
        });
        assert_eq!(count(), "2 requests, 1 at once", "it is another instance");
        // Who computes is interrupted, though nothing ticked.
        assert_eq!(server.get("/loop").status(), 504);
    });
}

/// How much the server computes in the 300 ms after the client that sent `request` has gone.
fn computed_after_the_client(server: &Server, request: &str) -> Duration {
    let process = server.process();
    let idle = process.computed();
    let mut connection = server.connect();
    connection.send(request);
    until("the guest computes", || (process.computed() > idle + Duration::from_millis(50)).then_some(()));
    drop(connection);
    process.computes_in(Duration::from_millis(300))
}

/// A guest whose client goes away is stopped within 20 ms; the rest is for the measurement.
fn check_client_gone(guest: &Path, more: &str, request: &str) {
    start(guest, more, |server| {
        assert_eq!(server.get("/").status(), 200);
        let most = Duration::from_millis(60);
        let computed = at_best(most, || computed_after_the_client(server, request));
        assert!(computed < most, "{request:?} computed for {computed:?} after its client had gone");
    });
}

const LOOP: &str = "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_client_that_goes_away_stops_its_guest() {
    check_client_gone(&guests::misbehave(), "", LOOP);
    check_client_gone(&guests::misbehave(), "instances = { reuse = 10 }", LOOP);
    check_client_gone(&guests::misbehave(), "", "GET /loop-kv HTTP/1.1\r\nHost: a\r\n\r\n");
}

#[test]
fn a_client_that_goes_away_stops_its_guest_p3() {
    check_client_gone(&guests::misbehave_p3(), "instances = { reuse = 1, concurrency = 1 }", LOOP);
}

/// Nobody reads what these send, so nobody reads their end either.
#[test]
fn a_client_that_goes_away_in_the_middle_of_its_upload() {
    let upload = |sent: usize| {
        let head = "POST /loop HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n";
        format!("{head}{}", "x".repeat(sent))
    };
    for sent in [0, 1, 40_000] {
        check_client_gone(&guests::misbehave(), "", &upload(sent));
    }
    let alone = "instances = { reuse = 1, concurrency = 1 }";
    check_client_gone(&guests::misbehave_p3(), alone, &upload(40_000));
    let chunked = "POST /loop HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    check_client_gone(&guests::misbehave(), "", chunked);
}

/// A client that stops taking its answer stops who writes it.
#[test]
fn a_client_that_goes_away_in_the_middle_of_an_answer() {
    for guest in [guests::misbehave(), guests::misbehave_p3()] {
        start(&guest, "", |server| {
            let mut connection = server.connect();
            connection.request("GET", "/write-forever", b"");
            assert_eq!(connection.head().unwrap().status, 200);
            drop(connection);
            let process = server.process();
            until("the guest stops", || {
                (process.computes_in(Duration::from_millis(100)) < Duration::from_millis(10)).then_some(())
            });
        });
    }
}

/// An answer that has no body (204, or to a `HEAD`) is complete with its head. The guest does not see that as a client
/// that went away, so it has no reason to complain.
#[test]
fn answers_without_a_body_end_well() {
    start(&guests::state(), "instances = { reuse = 1000 }", |server| {
        let mut connection = server.connect();
        for _ in 0..300 {
            assert_eq!(connection.call("PUT", "/kv/default/a", b"x").status(), 204);
            assert_eq!(connection.call("HEAD", "/config/none", b"").status(), 404);
        }
        assert_eq!(connection.call("GET", "/kv/default/a", b"").text(), "x");
        assert!(!server.log.text().contains("guest-trap"), "{}", server.log.text());
    });
}

/// One place, and it is given back when the client goes away, when a guest traps and when it is late.
#[test]
fn places() {
    let more = "limits = { deadline = \"2s\" }\n[limits]\nconcurrent-requests = 1\nqueue-time = \"100ms\"";
    start(&guests::misbehave(), more, |server| {
        let mut first = server.connect();
        first.request("GET", "/hang", b"");
        until("the place is taken", || (server.get("/").summary() == "503 no-capacity").then_some(()));
        drop(first);
        until("the place is free again", || (server.get("/").status() == 200).then_some(()));
        assert_eq!(server.get("/panic").status(), 500);
        assert_eq!(server.get("/hang").summary(), "504 deadline");
        assert_eq!(server.get("/").status(), 200);
    });
}

/// Who waits for a place gets it when there is one.
#[test]
fn places_are_waited_for() {
    let more = "[limits]\nconcurrent-requests = 1\nqueue-time = \"10s\"";
    start(&guests::misbehave(), more, |server| {
        let mut waiting: Vec<Connection> = (0..5).map(|_| server.connect()).collect();
        waiting.iter_mut().for_each(|connection| connection.request("GET", "/sleep?ms=50", b""));
        for connection in &mut waiting {
            assert_eq!(connection.answer("GET").summary(), "200 slept 50 ms");
        }
    });
}
