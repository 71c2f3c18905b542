//! HTTP/2: what a guest sees of it, bodies both ways, and clients that leave.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use http::{HeaderMap, Request};
use serde_json::{Value, json};
use wattle_testkit::h2_frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Ended, GOAWAY, HEADERS, PING, RST_STREAM, RawHttp2, WINDOW_UPDATE,
    field, frame, request,
};
use wattle_testkit::{App, End, Http2, Server, at_best, guests, until};

use crate::{WATTLE, beside_hello};

/// Runs a test on a server for each version of WASI.
fn each(guests: [PathBuf; 2], test: impl Fn(&Server)) {
    for guest in guests {
        let app = App::of(&guest, "");
        test(&WATTLE.up(&app).start());
    }
}

fn echoes() -> [PathBuf; 2] {
    [guests::echo(), guests::echo_p3()]
}

#[test]
fn what_a_guest_sees() {
    each(echoes(), |server| {
        let request = Request::builder().header("cookie", "a=1").header("cookie", "b=2").header("x-mine", "yes");
        let seen: Value = Http2::open(server.address()).call_with(request, "/path?query", b"").json();
        assert_eq!(seen["scheme"], "http");
        assert_eq!(seen["authority"], server.address().to_string());
        assert_eq!(seen["path_with_query"], "/path?query");
        assert_eq!(seen["headers"], json!([["cookie", "a=1; b=2"], ["x-mine", "yes"]]));
    });
}

#[test]
fn bodies_and_trailers() {
    each(echoes(), |server| {
        let mut client = Http2::open(server.address());
        let body: Vec<u8> = (0..3_000_000).map(|at| (at % 251) as u8).collect();
        let answer = client.call("POST", "/", &body);
        assert!(answer.status() == 200 && answer.body == body && answer.is_complete(), "{:?}", answer.head);
        let mut begun = client.begin(Request::builder().method("POST").header("trailer", "x-sum"), "/");
        begun.body.send_data("hello".into(), false).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "5".parse().unwrap());
        trailers.insert("content-length", "7".parse().unwrap());
        begun.body.send_trailers(trailers).unwrap();
        let answer = client.finish(begun);
        assert_eq!((answer.text(), answer.trailers), ("hello".into(), vec![("x-sum".into(), "5".into())]));
    });
}

/// Side by side on one connection; what the host answers itself has the same form as ever.
#[test]
fn several_at_once() {
    let app = beside_hello("misbehave", "");
    let server = WATTLE.up(&app).start();
    let mut client = Http2::open(server.address());
    let slow = client.begin(Request::builder(), "/sleep?ms=300");
    let failing = client.begin(Request::builder(), "/panic");
    assert_eq!(client.call("GET", "/neighbour", b"").status(), 200);
    assert_eq!(client.call("GET", "/%zz", b"").summary(), "400 bad-request");
    drop(slow.body);
    let failed = client.finish(failing);
    assert_eq!(failed.summary(), "500 guest-trap");
    assert!(failed.header("x-request-id").is_some() && failed.header("connection").is_none(), "{:?}", failed.head);
    assert_eq!(client.call("GET", "/neighbour", b"").status(), 200);
}

/// A cut answer ends in a reset, never in the end of its stream.
#[test]
fn cut_answers() {
    let app = App::of(&guests::misbehave(), "");
    let server = WATTLE.up(&app).start();
    let answer = Http2::open(server.address()).call("GET", "/panic-after", b"");
    assert_eq!((answer.status(), answer.end), (200, End::Cut));
}

/// A guest whose stream is reset is stopped within 20 ms, and its neighbours on the connection go on.
#[test]
fn a_reset_stops_its_guest() {
    for (guest, more) in
        [(guests::misbehave(), ""), (guests::misbehave_p3(), "instances = { reuse = 1, concurrency = 1 }")]
    {
        let app = App::of(&guest, more);
        let server = WATTLE.up(&app).start();
        let process = server.process();
        let most = Duration::from_millis(60);
        let computed = at_best(most, || {
            let mut client = RawHttp2::open(server.address());
            let idle = process.computed();
            client.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/loop"))).unwrap();
            until("the guest computes", || (process.computed() > idle + Duration::from_millis(50)).then_some(()));
            client.send(&frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes())).unwrap();
            let computed = process.computes_in(Duration::from_millis(300));
            client.send(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &request("GET", "/"))).unwrap();
            client.wait_for(DATA, 3);
            computed
        });
        assert!(computed < most, "it computed for {computed:?} after the reset");
    }
}

