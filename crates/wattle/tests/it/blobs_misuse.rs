//! Guests that use a blobstore in a wrong or an unusual way: `wasi:blobstore`, whose values have a life of their own.

use wattle_testkit::Server;

use crate::WATTLE;
use crate::blobs::{app, faces};

const MIB: usize = 1 << 20;

/// Runs a test on both backends, with a container `box`.
fn each(test: impl Fn(&Server)) {
    for backend in ["disk", "memory"] {
        let app = app(&faces()[0], backend, "");
        let server = WATTLE.up(&app).start();
        server.call("PUT", "/container/box", "");
        test(&server);
    }
}

/// Does it; what the guest got for it, and what the object is afterwards that was there before.
fn misuse(what: &str, expected: &str, kept: &str) {
    each(|server| {
        let answer = server.call("POST", &format!("/misuse/{what}/box"), "");
        assert_eq!(answer.summary(), expected, "{what}");
        assert_eq!(server.get("/object/box/kept").summary(), kept, "{what}");
    });
}

#[test]
fn values_that_are_not_finished() {
    misuse("give-up", "204 ", "200 kept");
    misuse("trap", "500 guest-trap", "200 kept");
}

#[test]
fn handles_that_are_misused() {
    misuse("two-streams", "204 ", "200 kept");
    misuse("two-places", "422 this value is being written already", "200 kept");
    misuse("no-place", "422 write-data has not said where this value goes", "200 kept");
    misuse("write-after-finish", "422 closed", "200 ");
}

#[test]
fn what_disappears_meanwhile() {
    misuse("removed-while-read", "204 ", "422 no such object");
    misuse("removed-while-written", "422 no such container", "422 no such container");
}

/// What is written before it is said where it goes waits in memory, up to a limit.
#[test]
fn contents_before_their_place() {
    let told = "422 call write-data first: at most 8388608 bytes wait until it says where they go";
    misuse("ahead", told, "200 kept");
    each(|server| {
        for length in [0, 1, 65_536, 65_537, 8 * MIB] {
            let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let answer = server.call("PUT", "/object/box/a?order=body-first", &content);
            assert_eq!(answer.summary(), "204 ", "{length}");
            assert!(server.get("/object/box/a").body == content, "{length}");
        }
        assert_eq!(server.call("PUT", "/object/box/a", "before").summary(), "204 ");
        let large = vec![b'x'; 8 * MIB + 1];
        assert_eq!(server.call("PUT", "/object/box/a?order=body-first", large).summary(), told);
        assert_eq!(server.get("/object/box/a").text(), "before");
    });
}

/// Reading at once has a limit; what is larger can be read as a stream, or in parts.
#[test]
fn reading_at_once() {
    each(|server| {
        let content = vec![b'x'; 8 * MIB + 1];
        assert_eq!(server.call("PUT", "/object/box/a", &content).summary(), "204 ");
        let told = "422 at most 8388608 bytes are read at once, these are 8388609: read them as a stream";
        assert_eq!(server.get("/whole/box/a").summary(), told);
        assert!(server.get("/whole/box/a?start=1").body == content[1..]);
        assert!(server.get("/object/box/a").body == content);
    });
}
