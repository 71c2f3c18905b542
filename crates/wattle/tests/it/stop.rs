//! The end of a server: in good order under load, at once at a second signal.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wattle_testkit::process::Signal;
use wattle_testkit::{App, Connection, guests, until};

use crate::WATTLE;

/// What clients saw.
#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    failed: AtomicUsize,
}

/// One request on a connection that was accepted. An error of the connection counts as failed, unless it was an old
/// one that the server had announced to close, or that it closed between two requests without having read anything.
fn call(connection: &mut Connection, seen: &Seen) -> bool {
    let sent = connection.try_send("GET /sleep?ms=5 HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = sent.map_err(|error| error.to_string()).and_then(|()| connection.try_answer("GET"));
    match answer {
        Ok(answer) if answer.status() == 200 && answer.is_complete() => {
            seen.answered.fetch_add(1, Ordering::Relaxed);
            answer.header("connection") != Some("close")
        }
        _ => {
            seen.failed.fetch_add(1, Ordering::Relaxed);
            false
        }
    }
}

fn under_load(signal: Signal) {
    let app = App::of(&guests::misbehave(), "");
    let mut server = WATTLE.up(&app).start();
    let (address, seen, stopped) = (server.address(), Seen::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for client in 0..8 {
            let (seen, stopped) = (&seen, &stopped);
            // Half keep their connection until they are told to close it, half open a new one for each request.
            scope.spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    let Ok(mut connection) = Connection::try_open(address) else { break };
                    while call(&mut connection, seen) && client % 2 == 0 {}
                }
            });
        }
        until("there is load", || (seen.answered.load(Ordering::Relaxed) > 100).then_some(()));
        server.process().signal(signal);
        let ran = server.wait();
        stopped.store(true, Ordering::Relaxed);
        assert_eq!(ran.code, Some(0), "{ran}");
    });
    assert_eq!(seen.failed.into_inner(), 0, "of {} requests", seen.answered.into_inner());
}

#[test]
fn no_request_fails_at_sigterm() {
    under_load(Signal::Terminate);
}

#[test]
fn no_request_fails_at_sigint() {
    under_load(Signal::Interrupt);
}

/// A request that is under way ends, and its connection is closed after it.
#[test]
fn what_is_under_way_ends() {
    let app = App::of(&guests::misbehave(), "");
    let mut server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    connection.request("GET", "/sleep?ms=700", b"");
    until("the request is under way", || (server.get("/state").status() == 200).then_some(()));
    server.process().signal(Signal::Terminate);
    let answer = connection.answer("GET");
    assert_eq!(answer.summary(), "200 slept 700 ms");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(connection.is_closed());
    assert_eq!(server.wait().code, Some(0));
    assert!(Connection::try_open(server.address()).is_err(), "somebody still accepts");
}

/// Connections that rest do not hold the end up.
#[test]
fn resting_connections_are_closed() {
    let app = App::of(&guests::hello(), "");
    let mut server = WATTLE.up(&app).start();
    let mut resting: Vec<Connection> = (0..20).map(|_| server.connect()).collect();
    for connection in &mut resting[..10] {
        assert_eq!(connection.call("GET", "/", b"").status(), 200);
    }
    let asked = Instant::now();
    server.process().signal(Signal::Terminate);
    assert_eq!(server.wait().code, Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
}

#[test]
fn a_second_signal_ends_at_once() {
    let app = App::of(&guests::misbehave(), "");
    let mut server = WATTLE.up(&app).start();
    let mut connection = server.connect();
    connection.request("GET", "/hang", b"");
    until("the request is under way", || (server.get("/state").status() == 200).then_some(()));
    server.process().signal(Signal::Terminate);
    server.log.wait_for("the announcement", |line| line.contains("a second signal ends at once"));
    let asked = Instant::now();
    server.process().signal(Signal::Terminate);
    let ran = server.wait();
    assert!(asked.elapsed() < Duration::from_secs(3), "it took {:?}", asked.elapsed());
    assert_eq!(ran.code, Some(4));
    assert!(ran.stderr.contains("a second signal came") && !ran.stderr.contains("drain limit"), "{}", ran.stderr);
    assert!(connection.try_answer("GET").is_err());
}

/// What does not end within `drain` is cut, and that is an exit code of its own.
#[test]
fn what_does_not_end_is_cut() {
    let app = App::of(&guests::misbehave(), "").file("host.toml", "[limits]\ndrain = \"1s\"\n");
    let mut server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let mut connection = server.connect();
    connection.request("GET", "/hang-after", b"");
    assert_eq!(connection.head().unwrap().status, 200);
    server.process().signal(Signal::Terminate);
    let ran = server.wait();
    assert_eq!(ran.code, Some(4));
    assert!(ran.stderr.contains("did not end within the drain limit"), "{}", ran.stderr);
}

/// A guest that computes is interrupted until the last: it does not hold up the end.
#[test]
fn what_computes_is_cut_too() {
    let app = App::of(&guests::misbehave(), "").file("host.toml", "[limits]\ndrain = \"1s\"\n");
    let mut server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let process = server.process();
    let idle = process.computed();
    let mut connections: Vec<_> = (0..4).map(|_| server.connect()).collect();
    connections.iter_mut().for_each(|connection| connection.request("GET", "/loop", b""));
    until("the guests compute", || (process.computed() > idle + Duration::from_millis(50)).then_some(()));
    process.signal(Signal::Terminate);
    assert_eq!(server.wait().code, Some(4));
}

/// A signal while the app is still being compiled ends the start.
#[test]
fn a_signal_during_the_start() {
    let app = App::of(&guests::state(), "");
    let mut child = WATTLE
        .command(&app)
        .args(["up", "--listen", "127.0.0.1:0"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let process = wattle_testkit::process::Process(child.id());
    until("the compiler runs", || process.children().first().copied());
    process.signal(Signal::Terminate);
    let status = until("it ends", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}
