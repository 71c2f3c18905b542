//! More connections than there is room for: those who have a place are served, and accepting goes on.

use std::time::{Duration, Instant};

use wattle_testkit::{App, Connection, Server, guests, until};

use crate::WATTLE;

fn limited(limits: &str, test: impl FnOnce(&Server)) {
    let app = App::of(&guests::hello(), "").file("host.toml", format!("[limits]\n{limits}\n"));
    test(&WATTLE.up(&app).args(["--config", "host.toml"]).start());
}

fn is_served(connection: &mut Connection) -> bool {
    let sent = connection.try_send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    sent.is_ok() && connection.try_answer("GET").is_ok_and(|answer| answer.status() == 200)
}

#[test]
fn thousands_that_rest() {
    limited("connections-per-address = 5000\nheader-timeout = \"60s\"", |server| {
        assert_eq!(server.get("/").status(), 200);
        let before = server.process().resident_bytes();
        let began = Instant::now();
        let mut resting: Vec<Connection> = (0..3000).map(|_| server.connect()).collect();
        let connected = began.elapsed();
        until("all are accepted", || (server.process().open_files() >= 3000).then_some(()));
        let asked = Instant::now();
        assert_eq!(server.get("/").status(), 200);
        assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}", asked.elapsed());
        let each = server.process().resident_bytes().saturating_sub(before) / 3000;
        assert!(each < 32 << 10, "{each} bytes of memory for a connection that rests");
        assert!(resting.iter_mut().step_by(100).all(is_served));
        // A full queue of the system costs a second for each connection that it drops.
        assert!(connected < Duration::from_secs(5), "connecting took {connected:?}");
    });
}

/// Over the limit of an address, connections are closed at once.
#[test]
fn too_many_from_one_address() {
    limited("connections-per-address = 5", |server| {
        let mut connections: Vec<Connection> = (0..5).map(|_| server.connect()).collect();
        assert!(connections.iter_mut().all(is_served));
        assert!(!is_served(&mut server.connect()), "one too many is served");
        assert!(connections.iter_mut().all(is_served));
        connections.truncate(4);
        until("there is room again", || is_served(&mut server.connect()).then_some(()));
        for _ in 0..200 {
            let _held: Vec<Connection> = (0..6).map(|_| server.connect()).collect();
        }
        let told = server.log.text().matches("too many connections").count();
        assert!(told < 50, "{told} lines for clients that were refused");
    });
}

/// Over the limit in all, connections wait for a place.
#[test]
fn too_many_in_all() {
    limited("connections = 5", |server| {
        let mut connections: Vec<Connection> = (0..5).map(|_| server.connect()).collect();
        assert!(connections.iter_mut().all(is_served));
        let mut waiting = server.connect();
        waiting.request("GET", "/", b"");
        assert!(waiting.is_quiet());
        drop(connections);
        assert_eq!(waiting.answer("GET").status(), 200);
    });
}

/// With no file descriptors left, those who are connected are served, accepting rests, and goes on.
#[test]
fn no_more_file_descriptors() {
    let app = App::of(&guests::hello(), "");
    let server = WATTLE.up(&app).open_files(64).start();
    let mut first = server.connect();
    assert!(is_served(&mut first));
    let mut flood: Vec<Connection> = (0..200).map(|_| server.connect()).collect();
    // It keeps some for itself: this is said before the system refuses any.
    server.log.wait_for("the complaint", |line| line.contains("too many connections from this address"));
    assert!(is_served(&mut first), "who was there before is not served");
    let computed = server.process().computed();
    std::thread::sleep(Duration::from_millis(500));
    let busy = server.process().computed() - computed;
    assert!(busy < Duration::from_millis(200), "waiting for descriptors computes: {busy:?} of 500 ms");
    flood.truncate(100);
    drop(flood);
    until("accepting goes on", || is_served(&mut server.connect().patience(Duration::from_secs(1))).then_some(()));
    assert!(is_served(&mut first));
    assert_eq!(server.stop().code, Some(0));
}
