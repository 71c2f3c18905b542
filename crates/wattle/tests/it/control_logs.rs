//! `wattle logs`: what is kept, what comes, and readers that do not keep up.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use serde_json::Value;
use wattle_testkit::output::Lines;
use wattle_testkit::{App, PATIENCE, guests, until};

use crate::WATTLE;
use crate::control::{exchange, get, socket, start};

/// An app with `log` below `/log`, which logs what it is asked to, beside `hello`.
fn app() -> App {
    App::new(
        "name = \"shop\"\n[components.web]\nsource = \"hello.wasm\"\n[components.bad]\nsource = \"misbehave.wasm\"\n\
         limits = { log-lines-per-second = 100000 }\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"bad\"\n[[triggers.http]]\npath = \"/web\"\ncomponent = \"web\"\n",
    )
}

#[test]
fn the_last_lines() {
    let app = app();
    let server = start(&app);
    for _ in 0..3 {
        assert_eq!(server.get("/panic").status(), 500);
    }
    let all = until("everything is told", || {
        let all = WATTLE.run(&app, ["logs", "shop/bad", "--json"]);
        assert!(all.is_ok(), "{all}");
        (all.stdout.matches("guest-trap").count() == 3).then_some(all.stdout)
    });
    let lines: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["app"] == "default/shop" && line["component"] == "bad"), "{all}");
    assert!(lines.iter().any(|line| line["from"] == "guest" && line["fields"]["stream"] == "stderr"), "{all}");
    assert!(lines.iter().any(|line| line["from"] == "host" && line["fields"]["code"] == "guest-trap"), "{all}");
    let numbers: Vec<_> = lines.iter().map(|line| line["number"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    let last = WATTLE.run(&app, ["logs", "shop", "--tail", "2"]).stdout;
    // What has several lines is indented.
    let lines: Vec<_> = last.lines().filter(|line| !line.starts_with("    ")).collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains(" default/shop/bad: ")), "{last}");
    assert_eq!(WATTLE.run(&app, ["logs", "shop/web"]).stdout, "");
    assert_eq!(WATTLE.run(&app, ["logs", "shop", "--tail", "0"]).stdout, "");
}

/// What the filter of the log leaves out is kept all the same; lines for requests never are.
#[test]
fn whatever_the_filter() {
    let app = app();
    let up = WATTLE.up(&app).args(["--access-log"]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    let server = up.env("WATTLE_LOG", "off").start();
    assert_eq!(server.get("/panic").status(), 500);
    let logs = WATTLE.run(&app, ["logs", "--json"]).stdout;
    assert!(logs.contains("guest-trap") && logs.contains("\"guest\"") && !logs.contains("\"duration_ms\""), "{logs}");
    assert_eq!(server.log.text(), "");
}

/// Lines come while they are written, and the end of the host is the end of them.
#[test]
fn following() {
    let app = app();
    let server = start(&app);
    let mut child = WATTLE.command(&app).args(["logs", "-f", "shop/bad"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = Lines::collect(child.stdout.take().unwrap());
    assert_eq!(server.get("/panic").status(), 500);
    // Whether it came before or after it began to follow; the next one comes after.
    lines.wait_for("the trap", |line| line.contains("guest-trap"));
    assert_eq!(server.get("/panic").status(), 500);
    until("the next one", || (lines.text().matches("guest-trap").count() == 2).then_some(()));
    assert!(server.stop().is_ok());
    assert!(child.wait().unwrap().success());
}

/// A connection that follows, and the head of its answer.
fn follow(socket: &std::path::Path, target: &str) -> (UnixStream, String) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    (stream, String::from_utf8(head).unwrap())
}

#[test]
fn too_many_followers() {
    let app = app();
    let _server = start(&app);
    let socket = socket(&app);
    let followers: Vec<_> = (0..16).map(|_| follow(&socket, "/v1/logs?follow=true")).collect();
    assert!(followers.iter().all(|(_, head)| head.starts_with("HTTP/1.1 200")));
    let refused = get(&socket, "/v1/logs?follow=true");
    assert_eq!(refused["error"]["code"], "too-many-followers");
    // Everybody else is answered.
    assert_eq!(get(&socket, "/v1/status")["apps"][0]["app"], "default/shop");
    drop(followers);
    until("they are gone", || {
        let (_, head) = follow(&socket, "/v1/logs?follow=true");
        head.starts_with("HTTP/1.1 200").then_some(())
    });
}

/// A reader that does not read holds nobody up; it is told how many lines it has lost, and gets the last ones.
#[test]
fn a_reader_that_does_not_read() {
    let app = App::of(&guests::misbehave(), "limits = { log-lines-per-second = 1000000, log-line = \"4KiB\" }");
    let server = start(&app);
    let socket = socket(&app);
    let (mut slow, head) = follow(&socket, "/v1/logs?follow=true&tail=0");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let newest = || {
        let text = exchange(&socket, b"GET /v1/logs?tail=1 HTTP/1.1\r\nhost: x\r\n\r\n");
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).map(str::to_owned);
        data.map_or(0, |data| serde_json::from_str::<Value>(&data).unwrap()["number"].as_u64().unwrap())
    };
    let newest = until("more lines than are kept", || {
        assert!(server.get("/log-flood?n=5000").status() == 200);
        let newest = newest();
        (newest > 10_000).then_some(newest)
    });
    // From now on it reads, to the last line that was there.
    let (mut text, last) = (String::new(), format!("\"number\":{newest},"));
    while !text.contains(&last) {
        let mut bytes = [0; 1 << 16];
        let count = slow.read(&mut bytes).unwrap();
        assert!(count > 0, "{text}");
        text += std::str::from_utf8(&bytes[..count]).unwrap();
    }
    let events = |name: &str| {
        let named = format!("event: {name}\ndata: ");
        let data = text.split(&named).skip(1).filter_map(|rest| rest.split_once("\n\n"));
        data.map(|(data, _)| serde_json::from_str::<Value>(data).unwrap()).collect::<Vec<_>>()
    };
    let lost: u64 = events("lost").iter().map(|lost| lost["lost"].as_u64().unwrap()).sum();
    let numbers: Vec<_> = events("line").iter().map(|line| line["number"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "none is told twice");
    let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
    assert!(lost > 0 && last >= newest, "{lost} lost, the last is {last} of {newest}");
    assert_eq!(numbers.len() as u64 + lost, last + 1 - first, "what is not told is counted");
}
