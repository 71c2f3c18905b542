//! Compiled code: kept between starts, never trusted blindly, and made within limits.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use wattle_testkit::{App, Ran, guests, tools};

use crate::WATTLE;

/// The files of compiled code.
fn cached(app: &App) -> Vec<PathBuf> {
    let entries = fs::read_dir(app.code_dir()).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "cwasm")).collect()
}

/// Starts, asks, stops: what the log says. It must work every time.
fn check(app: &App) -> String {
    let server = WATTLE.up(app).start();
    assert_eq!(server.get("/").summary(), "200 Hello from Wattle");
    server.stop().stderr
}

#[test]
fn the_second_start_compiles_nothing() {
    let app = App::of(&guests::hello(), "");
    assert!(check(&app).contains("compiled"));
    assert_eq!(cached(&app).len(), 1);
    assert!(!check(&app).contains("compiled"));
}

/// Code is in memory once, however many hosts run it, and only where it is run. Whoever removes the files ends nothing.
#[test]
fn the_memory_of_code_is_the_file() {
    let app = App::of(&guests::hello(), "");
    check(&app);
    let [file] = &cached(&app)[..] else { panic!("one file of code is there") };
    let server = WATTLE.up(&app).start();
    assert!(server.process().code_files().contains(file), "{:?}", server.process().code_files());
    fs::remove_dir_all(app.code_dir()).unwrap();
    assert_eq!(server.get("/").summary(), "200 Hello from Wattle");
    assert!(server.stop().is_ok());
}

/// Where no file may be run as a program, what is kept is read as a whole, and runs.
#[test]
fn a_place_where_files_are_not_run() {
    let app = App::empty().guest(&guests::tally());
    assert_eq!(WATTLE.run(&app, ["run", "tally.wasm"]).stdout, "1\n");
    assert_eq!(cached(&app).len(), 1);
    let script = "mount --bind \"$0\" \"$0\"; mount -o remount,bind,noexec \"$0\"\n\
                  echo '#!/bin/sh' > \"$0/program\"; chmod +x \"$0/program\"\n\
                  if \"$0/program\" 2> /dev/null; then exit 99; fi\n\
                  exec \"$1\" run tally.wasm";
    let Some(mut shell) = tools::mounting(&app, script) else { return };
    let ran = Ran::of(shell.env("WATTLE_LOG", "info").arg(app.code_dir()).arg(WATTLE.path()));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "2\n"), "{ran}");
    assert!(!ran.stderr.contains("compiled"), "{ran}");
}

/// Files and directory belong to their owner alone.
#[test]
fn nobody_else_reads_or_writes_it() {
    let app = App::of(&guests::hello(), "");
    check(&app);
    for path in cached(&app).into_iter().chain([app.code_dir()]) {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
    }
}

#[test]
fn a_changed_component_is_compiled_again() {
    let app = App::of(&guests::hello(), "");
    check(&app);
    fs::copy(guests::hello_wstd(), app.join("hello.wasm")).unwrap();
    assert!(check(&app).contains("compiled"));
    assert_eq!(cached(&app).len(), 2);
}

/// Something that happens to the bytes of a file.
type Break = fn(&mut Vec<u8>);

/// Whatever is done to a file, it is found out before the code runs, and the file is made anew.
#[test]
fn a_broken_file_is_compiled_again() {
    let breaks: [(&str, Break); 5] = [
        ("one bit in the middle", |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }),
        ("one bit of the seal", |bytes| *bytes.last_mut().unwrap() ^= 0x80),
        ("cut", |bytes| bytes.truncate(1000)),
        ("empty", Vec::clear),
        ("longer", |bytes| bytes.extend(b"more")),
    ];
    let app = App::of(&guests::hello(), "");
    check(&app);
    for (how, spoil) in breaks {
        let [file] = &cached(&app)[..] else { panic!("one file of code is there") };
        let whole = fs::read(file).unwrap();
        let mut bytes = whole.clone();
        spoil(&mut bytes);
        fs::write(file, bytes).unwrap();
        let log = check(&app);
        assert!(log.contains("unusable and is compiled again"), "{how}: {log}");
        assert_eq!(fs::read(file).unwrap().len(), whole.len(), "{how}: it was not made anew");
    }
}

