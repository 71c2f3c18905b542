//! `wasi:keyvalue@0.2.0-draft2` through a guest, on disk and in memory: what it says otherwise than the first draft.

use serde_json::json;
use wattle_testkit::{App, Server, guests};

use super::pages;
use crate::WATTLE;

fn each(test: impl Fn(&Server)) {
    super::each(&guests::state_draft2(), "wasi:keyvalue", test);
}

#[test]
fn one_key() {
    each(|server| {
        super::one_key(server);
        let bucket = format!("/kv/{}/a", "b".repeat(257));
        assert_eq!(server.get(&bucket).summary(), "404 {\"error\":\"no-such-store\"}");
    });
}

#[test]
fn numbers_have_a_sign() {
    each(|server| {
        let by = |by: &str| server.call("POST", &format!("/incr/default/n?by={by}"), "").summary();
        assert_eq!(by("5"), "200 5");
        assert_eq!(by("-8"), "200 -3");
        assert_eq!(server.get("/kv/default/n").summary(), "200 -3");
        assert_eq!(by("-9223372036854775808"), "500 {\"error\":\"other: the number would be too small\"}");
        assert_eq!(by("9223372036854775807"), "200 9223372036854775804");
        assert_eq!(by("9"), "500 {\"error\":\"other: the number would be too large\"}");
        assert_eq!(server.get("/kv/default/n").summary(), "200 9223372036854775804", "a refused one changes nothing");
    });
}

/// A cursor is a text; whoever has it goes on after the key that it stands for, in another request too.
#[test]
fn lists_come_in_pages() {
    each(|server| {
        pages(server, |cursor| cursor.as_str().map(str::to_owned));
        let odd = server.get(&format!("/list/default?cursor={}", "x".repeat(1025))).summary();
        assert_eq!(odd, "500 {\"error\":\"other: the cursor or the prefix is none that a key could have\"}");
    });
}

#[test]
fn batches() {
    each(super::batches);
}

/// A swap is done if nothing came between; else the guest gets a handle to try again with, as often as it takes.
#[test]
fn swaps() {
    each(|server| {
        let swap = |query: &str, body: &str| server.call("POST", &format!("/swap/default/s{query}"), body).json();
        assert_eq!(swap("", "one"), json!({ "seen": [null] }), "nothing was there");
        assert_eq!(swap("", "two"), json!({ "seen": ["one"] }));
        assert_eq!(swap("?race=between", "three"), json!({ "seen": ["two", "between"] }));
        assert_eq!(swap("?race=three", "four"), json!({ "seen": ["three", "three"] }), "the same bytes came between");
        assert_eq!(server.get("/kv/default/s").text(), "four");
    });
}

/// What one draft writes the other reads: a component can be built anew for the second and keep what it has.
#[test]
fn the_drafts_share_what_is_kept() {
    let manifest = |guest: &str| {
        format!(
            "name = \"shop\"\n[components.main]\nsource = \"{guest}.wasm\"\n\
             [[triggers.http]]\npath = \"/...\"\ncomponent = \"main\"\n"
        )
    };
    let app = App::new(&manifest("state")).guest(&guests::state_draft2());
    let server = WATTLE.up(&app).start();
    assert_eq!(server.call("POST", "/incr/default/n?by=41", "").summary(), "200 41");
    server.stop();
    std::fs::write(app.join("wattle.toml"), manifest("state-draft2")).unwrap();
    let server = WATTLE.up(&app).start();
    assert_eq!(server.call("POST", "/incr/default/n", "").summary(), "200 42");
}
