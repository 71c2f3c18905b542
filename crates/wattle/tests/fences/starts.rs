//! Starts that are slow, stuck, too many or bombs: the apps that run do not notice, and others are started beside them.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wattle_testkit::process::Signal;
use wattle_testkit::{App, Server, until};

use crate::WATTLE;
use crate::apart::{answers, compiled, done, host, manifest, with};
use crate::asking::{get, socket};
use crate::bombs::{BOMB, bare, one_function};

/// What many starts, one after the other, may take on a machine that is busy.
const LONG: Duration = Duration::from_secs(180);

/// A component of so many functions, each of which divides twenty times.
fn many_functions(count: usize) -> Vec<u8> {
    let body = [&[0][..], &b"\x20\0\x20\0\x6d\x1a".repeat(20), &[0x0b]].concat();
    let bodies = [length(body.len()), body].concat().repeat(count);
    let sections: [(u8, Vec<u8>); 3] = [
        (1, b"\x01\x60\x01\x7f\0".to_vec()),
        (3, [length(count), vec![0; count]].concat()),
        (10, [length(count), bodies].concat()),
    ];
    let sections = sections.into_iter().flat_map(|(id, content)| [vec![id], length(content.len()), content].concat());
    let module: Vec<u8> = b"\0asm\x01\0\0\0".iter().copied().chain(sections).collect();
    [COMPONENT, &[1], &length(module.len()), &module].concat()
}

