//! Clients of HTTP/2 that try to make much work with little: each is let go within its budget, the others are served.

use std::time::Duration;

use wattle_testkit::h2_frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Ended, HEADERS, PING, PRIORITY, RST_STREAM,
    RawHttp2, SETTINGS, WINDOW_UPDATE, field, frame, request,
};
use wattle_testkit::{Server, until};

use crate::{WATTLE, beside_hello};

const CALM: Ended = Ended::GoAway(ENHANCE_YOUR_CALM);

/// More than any budget allows.
const MANY: usize = 50_000;

/// Runs an attack, and sees that the server rests afterwards and still serves.
fn withstands(attack: impl FnOnce(&Server, RawHttp2)) {
    let app = beside_hello("misbehave", "");
    let server = WATTLE.up(&app).start();
    assert_eq!(server.get("/neighbour").status(), 200);
    let before = server.process().resident_bytes();
    attack(&server, RawHttp2::open(server.address()));
    assert_eq!(server.get("/neighbour").status(), 200);
    let grown = server.process().resident_bytes().saturating_sub(before) >> 20;
    assert!(grown < 64, "{grown} MiB are left of the attack");
    until("the server rests", || {
        (server.process().computes_in(Duration::from_millis(100)) < Duration::from_millis(30)).then_some(())
    });
}

/// The number of the stream of the request with this index.
fn stream(at: usize) -> u32 {
    u32::try_from(2 * at + 1).unwrap()
}

fn get(at: usize, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream(at), &request("GET", path))
}

/// A request and its reset, again and again (CVE-2023-44487): the guests that were started are ended.
#[test]
fn rapid_reset() {
    withstands(|_, mut client| {
        let ended = client
            .flood(MANY, |at| [get(at, "/loop"), frame(RST_STREAM, 0, stream(at), &8_u32.to_be_bytes())].concat());
        assert_eq!(ended, CALM);
    });
}

/// The same, slowly enough that every request is seen before its reset comes.
#[test]
fn resets_of_requests_that_were_seen() {
    withstands(|_, mut client| {
        let ended = client.flood(MANY, |at| {
            std::thread::sleep(Duration::from_micros(100));
            match at % 2 {
                0 => get(at / 2, "/loop"),
                _ => frame(RST_STREAM, 0, stream(at / 2), &8_u32.to_be_bytes()),
            }
        });
        assert_eq!(ended, CALM);
    });
}

/// Requests that the client makes the server reset (CVE-2025-8671): with a window that is too large. What could be
/// mended by a reset and is no use to anybody honest ends the connection at once.
#[test]
fn made_you_reset() {
    withstands(|_, mut client| {
        let too_large = 0x7fff_ffff_u32.to_be_bytes();
        let ended =
            client.flood(MANY, |at| [get(at, "/loop"), frame(WINDOW_UPDATE, 0, stream(at), &too_large)].concat());
        assert_eq!(ended, CALM);
    });
    let pointless = |at| frame(WINDOW_UPDATE, 0, stream(at), &0_u32.to_be_bytes());
    let short = |at| frame(PRIORITY, 0, stream(at), &[0, 0, 0, 0]);
    let after_the_end = |at| frame(DATA, 0, stream(at), b"x");
    for mistake in [&pointless as &dyn Fn(usize) -> Vec<u8>, &short, &after_the_end] {
        withstands(|_, mut client| {
            let ended = client.flood(MANY, |at| [get(at, "/loop"), mistake(at)].concat());
            assert!(matches!(ended, Ended::GoAway(_)), "{ended:?}");
        });
    }
}

/// A head without an end (CVE-2024-27316).
#[test]
fn continuations_without_end() {
    withstands(|_, mut client| {
        client.send(&frame(HEADERS, 0, 1, &request("GET", "/"))).unwrap();
        let more = frame(CONTINUATION, 0, 1, &field("x-more", &"x".repeat(1000)));
        assert_eq!(client.flood(MANY, |_| more.clone()), CALM);
    });
    withstands(|_, mut client| {
        client.send(&frame(HEADERS, 0, 1, &request("GET", "/"))).unwrap();
        assert_eq!(client.flood(MANY, |_| frame(CONTINUATION, 0, 1, &[])), CALM);
    });
}

/// A large field that is kept once and named thousands of times (CVE-2016-6581).
#[test]
fn a_bomb_of_header_fields() {
    withstands(|_, mut client| {
        let mut bomb = request("GET", "/");
        let mut kept = field("x-bomb", &"x".repeat(3_900));
        kept[0] = 0x40;
        bomb.extend(kept);
        // The newest kept field is number 62.
        bomb.extend(vec![0x80 | 62; 12_000]);
        let ended = client.flood(50, |at| frame(HEADERS, END_HEADERS | END_STREAM, stream(at), &bomb));
        assert!(matches!(ended, Ended::GoAway(_)), "{ended:?}");
    });
}

/// Bodies in frames of one byte or none (RUSTSEC-2026-0258).
#[test]
fn tiny_pieces_of_a_body() {
    for piece in [&b"x"[..], b""] {
        withstands(|_, mut client| {
            client.send(&frame(HEADERS, END_HEADERS, 1, &request("POST", "/hang"))).unwrap();
            let piece = frame(DATA, 0, 1, piece);
            assert_eq!(client.flood(MANY, |_| piece.repeat(10)), CALM);
        });
    }
}

#[test]
fn pings_and_settings() {
    let window = frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes());
    let priority = frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]);
    for control in [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[]), window, priority, frame(0xfa, 0, 0, &[])] {
        withstands(|_, mut client| assert_eq!(client.flood(MANY, |_| control.clone()), CALM));
    }
}

/// More requests than one connection may have under way are refused, the others answered.
#[test]
fn too_many_streams() {
    withstands(|_, mut client| {
        for at in 0..150 {
            client.send(&get(at, "/sleep?ms=500")).unwrap();
        }
        let (mut answered, mut refused) = (0, 0);
        while answered + refused < 150 {
            match client.read().unwrap() {
                frame if frame.kind == HEADERS => answered += 1,
                frame if frame.kind == RST_STREAM => {
                    assert_eq!(frame.payload, 7_u32.to_be_bytes(), "REFUSED_STREAM");
                    refused += 1;
                }
                _ => {}
            }
        }
        assert!(answered >= 100 && refused > 0, "{answered} answered, {refused} refused");
    });
}
