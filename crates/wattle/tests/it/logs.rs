//! What guests print and log: lines that say whose they are, cut, cleaned and held to a rate.

use serde_json::Value;
use wattle_testkit::{App, Server, guests, until};

use crate::WATTLE;

/// A server that logs everything as JSON.
fn start(guest: &std::path::Path, more: &str) -> (App, Server) {
    let app = App::of(guest, more);
    let server = WATTLE.up(&app).args(["--log-format", "json"]).env("WATTLE_LOG", "info,guest=trace").start();
    (app, server)
}

/// The lines of guests so far.
fn guest_lines(server: &Server) -> Vec<Value> {
    server.log.json().into_iter().filter(|line| line["target"] == "guest").collect()
}

#[test]
fn a_line_says_whose_it_is() {
    let (_app, server) = start(&guests::state(), "");
    let answer = server.call("POST", "/log?level=warn&context=shop", "the till is empty");
    assert_eq!(answer.status(), 204);
    let id = answer.header("x-request-id").unwrap();
    let line = server.log.wait_for_json("the message", |line| line["message"] == "the till is empty");
    assert_eq!((&line["level"], &line["context"], &line["stream"]), (&"WARN".into(), &"shop".into(), &"log".into()));
    assert!(line["app"].as_str().is_some_and(|app| app.contains("state")), "{line}");
    assert_eq!((&line["component"], &line["request"]), (&"state".into(), &id.into()));
    assert!(line["instance"].as_str().is_some_and(|instance| instance.len() == 16), "{line}");
    assert!(line["timestamp"].is_string(), "{line}");
}

/// Instances that are used again keep their name, requests have their own.
#[test]
fn instances_and_requests() {
    let (_app, server) = start(&guests::state(), "instances = { reuse = 2 }");
    let mut connection = server.connect();
    // A request that comes before an instance rests gets another one.
    let ids: Vec<String> = (0..8)
        .map(|number| {
            let answer = connection.call("POST", "/log", format!("number {number}").as_bytes());
            answer.header("x-request-id").unwrap().to_owned()
        })
        .collect();
    server.log.wait_for("the last", |line| line.contains("number 7"));
    let lines: Vec<Value> = guest_lines(&server).into_iter().filter(|line| line["stream"] == "log").collect();
    let requests: Vec<&str> = lines.iter().map(|line| line["request"].as_str().unwrap()).collect();
    assert_eq!(requests, ids);
    let of_one = |line: &Value| lines.iter().filter(|other| other["instance"] == line["instance"]).count();
    assert_eq!(lines.iter().map(of_one).max(), Some(2), "{lines:?}");
}

#[test]
fn levels() {
    let (_app, server) = start(&guests::state(), "");
    let check = |level: &str, expected: &str| {
        server.call("POST", &format!("/log?level={level}"), level);
        let line = server.log.wait_for_json(level, |line| line["message"] == level);
        assert_eq!(line["level"], expected);
    };
    check("trace", "TRACE");
    check("debug", "DEBUG");
    check("info", "INFO");
    check("warn", "WARN");
    check("error", "ERROR");
    check("critical", "ERROR");
}

#[test]
fn standard_streams() {
    let (_app, server) = start(&guests::misbehave(), "");
    server.get("/log-ansi");
    server.log.wait_for("all streams", |line| line.contains("\"stream\":\"log\""));
    let streams: Vec<String> = guest_lines(&server).iter().map(|line| line["stream"].to_string()).collect();
    assert!(streams.iter().any(|stream| stream == "\"stdout\"") && streams.iter().any(|stream| stream == "\"stderr\""));
}

/// No escape reaches the terminal, and no guest writes a line that is not its own.
#[test]
fn control_characters() {
    let app = App::of(&guests::misbehave(), "");
    let server = WATTLE.up(&app).start();
    server.get("/log-ansi");
    server.log.wait_for("the last", |line| line.contains("not ") && line.contains("UTF-8"));
    let log = server.stop().stderr;
    let strange: Vec<char> = log.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\t')).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01")), "a guest forged a line:\n{log}");
    assert!(log.contains("\\u{1b}"), "{log}");
}

/// A line that is shown from right to left can hide what it says.
#[test]
fn characters_that_turn_text_around() {
    let app = App::of(&guests::misbehave(), "");
    let server = WATTLE.up(&app).start();
    server.get("/log-ansi");
    server.log.wait_for("the last", |line| line.contains("not ") && line.contains("UTF-8"));
    assert!(!server.stop().stderr.contains('\u{202e}'), "text is turned around");
}

#[test]
fn long_lines() {
    let (_app, server) = start(&guests::misbehave(), "limits = { log-line = \"100B\" }");
    assert_eq!(server.get("/log-long?mib=8").status(), 200);
    let line = server
        .log
        .wait_for_json("the long line", |line| line["message"].as_str().is_some_and(|text| text.starts_with("xxx")));
    let message = line["message"].as_str().unwrap();
    assert!(message.starts_with(&"x".repeat(100)) && message.contains("cut") && message.len() < 200, "{message}");
    assert!(message.contains("log-line"), "the limit is not named as one writes it: {message}");
}

/// A flood is held to the rate, and what was dropped is counted.
#[test]
fn floods() {
    let (_app, server) = start(&guests::misbehave(), "limits = { log-lines-per-second = 50 }");
    assert_eq!(server.get("/log-flood?n=20000").summary(), "200 20000 lines");
    until("the count of what was dropped is told", || {
        server.get("/log-flood?n=1");
        guest_lines(&server)
            .iter()
            .any(|line| line["message"].as_str().is_some_and(|text| text.contains("were dropped")))
            .then_some(())
    });
    let lines = guest_lines(&server).iter().filter(|line| line["stream"] == "stdout").count();
    assert!(lines < 2000, "{lines} lines passed");
    let told: String = server.log.text();
    assert!(told.contains("log-lines-per-second"), "the limit is not named as one writes it");
}