/// What a component begins with.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// As Wasm writes numbers.
fn length(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Adds an app of one component with these bytes.
fn binary(app: App, name: &str, wasm: &[u8]) -> App {
    let app = app.file(&format!("{name}/web.wasm"), wasm);
    app.file(&format!("{name}/wattle.toml"), format!("name = \"{name}\"\n[components.web]\nsource = \"web.wasm\"\n"))
}

/// What comes of an action. Whoever asks waits for it for long.
fn act(socket: &Path, action: &Value) -> Value {
    let body = action.to_string();
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let head = format!("POST /v1/actions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn apply(app: &App, name: &str) -> Value {
    act(&socket(app), &json!({ "action": "apply", "source": app.join(name) }))
}

/// How many of the apps of the only host are in this state.
fn count(app: &App, state: &str) -> usize {
    let status = get(&socket(app), "/v1/status");
    status["apps"].as_array().unwrap().iter().filter(|app| app["state"] == state).count()
}

fn good() -> App {
    with(App::empty(), "good", &manifest("good", "hello.wasm", ""))
}

/// What cannot be compiled within the limits is refused with the limit, and nobody else notices.
#[test]
fn bombs() {
    let app = bare(good(), "one", &one_function(BOMB), 1);
    let app = binary(app, "many", &many_functions(30_000));
    // What is good is compiled with more patience.
    let server = host(&app, "");
    compiled(&app, ["apply", "good"]);
    assert!(server.stop().is_ok());
    let server = host(&app, "compile-time = \"1s\"");
    thread::scope(|scope| {
        let bombs = ["one", "many"].map(|name| {
            scope.spawn({
                let app = &app;
                move || WATTLE.run(app, ["apply", name])
            })
        });
        until("something is compiled", || server.process().children().first().copied());
        while !bombs.iter().all(|bomb| bomb.is_finished()) {
            answers(&server);
            done(&app, ["ps"]);
        }
        for bomb in bombs {
            let ran = bomb.join().unwrap();
            assert_eq!(ran.code, Some(1), "{ran}");
            assert!(
                ran.stderr.contains("cannot compile component web") && ran.stderr.contains("compile-time"),
                "{ran}"
            );
            assert!(ran.stderr.contains("hint: raise `compile-"), "{ran}");
        }
    });
    assert_eq!(count(&app, "running"), 1);
    assert!(server.stop().is_ok());
}

/// What takes long before it is compiled at all is refused at once: components in components, and types in types.
#[test]
fn nests() {
    let app = binary(good(), "deep", &nested(200_000));
    let app = binary(app, "types", &doubled(60));
    let server = host(&app, "");
    compiled(&app, ["apply", "good"]);
    for (name, reason) in
        [("deep", "components are nested more than 100 deep"), ("types", "type size exceeds the limit")]
    {
        let begun = Instant::now();
        let ran = WATTLE.run(&app, ["apply", name]);
        assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
        assert!(ran.code == Some(2) && ran.stderr.contains(reason), "{ran}");
        answers(&server);
    }
    assert!(server.stop().is_ok());
}

/// Components in components, so many.
fn nested(depth: usize) -> Vec<u8> {
    let mut heads = vec![COMPONENT.to_vec()];
    let mut len = COMPONENT.len();
    for _ in 0..depth {
        let head = [COMPONENT, &[4], &length(len)].concat();
        len += head.len();
        heads.push(head);
    }
    heads.into_iter().rev().flatten().collect()
}

/// A tuple of two tuples of two tuples, and so on: as many as there are doublings.
fn doubled(count: u8) -> Vec<u8> {
    let pairs = (0..count).flat_map(|number| [0x6f, 2, number, number]);
    let types: Vec<u8> = [count + 1, 0x70, 0x79].into_iter().chain(pairs).collect();
    [COMPONENT, &[7], &length(types.len()), &types].concat()
}

/// While four bombs are compiled, what is compiled already starts at once, and what is small waits for no longer than a turn
/// of each. Whoever stops a bomb waits for nothing.
#[test]
fn starts_beside_bombs() {
    let names = ["bomb0", "bomb1", "bomb2", "bomb3"];
    let app = names.iter().enumerate().fold(good(), |app, (number, name)| bare(app, name, &one_function(BOMB), number));
    let app = with(app, "known", &manifest("known", "hello.wasm", ""));
    // Its bytes are new: somebody has to compile it.
    let app = bare(app, "small", "", std::process::id() as usize);
    let server = host(&app, "compile-time = \"5m\"\ncompile-turn = \"1s\"");
    compiled(&app, ["apply", "good"]);
    thread::scope(|scope| {
        let bombs = names.map(|name| {
            scope.spawn({
                let app = &app;
                move || apply(app, name)
            })
        });
        until("all of them wait or are compiled", || (count(&app, "starting") == 4).then_some(()));
        done(&app, ["apply", "known"]);
        assert_eq!(server.connect().host("known.test").call("GET", "/", b"").status(), 200);
        done(&app, ["stop", "known"]);
        done(&app, ["start", "known"]);
        let small = apply(&app, "small");
        assert_eq!(small["change"], "started", "{small}");
        assert!(count(&app, "starting") > 0, "they were no bombs");
        assert!(server.process().children().len() <= 2, "{:?}", server.process().children());
        answers(&server);
        for name in names {
            done(&app, ["stop", name]);
        }
        for bomb in bombs {
            let refused = bomb.join().unwrap();
            assert_eq!(refused["error"]["code"], "app-stopped", "{refused}");
        }
    });
    until("nothing is compiled any more", || server.process().children().is_empty().then_some(()));
    assert_eq!(count(&app, "running"), 3);
    assert!(server.stop().is_ok());
}

/// A hundred at once, each with code of its own: all of them start, and whoever is asked meanwhile answers.
#[test]
fn a_hundred_at_once() {
    let name = |number: usize| format!("app{number}");
    let seed = std::process::id() as usize;
    let app = (0..100).fold(good(), |app, number| bare(app, &name(number), "", seed * 1000 % 1_000_000_000 + number));
    let server = host(&app, "");
    compiled(&app, ["apply", "good"]);
    thread::scope(|scope| {
        let all: Vec<_> = (0..100)
            .map(|number| {
                scope.spawn({
                    let app = &app;
                    move || apply(app, &name(number))
                })
            })
            .collect();
        while !all.iter().all(|one| one.is_finished()) {
            answers(&server);
            assert!(server.process().children().len() <= 2, "{:?}", server.process().children());
            done(&app, ["ps"]);
        }
        for one in all {
            let applied = one.join().unwrap();
            assert_eq!(applied["change"], "started", "{applied}");
        }
    });
    assert_eq!(count(&app, "running"), 101);
    assert!(server.stop().is_ok());
}

/// Starts that are stuck, more of them than the control socket has connections: others are started beside the first forty,
/// and beside all of them whoever asks is answered, and what is stopped stops.
#[test]
fn stuck_starts() {
    let name = |number: usize| format!("stuck{number}");
    let app = (0..80).fold(good(), |app, number| {
        let health = "[health]\npath = \"/hang\"\ntimeout = \"10m\"\n";
        let text = manifest(&name(number), "misbehave.wasm", "limits = { deadline = \"10m\" }");
        with(app, &name(number), &text.replace("[components.web]", &format!("{health}[components.web]")))
    });
    let app = with(app, "known", &manifest("known", "hello.wasm", ""));
    let server = host(&app, "");
    compiled(&app, ["apply", "good"]);
    thread::scope(|scope| {
        let stuck = |numbers: std::ops::Range<usize>| -> Vec<_> {
            let all = numbers.map(|number| {
                scope.spawn({
                    let app = &app;
                    move || apply(app, &name(number))
                })
            });
            all.collect()
        };
        let mut all = stuck(0..40);
        until("forty are stuck", || (count(&app, "starting") == 40).then_some(()));
        done(&app, ["apply", "known"]);
        all.extend(stuck(40..80));
        until("all are stuck", || (count(&app, "starting") == 80).then_some(()));
        answers(&server);
        done(&app, ["ps"]);
        done(&app, ["stop", "known"]);
        assert_eq!(done(&app, ["stop", "stuck7"]), "default/stuck7 stopped\n");
        // An end in good order waits for none of them.
        let begun = Instant::now();
        server.process().signal(Signal::Terminate);
        for one in all {
            let code = one.join().unwrap()["error"]["code"].as_str().unwrap_or_default().to_owned();
            assert!(["stopping", "app-stopped"].contains(&code.as_str()), "{code}");
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
    });
    let mut server = server;
    assert_eq!(server.wait().code, Some(0));
}

/// Requests that are made as long as this is there. None of them may fail.
struct Load {
    stop: AtomicBool,
    answered: AtomicUsize,
    failed: AtomicUsize,
}

/// Does `work` while four clients ask the good app for pages. How many were answered; none failed.
fn under_load(server: &Server, work: impl FnOnce(&dyn Fn())) {
    let load = Load { stop: AtomicBool::new(false), answered: AtomicUsize::new(0), failed: AtomicUsize::new(0) };
    let address = server.address();
    thread::scope(|scope| {
        for client in 0..4 {
            let load = &load;
            scope.spawn(move || {
                while !load.stop.load(Ordering::Relaxed) {
                    let Ok(connection) = wattle_testkit::Connection::try_open(address) else { return };
                    let mut connection = connection.host("good.test");
                    // Half of them stay connected until they are told that this was the last answer.
                    while !load.stop.load(Ordering::Relaxed) {
                        let sent = connection.try_send("GET / HTTP/1.1\r\nHost: good.test\r\n\r\n");
                        let answer =
                            sent.map_err(|error| error.to_string()).and_then(|()| connection.try_answer("GET"));
                        let goes_on = match &answer {
                            Ok(answer) if answer.status() == 200 && answer.is_complete() => {
                                load.answered.fetch_add(1, Ordering::Relaxed);
                                answer.header("connection") != Some("close")
                            }
                            _ => {
                                load.failed.fetch_add(1, Ordering::Relaxed);
                                false
                            }
                        };
                        if !goes_on || client % 2 == 1 {
                            break;
                        }
                    }
                }
            });
        }
        let more = || {
            let before = load.answered.load(Ordering::Relaxed);
            until("there is load", || (load.answered.load(Ordering::Relaxed) > before + 50).then_some(()));
        };
        more();
        work(&more);
        load.stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(load.failed.into_inner(), 0, "of {} requests", load.answered.into_inner());
}

/// Versions that trap, that are not well, or no Wasm at all: each is refused with a reason, the old one serves, and
/// no request fails.
#[test]
fn broken_versions_under_load() {
    let good = manifest("good", "hello.wasm", "");
    let trap = "(component (core module $m (func $f unreachable) (start $f)) (core instance (instantiate $m)))";
    let app = with(App::empty(), "good", &good);
    let sick = "[health]\npath = \"/none\"\ntimeout = \"1s\"\n[components.web]";
    let hang = manifest("good", "misbehave.wasm", "").replace("[components.web]", &sick.replace("/none", "/hang"));
    let panic = manifest("good", "misbehave.wasm", "").replace("[components.web]", &sick.replace("/none", "/panic"));
    let app = with(app, "hangs", &hang);
    let app = with(app, "panics", &panic);
    let app = app.file("traps/wattle.toml", "name = \"good\"\n[components.web]\nsource = \"web.wat\"\n");
    let app = app.file("traps/web.wat", trap);
    let app = app.file("nonsense/wattle.toml", &good).file("nonsense/hello.wasm", "no wasm at all");
    let server = host(&app, "");
    compiled(&app, ["apply", "good"]);
    under_load(&server, |more| {
        for (version, code, reason) in [
            ("hangs", 1, "is not well"),
            ("panics", 1, "is not well"),
            ("traps", 1, "fails when it is started"),
            ("nonsense", 2, "hello.wasm"),
        ] {
            let ran = WATTLE.run(&app, ["apply", version]);
            assert_eq!(ran.code, Some(code), "{version}: {ran}");
            assert!(ran.stderr.contains(reason), "{version}: {ran}");
            more();
        }
    });
    let status = get(&socket(&app), "/v1/status");
    assert_eq!((&status["apps"][0]["state"], &status["apps"][0]["generation"]), (&json!("running"), &json!(1)));
    assert!(server.stop().is_ok());
}

/// The end of a host with load on one app and a bomb in another: no request fails, the bomb holds nothing up, and everything
/// that was there is there again.
#[test]
fn an_end_under_load() {
    let app = with(good(), "known", &manifest("known", "hello.wasm", ""));
    let app = bare(app, "bomb", &one_function(BOMB), 6);
    let mut server = host(&app, "compile-time = \"5m\"");
    compiled(&app, ["apply", "good", "known"]);
    thread::scope(|scope| {
        let bomb = scope.spawn(|| apply(&app, "bomb"));
        until("it is compiled", || server.process().children().first().copied());
        under_load(&server, |_| {
            server.process().signal(Signal::Terminate);
            assert_eq!(bomb.join().unwrap()["error"]["code"], "stopping");
        });
    });
    assert_eq!(server.wait().code, Some(0));
    let server = host(&app, "");
    assert_eq!(server.connect().host("known.test").call("GET", "/", b"").status(), 200);
    answers(&server);
    assert_eq!(count(&app, "running"), 2);
    assert!(server.stop().is_ok());
}

/// A host that is killed while it is told to run apps: what it said to run runs afterwards, and nothing is half there.
#[test]
fn killed_while_it_is_told() {
    let name = |number: usize| format!("app{number}");
    let app = (0..30).fold(good(), |app, number| with(app, &name(number), &manifest(&name(number), "hello.wasm", "")));
    let server = host(&app, "");
    compiled(&app, ["apply", "good"]);
    let answered = AtomicUsize::new(0);
    let process = server.process();
    let said: Vec<usize> = thread::scope(|scope| {
        let all: Vec<_> = (0..30)
            .map(|number| {
                scope.spawn({
                    let (app, answered) = (&app, &answered);
                    let socket = socket(app);
                    move || {
                        let body = json!({ "action": "apply", "source": app.join(&name(number)) }).to_string();
                        let mut stream = UnixStream::connect(socket).ok()?;
                        let head = format!(
                            "POST /v1/actions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
                            body.len()
                        );
                        stream.write_all(head.as_bytes()).ok()?;
                        let mut answer = String::new();
                        stream.read_to_string(&mut answer).ok()?;
                        answer.contains("\"started\"").then(|| {
                            answered.fetch_add(1, Ordering::Relaxed);
                            number
                        })
                    }
                })
            })
            .collect();
        until("some are there", || (answered.load(Ordering::Relaxed) >= 5).then_some(()));
        process.signal(Signal::Kill);
        all.into_iter().filter_map(|one| one.join().unwrap()).collect()
    });
    drop(server);
    let server = host(&app, "");
    for number in said {
        let answer = server.connect().host(&format!("{}.test", name(number))).call("GET", "/", b"");
        assert_eq!(answer.status(), 200, "app{number}");
    }
    answers(&server);
    let ran = server.stop();
    assert!(ran.is_ok() && !ran.stderr.contains("left out"), "{ran}");
}
