//! `wattle drain`: a host ends in good order because somebody asks, and they hear how it was.

use std::thread;

use serde_json::{Value, json};
use wattle_testkit::process::Signal;
use wattle_testkit::{App, Ran, guests, until};

use crate::WATTLE;
use crate::admin::get;
use crate::control::sockets;
use crate::daemon::host;

fn drain(app: &App) -> Ran {
    WATTLE.run(app, ["drain"])
}

/// It is not ready at once, what is under way ends, and the command returns when the process is gone.
#[test]
fn in_good_order() {
    let app = App::of(&guests::misbehave(), "");
    let mut server = WATTLE.up(&app).args(["--admin", "127.0.0.1:0"]).start();
    let mut busy = server.connect();
    busy.request("GET", "/sleep?ms=2000", b"");
    until("the request is under way", || (server.get("/state").status() == 200).then_some(()));
    thread::scope(|scope| {
        let asked = [(); 2].map(|()| scope.spawn(|| drain(&app)));
        until("it is not ready", || (get(&server, "/readyz").status() == 503).then_some(()));
        assert_eq!(get(&server, "/readyz").json()["reason"], "draining");
        until("nobody accepts", || wattle_testkit::Connection::try_open(server.address()).is_err().then_some(()));
        let answer = busy.answer("GET");
        assert_eq!((answer.summary().as_str(), answer.header("connection")), ("200 slept 2000 ms", Some("close")));
        for asked in asked {
            let ran = asked.join().unwrap();
            assert!(ran.is_ok(), "{ran}");
            assert_eq!(ran.stdout, "the host of process PID has ended\n");
        }
        // Its process is not there any more, only somebody who has not asked how it ended.
        assert_eq!(server.process().resident_bytes(), 0);
        assert_eq!(sockets(&app), Vec::<std::path::PathBuf>::new());
    });
    let ended = server.wait();
    assert!(ended.is_ok(), "{ended}");
    assert!(ended.stderr.contains("stopping: requests under way may end"), "{ended}");
    let ran = drain(&app);
    assert!(ran.code == Some(1) && ran.stderr.contains("no host of this user runs here"), "{ran}");
}

/// What ran runs again: an end in good order changes nothing of what is wanted.
#[test]
fn what_ran_runs_again() {
    let app = App::of(&guests::hello(), "");
    let mut server = host(&app);
    assert!(WATTLE.run(&app, ["apply", "."]).is_ok());
    let added = Ran::of(WATTLE.command(&app).args(["listener", "add", "127.0.0.1:0"])).stdout;
    let ran = WATTLE.run(&app, ["drain", "--json"]);
    assert!(ran.is_ok(), "{ran}");
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap(), json!({ "done": "drained" }));
    assert_eq!(server.wait().code, Some(0));
    let server = host(&app);
    assert_eq!(server.get("/").status(), 200);
    let list = Ran::of(WATTLE.command(&app).args(["listener", "list"])).stdout;
    assert!(list.contains(added.split_once(' ').unwrap().0), "{list}");
    assert!(server.stop().is_ok());
}

/// Whoever asked hears what was cut, and both end with that code.
#[test]
fn what_does_not_end_is_cut() {
    let app = App::of(&guests::misbehave(), "").file("host.toml", "[limits]\ndrain = \"300ms\"\n");
    let mut server = WATTLE.up(&app).args(["--config", "host.toml"]).start();
    let mut stuck = server.connect();
    stuck.request("GET", "/hang-after", b"");
    assert_eq!(stuck.head().unwrap().status, 200);
    let ran = drain(&app);
    assert_eq!(ran.code, Some(4), "{ran}");
    assert_eq!(ran.stdout, "the host of process PID has ended\n");
    let told = "what did not end within the drain limit was cut: 1 request and 1 connection\n";
    assert!(ran.stderr.contains(told) && ran.stderr.contains("hint: give it longer with `drain`"), "{ran}");
    let ended = server.wait();
    assert!(ended.code == Some(4) && ended.stderr.contains(told), "{ended}");
}

/// A signal to a host that ends already says what was said; one more ends it at once, and nobody hears what was cut.
#[test]
fn beside_signals() {
    let app = App::of(&guests::misbehave(), "");
    let mut server = WATTLE.up(&app).start();
    let mut stuck = server.connect();
    stuck.request("GET", "/hang", b"");
    until("the request is under way", || (server.get("/state").status() == 200).then_some(()));
    thread::scope(|scope| {
        let asked = scope.spawn(|| drain(&app));
        server.log.wait_for("the announcement", |line| line.contains("a second signal ends at once"));
        server.process().signal(Signal::Terminate);
        server.log.wait_for("what was heard", |line| line.contains("it is ending already"));
        server.process().signal(Signal::Terminate);
        let ran = asked.join().unwrap();
        assert_eq!(ran.code, Some(4), "{ran}");
        assert!(ran.stderr.contains("ended at once, and did not say what was cut"), "{ran}");
    });
    let ended = server.wait();
    assert!(ended.code == Some(4) && ended.stderr.contains("a second signal came"), "{ended}");
}

/// While the app is still being compiled.
#[test]
fn during_the_start() {
    let app = App::of(&guests::state(), "");
    let mut server = WATTLE.up(&app).spawn();
    let process = server.process();
    until("the compiler runs", || process.children().first().copied());
    let ran = drain(&app);
    assert!(ran.is_ok(), "{ran}");
    let ended = server.wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{ended}");
}
