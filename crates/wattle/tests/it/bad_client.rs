//! Clients that are slow, greedy or gone: each is bounded, and the others are served.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use wattle_testkit::{App, Connection, Server, guests, until};

use crate::{WATTLE, beside_hello};

/// Short limits for the patience of a host.
const IMPATIENT: &str = "[limits]\nheader-timeout = \"400ms\"\nidle-timeout = \"800ms\"\nbody-timeout = \"400ms\"\n";

fn impatient(guest: &str, test: impl FnOnce(&Server)) {
    let app = beside_hello(guest, "").file("host.toml", IMPATIENT);
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    test(&server);
    assert_eq!(server.get("/neighbour").status(), 200);
}

/// How long it takes until the server closes.
fn until_closed(connection: &mut Connection) -> Duration {
    let began = Instant::now();
    assert!(connection.is_closed(), "the server does not close");
    began.elapsed()
}

#[test]
fn a_head_that_does_not_come() {
    impatient("echo", |server| {
        for begun in ["", "GET / HT", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "] {
            let mut connection = server.connect();
            connection.send(begun);
            let took = until_closed(&mut connection);
            assert!(took >= Duration::from_millis(300), "{begun:?}: closed after {took:?}");
        }
    });
}

/// A byte now and then buys no time.
#[test]
fn a_head_that_drips() {
    impatient("echo", |server| {
        let mut connection = server.connect();
        let mut writer = connection.writer();
        let began = Instant::now();
        thread::scope(|scope| {
            scope.spawn(move || {
                let drips = "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ".bytes().chain(std::iter::repeat_n(b'x', 400));
                for byte in drips {
                    if writer.write_all(&[byte]).is_err() {
                        break;
                    }
                    thread::sleep(Duration::from_millis(30));
                }
            });
            assert!(connection.is_closed());
        });
        assert!(began.elapsed() < Duration::from_secs(6), "it took {:?}", began.elapsed());
    });
}

/// A connection may rest longer than a head may take, but not for ever.
#[test]
fn a_connection_that_rests() {
    impatient("echo", |server| {
        let mut connection = server.connect();
        assert_eq!(connection.call("GET", "/", b"").status(), 200);
        let took = until_closed(&mut connection);
        assert!(took >= Duration::from_millis(700), "closed after {took:?}");
    });
}

/// A body that stands still is an error for the guest, and its answer is not one of success.
#[test]
fn a_body_that_does_not_come() {
    for guest in ["echo", "echo-p3", "state"] {
        impatient(guest, |server| {
            let mut connection = server.connect();
            connection.send("PUT /kv/default/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n0123456789");
            let answer = connection.try_answer("PUT");
            let looks_good = answer.as_ref().is_ok_and(|answer| answer.status() < 300 && answer.is_complete());
            assert!(!looks_good, "{guest}: {answer:?}");
            assert!(connection.is_closed());
            if guest == "state" {
                assert_eq!(server.get("/kv/default/slow").status(), 404, "half a body was kept");
            }
        });
    }
}

/// Who does not read is let go, with what was made for it.
#[test]
fn an_answer_that_is_not_read() {
    for guest in ["misbehave", "misbehave-p3"] {
        impatient(guest, |server| {
            let resting = server.process().open_files();
            let mut greedy: Vec<Connection> = (0..4).map(|_| server.connect()).collect();
            greedy.iter_mut().for_each(|connection| connection.request("GET", "/write-forever", b""));
            let before = server.process().resident_bytes();
            until("they are connected", || (server.process().open_files() >= resting + 4).then_some(()));
            let mut most = 0;
            until("they are let go", || {
                most = server.process().resident_bytes().max(most);
                (server.process().open_files() <= resting).then_some(())
            });
            let grown = most.saturating_sub(before) >> 20;
            assert!(grown < 32, "{guest}: {grown} MiB hold what nobody reads");
        });
    }
}

#[test]
fn too_many_headers() {
    impatient("echo", |server| {
        let check = |count: usize, expected: u16| {
            let headers: String = (1..count).map(|number| format!("X-{number}: 1\r\n")).collect();
            let mut connection = server.connect();
            let answer = connection.raw(format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n"));
            assert_eq!(answer.status(), expected, "{count} headers");
            assert!(expected == 200 || connection.is_closed());
        };
        check(100, 200);
        check(101, 431);
        check(2000, 431);
    });
}

#[test]
fn too_large_headers() {
    impatient("echo", |server| {
        let check = |length: usize, expected: u16| {
            let mut connection = server.connect();
            let _ = connection.try_send(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(length)));
            assert_eq!(connection.answer("GET").status(), expected, "{length} bytes");
        };
        check(60_000, 200);
        check(66_000, 431);
        check(1 << 20, 431);
    });
}

/// The limits are those of the host's file.
#[test]
fn limits_of_the_host_file() {
    let app = App::of(&guests::echo(), "").file("host.toml", "[limits]\nheaders = 5\nheader-bytes = \"9KiB\"\n");
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let answer = |more: &str| server.connect().raw(format!("GET / HTTP/1.1\r\nHost: a\r\n{more}\r\n")).status();
    assert_eq!(answer("A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n"), 200);
    assert_eq!(answer("A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n"), 431);
    assert_eq!(answer(&format!("X: {}\r\n", "x".repeat(8_000))), 200);
    assert_eq!(answer(&format!("X: {}\r\n", "x".repeat(10_000))), 431);
}

/// Requests that their client breaks off, at every place.
#[test]
fn clients_that_go_away() {
    let app = beside_hello("echo", "");
    let server = WATTLE.up(&app).start();
    let resting = server.process().open_files();
    let whole = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789";
    for length in 0..=whole.len() {
        server.connect().send(&whole[..length]);
    }
    until("all of them are forgotten", || (server.process().open_files() <= resting).then_some(()));
    assert_eq!(server.get("/neighbour").status(), 200);
    assert!(!server.log.text().contains("ERROR"), "{}", server.log.text());
}
