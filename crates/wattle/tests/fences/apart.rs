//! Fences between the apps of one host: whatever one of them does, requests to the others are answered, and what is asked
//! about the others is done.
//!
//! The bounds are those of a machine that runs other tests beside this one. Without a fence, what is waited for here would
//! take as long as the misdeed, which is a minute or for ever.

use std::fs;
use std::time::{Duration, Instant};

use wattle_testkit::{App, Connection, Server, until};

use crate::WATTLE;
use crate::asking::told;

/// What an answer of a good app may take, and a question about it with the start of a process.
const ANSWER: Duration = Duration::from_secs(1);
const REPORT: Duration = Duration::from_secs(10);

/// A host of an app that does not behave and one that does, each at a name of its own.
struct Neighbours {
    app: App,
    server: Server,
}

/// The manifest of an app of one component, which answers at `NAME.test`. `more` are lines of its table.
pub(crate) fn manifest(name: &str, source: &str, more: &str) -> String {
    format!(
        "name = \"{name}\"\n[components.web]\nsource = \"{source}\"\n{more}\n\
         [[triggers.http]]\nhost = \"{name}.test\"\npath = \"/...\"\ncomponent = \"web\"\n"
    )
}

/// Adds the app `name` in a folder of its name, and the guests that `manifest` names.
pub(crate) fn with(app: App, name: &str, manifest: &str) -> App {
    let app = app.file(&format!("{name}/wattle.toml"), manifest);
    for (guest, path) in wattle_testkit::guests::all() {
        if manifest.contains(&format!("\"{guest}.wasm\"")) {
            fs::copy(&path, app.join(name).join(format!("{guest}.wasm"))).unwrap();
        }
    }
    app
}

/// A host with these limits, with code that is compiled once for all tests.
pub(crate) fn host(app: &App, limits: &str) -> Server {
    fs::write(app.join("host.toml"), format!("[limits]\n{limits}\n")).unwrap();
    let host = WATTLE.host(app).args(["--config", "host.toml"]);
    host.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// Runs a verb that compiles nothing, and has to do well in time.
#[track_caller]
pub(crate) fn done<const N: usize>(app: &App, verb: [&str; N]) -> String {
    let begun = Instant::now();
    let ran = WATTLE.run(app, verb);
    assert!(ran.is_ok(), "{verb:?}: {ran}");
    assert!(begun.elapsed() < REPORT, "{verb:?} took {:?}", begun.elapsed());
    ran.stdout
}

/// Runs a verb that may have to compile.
#[track_caller]
pub(crate) fn compiled<const N: usize>(app: &App, verb: [&str; N]) {
    let ran = WATTLE.run(app, verb);
    assert!(ran.is_ok(), "{verb:?}: {ran}");
}

/// The good app answers, each time in time.
#[track_caller]
pub(crate) fn answers(server: &Server) {
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(server.connect().host("good.test").call("GET", "/", b"").summary(), "200 Hello from Wattle");
        assert!(begun.elapsed() < ANSWER, "the good app took {:?}", begun.elapsed());
    }
}

impl Neighbours {
    /// Both run. `bad` is the manifest of the one that does not behave.
    fn start(bad: &str, limits: &str) -> Self {
        let app = with(App::empty(), "good", &manifest("good", "hello.wasm", ""));
        let app = with(app, "bad", bad);
        let server = host(&app, limits);
        compiled(&app, ["apply", "good", "bad"]);
        answers(&server);
        Self { app, server }
    }

    /// Requests that are under way to the app that does not behave.
    fn ask<const N: usize>(&self, targets: [&str; N]) -> [Connection; N] {
        targets.map(|target| {
            let mut connection = self.server.connect().host("bad.test");
            connection.request("GET", target, b"");
            connection
        })
    }

    /// The good app answers, and whoever asks about it, stops it or starts it does not wait.
    #[track_caller]
    fn hold(&self) {
        answers(&self.server);
        assert!(done(&self.app, ["ps"]).contains("default/good"));
        assert_eq!(done(&self.app, ["stop", "good"]), "default/good stopped\n");
        assert!(done(&self.app, ["events", "good"]).contains("stopped"));
        assert!(done(&self.app, ["start", "good"]).contains("default/good started"));
        answers(&self.server);
    }

