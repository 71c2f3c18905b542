//! Requests that two readers could understand differently: refused, and nothing behind them is read as another one.

use wattle_testkit::{App, Server, guests};

use crate::WATTLE;

/// Marks what a request smuggles in: it must never be answered.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

fn start() -> (App, Server) {
    let app = App::of(&guests::echo(), "");
    let server = WATTLE.up(&app).start();
    (app, server)
}

/// What is wrong with how `request`, with something behind it, is dealt with: it is to be answered 400, and then the
/// connection is to end.
fn wrong(server: &Server, request: &str) -> Option<String> {
    let mut connection = server.connect();
    let _ = connection.try_send(format!("{request}{SMUGGLED}"));
    match connection.try_answer("GET") {
        Ok(answer) if answer.status() == 400 => {}
        Ok(answer) => return Some(format!("{request:?} was answered {}", answer.summary())),
        Err(why) => return Some(format!("{request:?} got no answer: {why}")),
    }
    let more = connection.try_answer("GET").ok()?;
    Some(format!("behind {request:?} there was another answer: {}", more.summary()))
}

fn check(requests: &[&str]) {
    let (_app, server) = start();
    let wrong: Vec<String> = requests.iter().filter_map(|request| wrong(&server, request)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(server.get("/").status(), 200);
}

/// The same, for what comes after `POST / HTTP/1.1` and a host.
fn check_post(rests: &[&str]) {
    let requests: Vec<String> = rests.iter().map(|rest| format!("{POST}{rest}")).collect();
    check(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\n";

#[test]
fn a_length_and_a_transfer_coding() {
    check_post(&[
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "content-length:4\r\ntRANSFER-eNCODING:\tchunked\r\n\r\n0\r\n\r\n",
    ]);
}

/// The raw head is looked at also when it comes in pieces.
#[test]
fn a_length_and_a_transfer_coding_bit_by_bit() {
    let (_app, server) = start();
    let mut connection = server.connect();
    for byte in format!("{POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").bytes() {
        connection.send([byte]);
    }
    assert_eq!(connection.answer("POST").status(), 400);
    assert!(connection.is_closed());
}

/// On a connection that has served before, and right behind another request.
#[test]
fn a_length_and_a_transfer_coding_later() {
    let (_app, server) = start();
    let both = format!("{POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}");
    let mut connection = server.connect();
    assert_eq!(connection.call("GET", "/", b"").status(), 200);
    assert_eq!(connection.raw(&both).status(), 400);
    assert!(connection.is_closed());
    let mut connection = server.connect();
    connection.send(format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{both}"));
    assert_eq!(connection.answer("GET").status(), 200);
    assert_eq!(connection.answer("GET").status(), 400);
    assert!(connection.try_answer("GET").is_err());
}

#[test]
fn transfer_codings() {
    check_post(&[
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    ]);
    check(&["POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]);
}

#[test]
fn two_transfer_codings() {
    check_post(&[
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    ]);
}

#[test]
fn lengths() {
    check_post(&[
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
        "Content-Length: 4, 5\r\n\r\nbody",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: +4\r\n\r\nbody",
        "Content-Length: 0x4\r\n\r\nbody",
        "Content-Length: 4 4\r\n\r\nbody",
        "Content-Length: 99999999999999999999\r\n\r\n",
        "Content-Length:\r\n\r\n",
    ]);
}

#[test]
fn header_lines() {
    check(&[
        "GET / HTTP/1.1\r\nHost: a\r\nX-Folded: one\r\n two\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n X-First: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX Name: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    ]);
}

#[test]
fn lines_that_end_in_a_bare_line_feed() {
    check(&["GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n"]);
}

#[test]
fn request_lines() {
    check(&[
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET /\r\nHost: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03\r\n\r\n",
    ]);
}

#[test]
fn chunks() {
    let (_app, server) = start();
    let check = |chunks: &str| {
        let mut connection = server.connect();
        let _ = connection.try_send(format!("{POST}Transfer-Encoding: chunked\r\n\r\n{chunks}"));
        let answer = connection.try_answer("POST");
        let looks_good = answer.as_ref().is_ok_and(|answer| answer.status() == 200 && answer.is_complete());
        assert!(!looks_good, "{:?}: {answer:?}", &chunks[..chunks.len().min(40)]);
        assert!(connection.is_closed());
    };
    check(&format!("x\r\nbody\r\n0\r\n\r\n{SMUGGLED}"));
    check(&format!("4\r\nbodyx\r\n0\r\n\r\n{SMUGGLED}"));
    check(&format!("-4\r\nbody\r\n0\r\n\r\n{SMUGGLED}"));
    check(&format!("fffffffffffffffff\r\nbody\r\n0\r\n\r\n{SMUGGLED}"));
    check(&format!("4;{}\r\nbody\r\n0\r\n\r\n", "x".repeat(1 << 20)));
    check(&format!("4\r\nbody\r\n0\r\n{}\r\n", "X-Trailer: 1\r\n".repeat(100_000)));
    assert_eq!(server.get("/").status(), 200);
}

#[test]
fn hosts() {
    check(&[
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user:word@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
        "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n",
    ]);
}

/// The path is refused, the connection is not: nothing about the framing is in doubt.
#[test]
fn paths() {
    let (_app, server) = start();
    let mut connection = server.connect();
    let paths = [
        "/..",
        "/a/../b",
        "/./a",
        "/%2e%2e/etc",
        "/a/%2E%2e",
        "/.%2e/a",
        "/a%2f..%2fb",
        "/a%5cb",
        "/a\\b",
        "/%00",
        "/a%0d%0ab",
        "/%",
        "/%4",
        "/%zz",
    ];
    for path in paths {
        let answer = connection.raw(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!((answer.status(), answer.code().as_deref()), (400, Some("bad-request")), "{path}");
    }
    // What an app's query says is its own affair.
    assert_eq!(server.get("/a?x=../%00").status(), 200);
}

#[test]
fn a_nul_in_the_path() {
    check(&["GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"]);
}

#[test]
fn long_targets() {
    let (_app, server) = start();
    let check = |length: usize, expected: u16| {
        let answer = server.connect().raw(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(length)));
        assert_eq!(answer.status(), expected, "{length} bytes");
    };
    check(8_000, 200);
    check(9_000, 414);
    check(60_000, 414);
    check(65_000, 414);
}
