//! The data directory: one process at a time, a format that is not newer, entries that survive whatever happens.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wattle_testkit::{App, Connection, guests, until};

use crate::WATTLE;

fn guestbook() -> App {
    App::of(&guests::guestbook(), "")
}

/// Signs the book; whether that was acknowledged.
fn sign(connection: &mut Connection, name: &str) -> bool {
    let body = format!("{{\"name\":\"{name}\",\"text\":\"x\"}}");
    let request = format!(
        "POST /api/entries HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.try_send(request).is_ok() && connection.try_answer("POST").is_ok_and(|answer| answer.status() == 201)
}

#[test]
fn it_is_beside_the_manifest() {
    let app = guestbook().guest(&guests::hello());
    WATTLE.up(&app).path("hello.wasm").start().stop();
    assert!(!app.data_dir().exists(), "made for an app that keeps nothing");
    WATTLE.up(&app).path("guestbook.wasm").start().stop();
    let names: Vec<_> = fs::read_dir(app.data_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.contains(&"format".into()), "{names:?}");
}

/// `data-dir` of the host's file starts from that file.
#[test]
fn it_is_where_the_host_file_says() {
    let app = App::of(&guests::hello(), "").file("etc/host.toml", "data-dir = \"state\"\n");
    WATTLE.up(&app).args(["--config", "etc/host.toml"]).start().stop();
    assert!(app.join("etc/state/format").exists(), "not beside the host's file");
    assert!(!app.data_dir().exists());
}

#[test]
fn it_survives_a_restart() {
    let app = guestbook();
    for round in 0..3 {
        let server = WATTLE.up(&app).start();
        assert_eq!(server.get("/api/entries").json().as_array().map(Vec::len), Some(round));
        assert!(sign(&mut server.connect(), "Ada"));
        assert_eq!(server.stop().code, Some(0));
    }
}

#[test]
fn a_second_process_is_refused() {
    let app = guestbook();
    let first = WATTLE.up(&app).start();
    let second = WATTLE.up(&app).refused();
    let pid = first.process().0.to_string();
    insta::assert_snapshot!(second, @r"
    exit: 3
    ----- stderr
    error: cannot use the data directory
      caused by: the data directory DIR/.wattle is in use by process PID
    hint: stop process PID, or choose another data directory for this one
    ");
    let uncleaned = WATTLE.run(&App::empty(), ["up", app.path().to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(uncleaned.code, Some(3));
    assert_eq!(first.get("/api/entries").status(), 200);
    assert_eq!(fs::read_to_string(app.data_dir().join("lock")).unwrap().trim(), pid);
    first.stop();
    assert_eq!(WATTLE.up(&app).start().get("/api/entries").status(), 200);
}

#[test]
fn a_newer_format_is_refused() {
    let app = guestbook();
    WATTLE.up(&app).start().stop();
    fs::write(app.data_dir().join("format"), "99\n").unwrap();
    insta::assert_snapshot!(WATTLE.up(&app).refused(), @r"
    exit: 3
    ----- stderr
    error: cannot use the data directory
      caused by: the data directory DIR/.wattle has format 99, and this release reads up to 2
    hint: data is never converted back: run the newer release again, restore a backup that is older (wattle host restore FILE), or choose another data directory
    ");
    fs::write(app.data_dir().join("format"), "nonsense\n").unwrap();
    insta::assert_snapshot!(WATTLE.up(&app).refused(), @r#"
    exit: 3
    ----- stderr
    error: cannot use the data directory
      caused by: DIR/.wattle/format does not name the version of a format
    hint: restore the file from a backup; in a directory that this release made it has the line "2"
    "#);
}

/// The owner of everything can write everywhere, so these are places where nobody can.
#[test]
fn where_nothing_can_be_written() {
    let app = App::of(&guests::hello(), "").file("file", "").file("full/notes.txt", "mine");
    let refused = |directory: &str| WATTLE.up(&app).args(["--data-dir", directory]).refused();
    insta::assert_snapshot!(refused("file"), @r"
    exit: 3
    ----- stderr
    error: cannot use the data directory
      caused by: file is not a directory
    hint: choose another path for the data directory
    ");
    insta::assert_snapshot!(refused("file/data"), @r"
    exit: 3
    ----- stderr
    error: cannot use the data directory
      caused by: cannot create file/data
      caused by: Not a directory (os error 20)
    ");
    insta::assert_snapshot!(refused("/proc/data"), @r"
    exit: 3
    ----- stderr
    error: cannot use the data directory
      caused by: cannot create /proc/data
      caused by: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(refused("missing/data"), @r"
    exit: 3
    ----- stderr
    error: cannot use the data directory
      caused by: missing does not exist, so the data directory missing/data cannot be made in it
    hint: create it with: mkdir -p missing
    ");
    insta::assert_snapshot!(refused("full"), @r"
    exit: 3
    ----- stderr
    error: cannot use the data directory
      caused by: full is not empty and is not a data directory
    hint: choose an empty directory, or a path that does not exist yet
    ");
}

/// A server that is killed in the middle of writes: what it said it has, it has.
#[test]
fn acknowledged_writes_survive_a_kill() {
    let app = App::of(&guests::state(), "");
    let mut written = BTreeSet::new();
    for round in 0..3 {
        let server = WATTLE.up(&app).start();
        let (address, count) = (server.address(), AtomicUsize::new(0));
        thread::scope(|scope| {
            let count = &count;
            let write = |writer: usize| {
                let key = move |number: usize| format!("/kv/default/r{round}w{writer}n{number}");
                scope.spawn(move || {
                    let mut connection = Connection::open(address);
                    // Until it is not acknowledged any more.
                    let put = |key: &String| {
                        let request = format!("PUT {key} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nvalue");
                        let answer = connection.try_send(request).map(|()| connection.try_answer("PUT"));
                        answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status() == 204))
                    };
                    let acknowledged = (0..).map(key).take_while(put).inspect(|_| {
                        count.fetch_add(1, Ordering::Relaxed);
                    });
                    acknowledged.collect::<Vec<_>>()
                })
            };
            let writers: Vec<_> = (0..4).map(write).collect();
            until("there are writes to lose", || (count.load(Ordering::Relaxed) > 50).then_some(()));
            server.kill();
            writers.into_iter().for_each(|writer| written.extend(writer.join().unwrap()));
        });
        let server = WATTLE.up(&app).start();
        let mut connection = server.connect();
        let lost: Vec<_> = written.iter().filter(|key| connection.call("GET", key, b"").text() != "value").collect();
        assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), written.len());
        server.stop();
    }
}

/// A file that was cut is found and named.
#[test]
fn a_broken_file_of_state_is_told() {
    let app = guestbook();
    let server = WATTLE.up(&app).start();
    assert!(sign(&mut server.connect(), "Ada"));
    server.stop();
    let state = app.data_dir().join("state.redb");
    let mut bytes = fs::read(&state).unwrap();
    bytes.truncate(100);
    fs::write(&state, bytes).unwrap();
    let ran = WATTLE.up(&app).refused();
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("state.redb"), "the file is not named: {}", ran.stderr);
    assert!(ran.stderr.contains("hint: stop the host, keep a copy of the file"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

/// A command that keeps nothing leaves alone what somebody else uses.
#[test]
fn a_command_without_state_beside_a_server() {
    let app = guestbook().guest(&guests::command());
    let _server = WATTLE.up(&app).args(["--data-dir", "data"]).start();
    assert!(WATTLE.run(&app, ["run", "--data-dir", "data", "command.wasm"]).is_ok());
}
