//! `wasmcloud:keyvalue@0.2.0`, whose functions are asynchronous, through a guest of WASI 0.3, on disk and in memory.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wattle_testkit::{Server, guests, until};

use super::batch;

fn each(test: impl Fn(&Server)) {
    super::each(&guests::state_p3(), "wasmcloud:keyvalue", test);
}

#[test]
fn one_key() {
    each(|server| {
        super::one_key(server);
        let bucket = format!("/kv/{}/a", "b".repeat(257));
        assert_eq!(server.get(&bucket).summary(), "404 {\"error\":\"no-such-store\"}");
        let key = format!("/kv/default/{}", "k".repeat(1025));
        let refused = "500 {\"error\":\"other: a key has at most 1024 bytes, this one has 1025\"}";
        assert_eq!(server.call("PUT", &key, "x").summary(), refused);
    });
}

/// With `if-not-exists` the first wins.
#[test]
fn creating() {
    each(|server| {
        assert_eq!(server.call("PUT", "/kv/default/lock?new=1", "mine").summary(), "204 ");
        let taken = "409 {\"error\":\"precondition-failed\"}";
        assert_eq!(server.call("PUT", "/kv/default/lock?new=1", "theirs").summary(), taken);
        assert_eq!(server.get("/kv/default/lock").text(), "mine");
    });
}

/// With `ttl-ms` an entry is there for that time; then the key is free again, for `if-not-exists` too.
#[test]
fn lifetimes() {
    each(|server| {
        assert_eq!(server.call("PUT", "/kv/default/long?ttl-ms=3600000", "x").summary(), "204 ");
        assert_eq!(server.call("PUT", "/kv/default/short?ttl-ms=1000&new=1", "x").summary(), "204 ");
        until("the entry has ended", || (server.get("/kv/default/short").status() == 404).then_some(()));
        assert_eq!(server.get("/list/default").json()["keys"], json!(["long"]));
        assert_eq!(server.call("PUT", "/kv/default/short?new=1", "stays").summary(), "204 ");
        assert_eq!(server.get("/kv/default/long").text(), "x");
        let senseless = "500 {\"error\":\"Error::InvalidArgument\"}";
        assert_eq!(server.call("PUT", "/kv/default/none?ttl-ms=0", "x").summary(), senseless);
        assert_eq!(server.call("PUT", "/kv/default/ever?ttl-ms=18446744073709551615", "x").summary(), "204 ");
        assert_eq!(server.get("/kv/default/ever").text(), "x");
    });
}

#[test]
fn numbers_have_a_sign() {
    each(|server| {
        let by = |by: &str| server.call("POST", &format!("/incr/default/n?by={by}"), "").summary();
        assert_eq!(by("5"), "200 5");
        assert_eq!(by("-8"), "200 -3");
        assert_eq!(by("-9223372036854775808"), "500 {\"error\":\"other: the number would be too small\"}");
        assert_eq!(server.get("/kv/default/n").summary(), "200 -3");
    });
}

/// One request makes fifty calls before it waits for the first of them.
#[test]
fn calls_at_the_same_time() {
    each(|server| {
        let sums = server.call("POST", "/incr-many/default/n?times=50", "").json();
        let distinct: BTreeSet<i64> = sums.as_array().unwrap().iter().filter_map(Value::as_i64).collect();
        assert_eq!(distinct, (1..=50).collect());
        assert_eq!(server.get("/kv/default/n").text(), "50");
    });
}

#[test]
fn lists_by_prefix() {
    each(|server| {
        let keys: Vec<String> = ["a", "user", "user/", "users"].map(str::to_owned).into();
        let many = (0..1500).map(|number| format!("user/{number:05}"));
        let pairs: Vec<[String; 2]> = keys.into_iter().chain(many).map(|key| [key, "v".into()]).collect();
        assert_eq!(batch(server, "set", &json!(pairs)), "204 ");
        let (mut keys, mut pages, mut cursor) = (Vec::new(), Vec::new(), String::new());
        loop {
            let page = server.get(&format!("/list/default?prefix=user/{cursor}")).json();
            let names = page["keys"].as_array().unwrap();
            pages.push(names.len());
            keys.extend(names.iter().map(|name| name.as_str().unwrap().to_owned()));
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(pages, [1000, 501]);
        let expected = (0..1500).map(|number| format!("user/{number:05}"));
        assert_eq!(keys, ["user/".to_owned()].into_iter().chain(expected).collect::<Vec<_>>());
        assert_eq!(server.get("/list/default?prefix=users").json(), json!({ "keys": ["users"], "cursor": null }));
        assert_eq!(server.get("/list/default?prefix=v").json(), json!({ "keys": [], "cursor": null }));
        let before = server.get("/list/default?prefix=users&cursor=a").json();
        assert_eq!(before, json!({ "keys": ["users"], "cursor": null }), "a cursor from elsewhere");
    });
}

#[test]
fn batches() {
    each(super::batches);
}

/// A swap names the version or the value that it expects, and hears what is there if that is not.
#[test]
fn swaps() {
    each(|server| {
        let swap = |query: &str, body: &str| server.call("POST", &format!("/swap/default/s?{query}"), body).summary();
        let version = || server.get("/entry/default/s").json()[1].as_str().map(str::to_owned);
        assert_eq!(server.get("/entry/default/s").json(), json!(null));
        assert_eq!(swap("value=one", "two"), "200 null", "nothing is there");
        assert_eq!(swap("version=1", "two"), "200 null");
        server.call("PUT", "/kv/default/s", "one");
        let first = version().expect("it was written");
        assert_eq!(swap(&format!("version={first}"), "two"), "200 swapped");
        let second = version().expect("it was written");
        let stale = format!("200 [\"two\",\"{second}\"]");
        assert_eq!(swap(&format!("version={first}"), "three"), stale);
        assert_eq!(swap("version=odd", "three"), stale, "no version of ours");
        assert_eq!(swap("value=one", "three"), stale);
        assert_eq!(swap(&format!("version={second}&value=one"), "three"), stale, "both must hold");
        assert_eq!(swap(&format!("version={first}&value=two"), "three"), stale, "both must hold");
        server.call("PUT", "/kv/default/s", "two");
        assert!(swap(&format!("version={second}"), "three").starts_with("200 [\"two\""), "written anew");
        assert_eq!(swap("value=two", "three"), "200 swapped", "a value has no history");
        assert_eq!(swap("", "four"), "500 {\"error\":\"Error::InvalidArgument\"}");
        assert_eq!(server.get("/kv/default/s").text(), "three");
    });
}
