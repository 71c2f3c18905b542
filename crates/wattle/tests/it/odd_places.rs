//! Where people run things: files that are far too large, places where nothing can be written, names that are no text.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use wattle_testkit::{App, Ran, guests};

use crate::WATTLE;

/// Refused for its size, not read to its end: a gigabyte of nothing.
#[test]
fn a_component_of_a_gigabyte() {
    let app = App::empty();
    File::create(app.join("huge.wasm")).unwrap().set_len(1 << 30).unwrap();
    let begun = Instant::now();
    for verb in ["check", "up", "run", "inspect"] {
        let ran = WATTLE.run(&app, [verb, "huge.wasm"]);
        assert_eq!(ran.code, Some(2), "{verb}: {ran}");
        assert!(ran.stderr.contains("compile-size"), "{verb}: {ran}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// What keeps nothing needs no place to write, and no home.
#[test]
fn where_nothing_can_be_written() {
    let app = App::empty().guest(&guests::command());
    let mut command = WATTLE.command(&app);
    command.env_remove("XDG_CACHE_HOME").current_dir("/proc/self").arg("run").arg(app.join("command.wasm"));
    let ran = Ran::of(&mut command);
    assert!(ran.is_ok() && ran.stdout == "Hello from Wattle\n", "{ran}");
}

#[test]
fn names_with_spaces_and_without_text() {
    for name in [OsStr::new("an app"), OsStr::new("ünï\u{202e}code"), OsStr::from_bytes(b"no\xfftext")] {
        let app = App::empty();
        let folder = app.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::copy(guests::hello(), folder.join("hello.wasm")).unwrap();
        let server = WATTLE.up(&app).path(folder.join("hello.wasm")).start();
        assert_eq!(server.get("/").summary(), "200 Hello from Wattle", "{name:?}");
        let missing = Ran::of(WATTLE.command(&app).arg("check").arg(folder.join("missing.wasm")));
        assert_eq!(missing.code, Some(2), "{name:?}: {missing}");
    }
}

#[test]
fn a_narrow_terminal() {
    let app = App::empty();
    for verb in ["up", "run", "new", "check"] {
        let ran = Ran::of(WATTLE.command(&app).env("COLUMNS", "20").args([verb, "--help"]));
        assert!(ran.is_ok(), "{verb}: {ran}");
    }
}