/// Neither a tunnel nor a socket: 501, and over HTTP/2 what was never offered ends its stream.
#[test]
fn no_tunnels() {
    each(echoes(), |server| {
        let websocket = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c, WebSocket\r\n\r\n";
        assert_eq!(server.connect().raw(websocket).summary(), "501 not-supported");
        assert_eq!(server.connect().raw("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n").summary(), "501 not-supported");
        let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        assert_eq!(server.connect().raw(upgrade).status(), 200);

        let mut client = RawHttp2::open(server.address());
        let connect = [field(":method", "CONNECT"), field(":authority", "a:80")].concat();
        client.send(&frame(HEADERS, END_HEADERS, 1, &connect)).unwrap();
        client.wait_for(DATA, 1);
        let mut extended = request("CONNECT", "/");
        extended.extend(field(":protocol", "websocket"));
        client.send(&frame(HEADERS, END_HEADERS, 3, &extended)).unwrap();
        client.wait_for(RST_STREAM, 3);
    });
}

#[test]
fn heads_that_are_too_large() {
    let app = App::of(&guests::echo(), "").file("host.toml", "[limits]\nheaders = 20\nheader-bytes = \"8KiB\"\n");
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let mut client = Http2::open(server.address());
    let many = |count| (0..count).fold(Request::builder(), |request, at| request.header(format!("x-{at}"), "1"));
    assert_eq!(client.call_with(many(20), "/", b"").status(), 200);
    assert_eq!(client.call_with(many(21), "/", b"").summary(), "431 head-too-large");
    let large = Request::builder().header("x-large", "x".repeat(10_000));
    assert_eq!(client.call_with(large, "/", b"").status(), 431);
    assert_eq!(client.call("GET", "/", b"").status(), 200);
}

/// Short limits for the patience of a host.
const IMPATIENT: &str = "[limits]\nheader-timeout = \"400ms\"\nidle-timeout = \"800ms\"\nbody-timeout = \"400ms\"\n";

fn impatient(guest: &str, test: impl FnOnce(&Server)) {
    let app = beside_hello(guest, "").file("host.toml", IMPATIENT);
    let server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    test(&server);
    assert_eq!(server.get("/neighbour").status(), 200);
}

/// A connection that rests is told so and ends; one that was never used is given less time.
#[test]
fn connections_that_rest() {
    impatient("echo", |server| {
        assert_eq!(RawHttp2::open(server.address()).end(), Ended::GoAway(0));
        let mut client = Http2::open(server.address());
        assert_eq!(client.call("GET", "/", b"").status(), 200);
        assert!(!client.is_closed_within(Duration::from_millis(500)));
        assert!(client.is_closed_within(Duration::from_secs(5)));
    });
}

/// A head that does not end, in silence or drop by drop.
#[test]
fn heads_that_do_not_come() {
    impatient("echo", |server| {
        let mut silent = RawHttp2::open(server.address());
        silent.send(&frame(HEADERS, END_HEADERS, 1, &request("GET", "/"))).unwrap();
        silent.send(&frame(HEADERS, 0, 3, &request("GET", "/"))).unwrap();
        assert_eq!(silent.end(), Ended::Closed);
        let mut dripping = RawHttp2::open(server.address());
        dripping.send(&frame(HEADERS, 0, 1, &request("GET", "/"))).unwrap();
        let drip = |at: usize| {
            thread::sleep(Duration::from_millis(20));
            frame(CONTINUATION, 0, 1, &field("x", &at.to_string()))
        };
        dripping.flood(200, drip);
        assert!(dripping.send(&frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())).is_err(), "it is still open");
    });
}

/// Who does not take an answer is let go, with what was made for it.
#[test]
fn answers_that_are_not_taken() {
    for guest in ["misbehave", "misbehave-p3"] {
        impatient(guest, |server| {
            let mut greedy = RawHttp2::open(server.address());
            greedy.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/write-forever"))).unwrap();
            greedy.end();
        });
    }
}

/// A host that ends tells its clients, and answers what they asked.
#[test]
fn the_end_of_a_host() {
    let app = App::of(&guests::misbehave(), "");
    let server = WATTLE.up(&app).start();
    let mut client = RawHttp2::open(server.address());
    client.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &request("GET", "/sleep?ms=300"))).unwrap();
    // What was sent before a ping has been read when it is answered.
    client.send(&frame(PING, 0, 0, &[0; 8])).unwrap();
    client.wait_for(PING, 0);
    thread::scope(|scope| {
        let stopped = scope.spawn(|| server.stop().code);
        let goaway = client.wait_for(GOAWAY, 0);
        assert_eq!(goaway.payload[4..8], [0; 4]);
        // The server asks whether this was seen before it says what is the last stream.
        client.send(&frame(6, 1, 0, &[0x0b, 0x7b, 0xa2, 0xf0, 0x8b, 0x9b, 0xfe, 0x54])).unwrap();
        assert_eq!(client.wait_for(DATA, 1).payload, b"slept 300 ms\n");
        drop(client);
        assert_eq!(stopped.join().unwrap(), Some(0));
    });
}
