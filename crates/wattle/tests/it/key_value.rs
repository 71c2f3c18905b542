//! Keys and values through guests, one for each interface, on disk and in memory.

mod draft;
mod draft2;
mod wasmcloud;

use std::path::Path;

use serde_json::{Value, json};
use wattle_testkit::{App, Server};

use crate::WATTLE;

/// Runs a test of `guest`, which imports `package`, on both backends.
fn each(guest: &Path, package: &str, test: impl Fn(&Server)) {
    for backend in ["disk", "memory"] {
        let app = App::of(guest, &format!("links = {{ \"{package}\" = \"{backend}\" }}"));
        test(&WATTLE.up(&app).start());
    }
}

fn batch(server: &Server, verb: &str, content: &Value) -> String {
    server.call("POST", &format!("/batch/default/{verb}"), content.to_string()).summary()
}

/// What every interface does with one key.
fn one_key(server: &Server) {
    let mut connection = server.connect();
    let mut check = |method: &str, body: &str, expected: &str| {
        let answer = connection.call(method, "/kv/default/a", body.as_bytes());
        assert_eq!(answer.summary(), expected, "{method}");
    };
    let missing = "404 {\"error\":\"no such key\"}";
    check("GET", "", missing);
    check("HEAD", "", "404 ");
    check("DELETE", "", "204 ");
    check("PUT", "one", "204 ");
    check("GET", "", "200 one");
    check("HEAD", "", "204 ");
    check("PUT", "", "204 ");
    check("GET", "", "200 ");
    check("DELETE", "", "204 ");
    check("GET", "", missing);
}

/// A list of 2,500 keys comes in pages; `next` reads the cursor of one.
fn pages(server: &Server, next: impl Fn(&Value) -> Option<String>) {
    let key = |number: u32| format!("key-{number:05}");
    let pairs: Vec<[String; 2]> = (0..2500).map(|number| [key(number), "v".into()]).collect();
    assert_eq!(batch(server, "set", &json!(pairs)), "204 ");
    let (mut keys, mut pages, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/list/default{cursor}")).json();
        let names = page["keys"].as_array().unwrap();
        pages.push(names.len());
        keys.extend(names.iter().map(|name| name.as_str().unwrap().to_owned()));
        match next(&page["cursor"]) {
            Some(next) => cursor = format!("?cursor={next}"),
            None => break,
        }
    }
    assert_eq!(pages, [1000, 1000, 500]);
    assert_eq!(keys, (0..2500).map(key).collect::<Vec<_>>());
}

/// What the interfaces that were made later do with several keys.
fn batches(server: &Server) {
    assert_eq!(batch(server, "set", &json!([["a", "1"], ["b", "2"]])), "204 ");
    assert_eq!(batch(server, "get", &json!(["b", "none", "a"])), r#"200 [["b","2"],null,["a","1"]]"#);
    assert_eq!(batch(server, "delete", &json!(["a", "none"])), "204 ");
    assert_eq!(batch(server, "get", &json!(["a", "b"])), r#"200 [null,["b","2"]]"#);
}