#[test]
fn a_file_that_others_can_write_is_not_loaded() {
    let app = App::of(&guests::hello(), "");
    check(&app);
    fs::set_permissions(&cached(&app)[0], fs::Permissions::from_mode(0o666)).unwrap();
    assert!(check(&app).contains("compiled again"));
}

#[test]
fn a_link_in_place_of_a_file_is_not_followed() {
    let app = App::of(&guests::hello(), "");
    check(&app);
    let file = cached(&app).remove(0);
    fs::rename(&file, app.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(app.join("elsewhere"), &file).unwrap();
    assert!(check(&app).contains("compiled again"));
}

#[test]
fn a_directory_that_others_can_write_is_not_used() {
    let app = App::of(&guests::hello(), "");
    check(&app);
    fs::set_permissions(app.code_dir(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(check(&app).contains("compiled code is not kept"));
    assert!(check(&app).contains("INFO wattle_host::host::load: compiled"), "it was loaded");
}

#[test]
fn a_chosen_directory_that_others_can_write_is_refused() {
    let app = App::of(&guests::hello(), "");
    WATTLE.up(&app).args(["--data-dir", "data"]).start().stop();
    fs::set_permissions(app.join("data/code"), fs::Permissions::from_mode(0o777)).unwrap();
    insta::assert_snapshot!(WATTLE.up(&app).args(["--data-dir", "data"]).refused(), @r"
    exit: 3
    ----- stderr
    error: cannot use the cache of compiled code
      caused by: data/code is not safe to load code from: its group or everybody may write to it
    hint: remove it, and what is needed is compiled again: rm -r data/code
    ");
}

/// Whoever gives an app away may put anything into its folder, and into what will be the data directory there.
#[test]
fn code_beside_a_manifest_is_not_loaded() {
    let app = App::of(&guests::guestbook(), "");
    let serve = |arguments: &[&str]| {
        let server = WATTLE.up(&app).args(arguments).start();
        assert_eq!(server.get("/").status(), 200);
        server.stop().stderr
    };
    assert!(serve(&["--data-dir", ".wattle"]).contains("compiled"));
    assert!(app.data_dir().join("code").is_dir());
    assert!(serve(&[]).contains("compiled"), "code was loaded from the app's folder");
    assert!(!serve(&["--data-dir", ".wattle"]).contains("compiled"));
}

#[test]
fn no_half_files_stay() {
    let app = App::of(&guests::hello(), "");
    check(&app);
    let names = fs::read_dir(app.code_dir()).unwrap().flatten();
    let others: Vec<_> = names.map(|entry| entry.path()).filter(|path| !cached(&app).contains(path)).collect();
    assert!(others.is_empty(), "{others:?}");
}

fn limited(limits: &str) -> Ran {
    let app = App::of(&guests::state(), "").file("host.toml", format!("[limits]\n{limits}\n"));
    let ran = WATTLE.up(&app).args(["--config", "host.toml"]).refused();
    assert_eq!(ran.stdout, "", "{ran}");
    assert_eq!(cached(&app).len(), 0);
    ran
}

/// The limit is named as one would write it in `host.toml`.
fn check_limit(limits: &str, name: &str) {
    let ran = limited(limits);
    assert!(ran.stderr.contains(name), "the limit {name} is not named: {ran}");
}

/// What goes wrong in the compiling process is told in our words.
#[test]
fn no_panic_of_the_compiler_is_shown() {
    for memory in ["1MiB", "16MiB", "64MiB", "256MiB"] {
        let ran = limited(&format!("compile-memory = \"{memory}\""));
        assert!(!ran.stderr.contains("panicked"), "{memory}: {ran}");
    }
}

#[test]
fn too_large_to_compile() {
    check_limit("compile-size = \"100KiB\"", "compile-size");
}

#[test]
fn too_slow_to_compile() {
    check_limit("compile-time = \"20ms\"", "compile-time");
    insta::assert_snapshot!(limited("compile-time = \"1ms\"").stderr, @"
    error: the app cannot start
      caused by: cannot compile component state
      caused by: compiling took longer than 1ms (limit compile-time)
    hint: raise `compile-time` in [limits] of the host's file
    ");
}

#[test]
fn too_much_memory_to_compile() {
    check_limit("compile-memory = \"64MiB\"", "hint: raise `compile-memory` in [limits] of the host's file");
}

/// A process that may not even start is no panic of the host either.
#[test]
fn no_memory_at_all_to_compile() {
    check_limit("compile-memory = \"1MiB\"", "compile-memory");
}
