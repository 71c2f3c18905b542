//! `wasi:keyvalue` through a guest, the same on disk and in memory.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};
use wattle_testkit::{App, Connection, Server, guests};

use super::{batch, pages};
use crate::WATTLE;

fn each(test: impl Fn(&Server)) {
    super::each(&guests::state(), "wasi:keyvalue", test);
}

#[test]
fn one_key() {
    each(super::one_key);
}

/// Any text is a key, byte for byte.
#[test]
fn odd_keys() {
    let keys = [
        "a\0b",
        "\0",
        " ",
        "\n",
        ".",
        "..",
        ".hidden",
        "a/b",
        "/",
        "*",
        ">",
        "a.b.c",
        "$KV",
        "%41",
        "\u{e9}",
        "e\u{301}",
        "\u{1f980}",
        "\u{202e}x",
    ];
    each(|server| {
        let pairs: Vec<[String; 2]> =
            keys.iter().enumerate().map(|(at, key)| [(*key).to_owned(), format!("value {at}")]).collect();
        assert_eq!(batch(server, "set", &json!(pairs)), "204 ");
        let got = server.call("POST", "/batch/default/get", json!(keys).to_string()).json();
        assert_eq!(got, json!(pairs));
        let listed = server.get("/list/default").json();
        let listed: BTreeSet<&str> = listed["keys"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(listed, BTreeSet::from(keys));
    });
}

#[test]
fn sizes() {
    each(|server| {
        let key = "k".repeat(1024);
        assert_eq!(batch(server, "set", &json!([[key, "v"]])), "204 ");
        assert_eq!(batch(server, "get", &json!([key])), format!("200 [[\"{key}\",\"v\"]]"));
        let too_long = batch(server, "set", &json!([["k".repeat(1025), "v"]]));
        assert_eq!(too_long, "500 {\"error\":\"other: a key has at most 1024 bytes, this one has 1025\"}");
        assert_eq!(batch(server, "set", &json!([["", "v"]])), "500 {\"error\":\"other: a key must not be empty\"}");
        let large = vec![b'x'; 8 << 20];
        assert_eq!(server.call("PUT", "/kv/default/large", &large).summary(), "204 ");
        assert!(server.get("/kv/default/large").body == large);
        let too_large = server.call("PUT", "/kv/default/large", [&large[..], b"x"].concat());
        let refused = "500 {\"error\":\"other: a value has at most 8388608 bytes, this one has 8388609\"}";
        assert_eq!(too_large.summary(), refused);
        assert!(server.get("/kv/default/large").body == large, "a refused write changed the value");
        let bucket = format!("/kv/{}/a", "b".repeat(257));
        assert_eq!(server.get(&bucket).summary(), "404 {\"error\":\"no-such-store\"}");
    });
}

#[test]
fn batches() {
    each(|server| {
        assert_eq!(batch(server, "set", &json!([["a", "1"], ["b", "2"], ["a", "3"]])), "204 ");
        assert_eq!(
            batch(server, "get", &json!(["b", "none", "a", "b"])),
            r#"200 [["b","2"],null,["a","3"],["b","2"]]"#
        );
        assert!(batch(server, "set", &json!([["c", "1"], ["", "2"]])).contains("a key must not be empty"));
        assert_eq!(batch(server, "delete", &json!(["a", "none"])), "204 ");
        assert_eq!(batch(server, "get", &json!(["a", "b"])), r#"200 [null,["b","2"]]"#);
    });
}

/// Sixty-four at a time: every sum is told once, and the last one is right.
#[test]
fn increments_are_exact() {
    const CLIENTS: u64 = 64;
    const EACH: u64 = 5;
    each(|server| {
        let address = server.address();
        let sums: Vec<u64> = thread::scope(|scope| {
            let client = |_| {
                scope.spawn(move || {
                    let mut connection = Connection::open(address);
                    let sum = |_| connection.call("POST", "/incr/default/n?by=2", b"").text().parse().unwrap();
                    (0..EACH).map(sum).collect::<Vec<u64>>()
                })
            };
            let clients: Vec<_> = (0..CLIENTS).map(client).collect();
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        let distinct: BTreeSet<u64> = sums.iter().copied().collect();
        assert_eq!(distinct, (1..=CLIENTS * EACH).map(|count| 2 * count).collect());
    });
}

#[test]
fn increments_of_what_is_no_number() {
    each(|server| {
        let mut connection = server.connect();
        let mut check = |value: &str, by: &str, expected: &str| {
            connection.call("PUT", "/kv/default/n", value.as_bytes());
            assert_eq!(
                connection.call("POST", &format!("/incr/default/n?by={by}"), b"").summary(),
                expected,
                "{value}"
            );
        };
        check("41", "1", "200 42");
        check("0", "0", "200 0");
        check("9223372036854775806", "1", "200 9223372036854775807");
        check("-3", "5", "200 2");
        let told = |reason: &str| format!("500 {{\"error\":\"other: {reason}\"}}");
        check("9223372036854775807", "1", &told("the number would be too large"));
        check("0", "18446744073709551615", &told("the number would be too large"));
        check("18446744073709551615", "1", &told("the number would be too large"));
        let negative = told("the number would be below zero, and this interface has no such numbers");
        check("-3", "2", &negative);
        check("many", "1", &told("the value at this key is not a number"));
        check("", "1", &told("the value at this key is not a number"));
        assert_eq!(connection.call("GET", "/kv/default/n", b"").text(), "");
    });
}

#[test]
fn lists_come_in_pages() {
    each(|server| {
        pages(server, |cursor| cursor.as_u64().map(|next| next.to_string()));
        assert_eq!(server.get("/list/default?cursor=9999").json(), json!({ "keys": [], "cursor": null }));
        assert_eq!(server.get("/list/empty").json(), json!({ "keys": [], "cursor": null }));
    });
}

#[test]
fn buckets_are_apart() {
    each(|server| {
        for bucket in ["a", "b", "default", "..", "a%20b"] {
            if bucket != ".." {
                assert_eq!(server.call("PUT", &format!("/kv/{bucket}/key"), bucket).summary(), "204 ");
            }
        }
        assert_eq!(server.get("/kv/a/key").text(), "a");
        assert_eq!(server.get("/kv/b/key").text(), "b");
        assert_eq!(server.get("/list/default").json()["keys"], json!(["key"]));
    });
}

/// Disk keeps, memory forgets; two apps of different names in one directory have nothing in common.
#[test]
fn what_survives() {
    let text = |name: &str, backend: &str| {
        format!(
            "name = \"{name}\"\n[components.state]\nsource = \"state.wasm\"\nlinks = {{ \"wasi:keyvalue\" = \"{backend}\" }}\n\
             [[triggers.http]]\npath = \"/...\"\ncomponent = \"state\"\n"
        )
    };
    let app = App::new(&text("one", "disk"));
    let get = |manifest: &str| {
        std::fs::write(app.join("wattle.toml"), manifest).unwrap();
        let server = WATTLE.up(&app).start();
        let found = server.get("/kv/default/a").status();
        assert_eq!(server.call("PUT", "/kv/default/a", "x").status(), 204);
        found
    };
    assert_eq!(get(&text("one", "disk")), 404);
    assert_eq!(get(&text("one", "disk")), 200);
    assert_eq!(get(&text("two", "disk")), 404, "another app sees this one's state");
    assert_eq!(get(&text("one", "memory")), 404);
    assert_eq!(get(&text("one", "memory")), 404);
    assert_eq!(get(&text("one", "disk")), 200);
}
