//! The example `pool`, as it is: a service that keeps connections, for a component that answers requests.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use wattle_testkit::{App, Server, Upstream};

use crate::WATTLE;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/pool");

/// A copy of the example, whose sources are where a clone has them, and whose upstream is at `address`.
fn example(address: impl ToString) -> App {
    let text = fs::read_to_string(Path::new(EXAMPLE).join("wattle.toml")).expect("read the example");
    App::new(&text.replace("../../guests/built/", "").replace("127.0.0.1:7000", &address.to_string()))
}

fn up(app: &App) -> Server {
    WATTLE.up(app).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// An upstream that answers each line with the same line turned around. To `silent` it says nothing, `close` ends the
/// connection.
fn upstream() -> (Upstream, Arc<AtomicU32>) {
    let lines = Arc::<AtomicU32>::default();
    let count = lines.clone();
    let upstream = Upstream::start(move |mut connection| {
        let reader = BufReader::new(connection.stream.try_clone()?);
        for line in reader.lines() {
            let line = line?;
            match line.as_str() {
                "close" => break,
                "silent" => continue,
                _ => {}
            }
            count.fetch_add(1, Ordering::Relaxed);
            let turned: String = line.chars().rev().collect();
            connection.stream.write_all(format!("{turned}\n").as_bytes())?;
        }
        Ok(())
    });
    (upstream, lines)
}

/// 1,000 requests of 32 clients are answered, each with its own answer, over four connections.
#[test]
fn many_requests_over_four_connections() {
    let (upstream, lines) = upstream();
    let server = up(&example(upstream.address()));
    let left = AtomicU32::new(1_000);
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                let mut client = server.connect();
                let next = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok();
                while let Some(number) = next() {
                    let turned: String = format!("question-{number}").chars().rev().collect();
                    let answer = client.call("GET", &format!("/question-{number}"), b"");
                    assert_eq!(answer.summary(), format!("200 {turned}"));
                }
            });
        }
    });
    assert_eq!(lines.load(Ordering::Relaxed), 1_000);
    assert_eq!(upstream.accepted(), 4);
}

/// A connection that fails is one answer's affair: the next opens another.
#[test]
fn a_connection_that_fails() {
    let (upstream, _) = upstream();
    let server = up(&example(upstream.address()));
    for round in 1..=6 {
        assert_eq!(server.get("/close").summary(), "502 the upstream closed the connection");
        assert_eq!(server.get("/tea").summary(), "200 aet");
        assert_eq!(upstream.accepted(), round + 1);
    }
}

/// An upstream that is not there, or does not answer, is told.
#[test]
fn no_answer() {
    let (upstream, _) = upstream();
    let server = up(&example(upstream.address()));
    assert_eq!(server.get("/silent").summary(), "502 the upstream did not answer in time");
    assert_eq!(server.get("/tea").summary(), "200 aet");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let server = up(&example(nobody.expect("a free port")));
    let answer = server.get("/tea").summary();
    assert!(answer.starts_with("502 cannot connect to the upstream: "), "{answer}");
}

/// The link is explained.
#[test]
fn explained() {
    let ran = WATTLE.run(&example("127.0.0.1:7000"), ["explain"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let linked: Vec<_> = ran.stdout.lines().filter(|line| line.contains("pool:upstream")).collect();
    insta::assert_snapshot!(linked.join("\n"), @"  pool:upstream/lines@1.0.0           component keeper (apart)  nothing links it, and `keeper` exports it");
}