    /// The host computes nothing for long.
    #[track_caller]
    fn rests(&self) {
        let process = self.server.process();
        let span = Duration::from_millis(200);
        until("it computes no more", || (process.computes_in(span) < span / 4).then_some(()));
    }

    /// It ends well, and said nothing of a bug of its own.
    #[track_caller]
    fn end(self) {
        let ran = self.server.stop();
        assert!(!ran.stderr.contains("the host's own bug"), "{}", ran.stderr);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
}

/// Eight loops, four for each of two cores, of which nobody waits for any more when they are ended: then they end.
#[test]
fn loops_on_every_core() {
    for target in ["/loop", "/loop-kv"] {
        let limits = "limits = { deadline = \"60s\" }\nlinks = { \"wasi:keyvalue\" = \"memory\" }";
        let both = Neighbours::start(&manifest("bad", "misbehave.wasm", limits), "");
        let loops = both.ask([target; 8]);
        both.hold();
        drop(loops);
        both.rests();
        both.end();
    }
}

/// One app computes until its deadline with others in the same instance; then all of them are answered, and a new instance
/// serves.
#[test]
fn a_loop_among_many_in_flight() {
    let both = Neighbours::start(&manifest("bad", "misbehave-p3.wasm", "limits = { deadline = \"5s\" }"), "");
    let sleeping = both.ask(["/sleep?ms=60000"; 15]);
    let looping = both.ask(["/loop"; 2]);
    both.hold();
    for mut connection in sleeping.into_iter().chain(looping) {
        let answer = connection.answer("GET").summary();
        assert!(["504 deadline", "502 instance-lost"].contains(&answer.as_str()), "{answer}");
    }
    assert_eq!(both.ask(["/count"])[0].answer("GET").text(), "1 requests, 1 at once\n");
    both.end();
}

/// What one app takes of the memory of all leaves something for the next one, and the host has a bound that holds.
#[test]
fn memory_that_one_app_takes() {
    const MIB: u64 = 1 << 20;
    let both = Neighbours::start(&manifest("bad", "misbehave.wasm", ""), "guest-memory = \"400MiB\"");
    let process = both.server.process();
    let before = process.resident_bytes();
    let most = std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            for _ in 0..3 {
                let answers = both.ask(["/alloc", "/grow", "/alloc", "/alloc", "/alloc", "/alloc", "/alloc", "/grow"]);
                for mut connection in answers {
                    let answer = connection.answer("GET");
                    assert!([200, 500, 503].contains(&answer.status()), "{}", answer.summary());
                }
            }
        });
        let mut most = 0;
        while !asked.is_finished() {
            answers(&both.server);
            most = most.max(process.resident_bytes());
        }
        asked.join().unwrap();
        most
    });
    assert!(most < before + 500 * MIB, "{} MiB more than before", most.saturating_sub(before) / MIB);
    both.hold();
    until("the memory is given back", || (process.resident_bytes() < before + 64 * MIB).then_some(()));
    both.end();
}

/// One app that answers late, and is asked more than the host takes requests: there is room for the next app.
#[test]
fn requests_that_one_app_takes() {
    let bad = format!("{}[limits]\nqueue-time = \"60s\"\n", manifest("bad", "misbehave.wasm", ""));
    let both = Neighbours::start(&bad, "concurrent-requests = 32");
    let waiting = both.ask(["/sleep?ms=60000"; 40]);
    let short =
        "default/bad runs short of places: 23 of 24 are taken (three quarters of the host's concurrent-requests)";
    both.server.log.wait_for("all that it may have", |line| line.contains(short));
    both.hold();
    drop(waiting);
    both.end();
}

/// A service that crashes, or computes, without end.
#[test]
fn services_without_end() {
    for (command, more) in [("spin", ""), ("panic", "restart = { backoff = \"0ms\", budget = 1000000 }")] {
        let service = format!(
            "name = \"bad\"\n[services.one]\nsource = \"command.wasm\"\nenv = {{ COMMAND = \"{command}\" }}\n{more}\n\
             [services.two]\nsource = \"command.wasm\"\nenv = {{ COMMAND = \"{command}\" }}\n{more}\n"
        );
        let both = Neighbours::start(&service, "");
        both.hold();
        let ps = told(&both.app, ["ps"]).to_string();
        assert!(ps.contains("default/bad"), "{ps}");
        assert_eq!(done(&both.app, ["stop", "bad"]), "default/bad stopped\n");
        both.rests();
        both.end();
    }
}
