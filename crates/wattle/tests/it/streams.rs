//! Bodies: streamed both ways, with back-pressure, trailers and limits, in both versions of WASI.

use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use wattle_testkit::{App, End, Server, guests};

use crate::WATTLE;

const MIB: usize = 1 << 20;
static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];

/// Runs a test on both echoes.
fn each(more: &str, test: impl Fn(&Server)) {
    for guest in [guests::echo(), guests::echo_p3()] {
        let app = App::of(&guest, more);
        test(&WATTLE.up(&app).start());
    }
}

#[test]
fn bodies_with_a_length() {
    each("", |server| {
        let mut connection = server.connect();
        for length in [0, 1, 4095, 4096, 4097, 100_000, 3 * MIB] {
            let body: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let mut writer = connection.writer();
            let answer = thread::scope(|scope| {
                scope.spawn(|| {
                    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
                    writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&body)).unwrap();
                });
                connection.answer("POST")
            });
            assert!(answer.status() == 200 && answer.body == body, "{length}: {}", answer.status());
        }
    });
}

#[test]
fn chunked_bodies_with_trailers() {
    each("", |server| {
        let answer = server.connect().raw(
            "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, x-more\r\n\r\n\
             5\r\nhello\r\n7;extension=1\r\n, world\r\n0\r\nX-Sum: 12\r\nX-More: yes\r\n\r\n",
        );
        assert_eq!(answer.summary(), "200 hello, world");
        let expected = [("x-sum", "12"), ("x-more", "yes")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(answer.trailers, expected);
    });
}

#[test]
fn trailers_alone() {
    each("", |server| {
        let answer = server.connect().raw(
            "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
             0\r\nX-Sum: 0\r\n\r\n",
        );
        assert_eq!((answer.status(), answer.text().as_str()), (200, ""));
        assert_eq!(answer.trailers, [("x-sum".to_owned(), "0".to_owned())]);
    });
}

/// What is sent comes back before more is sent.
#[test]
fn both_ways_at_once() {
    each("", |server| {
        let mut connection = server.connect();
        connection.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        let head = connection.head().unwrap();
        assert_eq!(head.status, 200);
        let mut writer = connection.writer();
        let mut rest = ["3\r\ntwo\r\n", "5\r\nthree\r\n", "0\r\n\r\n"].into_iter();
        let mut told = Vec::new();
        // The next piece goes out only when the last one is back.
        let (end, _) = connection.body(&head, "POST", |piece| {
            told.extend_from_slice(piece);
            if matches!(told.as_slice(), b"one" | b"onetwo" | b"onetwothree") {
                writer.write_all(rest.next().unwrap().as_bytes()).unwrap();
            }
        });
        assert_eq!((end, told.as_slice()), (End::Complete, &b"onetwothree"[..]));
    });
}

/// A client that waits to be asked for its body is asked, and only if somebody wants it.
#[test]
fn expect_continue() {
    let head = "PUT /kv/default/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    let app = App::of(&guests::state(), "");
    let server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    connection.send(head);
    assert_eq!(connection.head().unwrap().status, 100);
    connection.send("body");
    assert_eq!(connection.answer("PUT").status(), 204);
    assert_eq!(connection.call("GET", "/kv/default/a", b"").text(), "body");
    let app = App::of(&guests::hello(), "");
    let server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    connection.send(head);
    assert_eq!(connection.head().unwrap().status, 200, "the body was asked for, and nobody reads it");
}

/// One that is asked and never sends it holds nothing for longer than the deadline.
#[test]
fn expect_continue_and_nothing_follows() {
    let app = App::of(&guests::state(), "limits = { deadline = \"300ms\" }\n[limits]\nconcurrent-requests = 1");
    let server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    connection.send("PUT /kv/default/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(connection.head().unwrap().status, 100);
    assert_eq!(connection.answer("PUT").summary(), "504 deadline");
    assert_eq!(server.get("/env").status(), 200, "its place is not given back");
}

fn stream_64_mib(guest: PathBuf) {
    const LENGTH: usize = 64 * MIB;
    let app = App::of(&guest, "limits = { request-body = \"128MiB\" }");
    let server = WATTLE.up(&app).start();
    assert_eq!(server.call("POST", "/", vec![b'x'; MIB]).body.len(), MIB);
    let (process, before) = (server.process(), server.process().resident_bytes());
    let mut connection = server.connect();
    let mut writer = connection.writer();
    let (mut echoed, mut most) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(move || {
            write!(writer, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n").unwrap();
            (0..LENGTH / PIECE.len()).for_each(|_| writer.write_all(&PIECE).unwrap());
        });
        let head = connection.head().unwrap();
        let (end, _) = connection.body(&head, "POST", |piece| {
            if echoed / MIB != (echoed + piece.len()) / MIB {
                most = process.resident_bytes().max(most);
            }
            echoed += piece.len();
        });
        assert_eq!((end, echoed), (End::Complete, LENGTH));
    });
    let grown = most.saturating_sub(before) / MIB as u64;
    assert!(grown < 16, "64 MiB took {grown} MiB of memory");
}

#[test]
fn a_long_body_takes_little_memory() {
    stream_64_mib(guests::echo());
}

#[test]
fn a_long_body_takes_little_memory_p3() {
    stream_64_mib(guests::echo_p3());
}

/// Whoever does not read its echo cannot send for ever: the host holds little, the rest is in the system's buffers.
#[test]
fn back_pressure() {
    each("limits = { request-body = \"1GiB\" }", |server| {
        assert_eq!(server.call("POST", "/", vec![b'x'; MIB]).body.len(), MIB);
        let before = server.process().resident_bytes();
        let connection = server.connect();
        let mut writer = connection.writer();
        writer.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        write!(writer, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 512 * MIB).unwrap();
        let taken = (0..512 * MIB / PIECE.len()).take_while(|_| writer.write_all(&PIECE).is_ok()).count() * PIECE.len();
        assert!(taken < 64 * MIB, "{} MiB were taken", taken / MIB);
        let grown = server.process().resident_bytes().saturating_sub(before) / MIB as u64;
        assert!(grown < 16, "{grown} MiB of memory hold what nobody reads");
    });
}

#[test]
fn a_body_over_its_limit() {
    each("limits = { request-body = \"1KiB\" }", |server| {
        assert_eq!(server.call("POST", "/", [b'x'; 1024]).body.len(), 1024);
        let mut connection = server.connect();
        let announced = connection.call("POST", "/", &[b'x'; 1025]);
        assert_eq!(announced.summary(), "413 body-too-large");
        assert!(connection.is_closed());
        let mut connection = server.connect();
        connection.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        let _ = connection.try_send(format!("800\r\n{}\r\n0\r\n\r\n", "x".repeat(0x800)));
        let streamed = connection.try_answer("POST");
        assert!(!streamed.is_ok_and(|answer| answer.status() == 200 && answer.is_complete()));
        assert!(connection.is_closed());
    });
}

/// An upload that its client breaks off is no complete answer, and no complete request either.
#[test]
fn an_upload_that_is_broken_off() {
    each("", |server| {
        let mut connection = server.connect();
        connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n0123456789");
        connection.finish();
        let answer = connection.try_answer("POST");
        assert!(!answer.as_ref().is_ok_and(|answer| answer.status() == 200 && answer.is_complete()), "{answer:?}");
    });
}
