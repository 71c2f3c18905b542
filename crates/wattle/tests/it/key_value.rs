//! Keys and values through guests, one for each interface, on disk and in memory.

mod draft;
mod draft2;
mod wasmcloud;

use std::path::Path;

use serde_json::Value;
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
