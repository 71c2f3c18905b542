//! `wattle run` and commands that do not end well: traps, limits, signals.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use wattle_testkit::output::Lines;
use wattle_testkit::process::{Process, Signal};
use wattle_testkit::{App, PATIENCE, Ran, guests, until};

use crate::run::command;

fn program() -> App {
    App::empty()
        .guest(&guests::command())
        .file("loop.wat", r#"(module (func (export "_start") (loop (br 0))))"#)
        .file("deep.wat", r#"(module (func $down (export "_start") (call $down)))"#)
        .file("trap.wat", r#"(module (func $inner unreachable) (func $outer (export "_start") (call $inner)))"#)
        .file(
            "grow.wat",
            r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start") (call $exit (i32.eq (memory.grow (i32.const 300)) (i32.const -1)))))"#,
        )
        .file("table.wat", r#"(module (table 90000 funcref) (func (export "_start")))"#)
        .file("huge.wat", r#"(module (memory 4000) (func (export "_start")))"#)
}

fn run(arguments: &[&str]) -> Ran {
    let app = program();
    Ran::of(&mut command(&app, arguments)).cleaned(&app)
}

/// Names of functions are told as far as the file has them.
#[test]
fn a_trap() {
    insta::assert_snapshot!(run(&["trap.wat"]), @"
    exit: 134
    ----- stderr
    error: trap.wat trapped: wasm trap: wasm `unreachable` instruction executed
      at 0: 0x23 - <unknown>!inner
      at 1: 0x28 - <unknown>!outer
    ");
    let ran = run(&["command.wasm", "panic"]);
    assert_eq!(ran.code, Some(134));
    assert!(ran.stderr.contains("as it was told") && ran.stderr.contains("command.wasm trapped: "), "{ran}");
}

#[test]
fn a_stack_overflow() {
    for arguments in [&["deep.wat"][..], &["command.wasm", "overflow"]] {
        let ran = run(arguments);
        assert!(ran.code == Some(134) && ran.stderr.contains("call stack exhausted"), "{arguments:?}: {ran}");
    }
}

#[test]
fn a_deadline() {
    insta::assert_snapshot!(run(&["--limit", "deadline=50ms", "loop.wat"]), @"
    exit: 124
    ----- stderr
    error: loop.wat was still running at its deadline and was ended (limit deadline)
    hint: raise it with `--limit deadline=TIME`
    ");
    let ran = run(&["--limit", "deadline=50ms", "command.wasm", "spin"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(124), "spinning\n"));
}

/// A command that waits for somebody who does not read is ended too.
#[test]
fn a_deadline_while_it_writes() {
    let app = program();
    let mut child = command(&app, &["--limit", "deadline=300ms", "command.wasm", "yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(until("it ends", || child.try_wait().unwrap()).code(), Some(124));
}

#[test]
fn a_limit_on_memory() {
    let ran = run(&["--limit", "memory=16MiB", "command.wasm", "grow"]);
    assert_eq!(ran.code, Some(134));
    assert!(ran.stderr.contains("(it has hit its limit memory)\n"), "{ran}");
    assert!(ran.stderr.ends_with("hint: raise it with `--limit memory=VALUE`\n"), "{ran}");
    assert_eq!(run(&["--limit", "memory=16MiB", "grow.wat"]).code, Some(1));
    assert_eq!(run(&["--limit", "memory=32MiB", "grow.wat"]).code, Some(0));
    let ran = run(&["huge.wat"]);
    assert!(ran.code == Some(134) && ran.stderr.contains("limit memory"), "{ran}");
}

#[test]
fn a_limit_on_tables() {
    assert_eq!(run(&["table.wat"]).code, Some(0));
    let ran = run(&["--limit", "table-elements=80000", "table.wat"]);
    assert!(ran.code == Some(134) && ran.stderr.contains("limit table-elements"), "{ran}");
}

#[test]
fn limits_that_are_none() {
    insta::assert_snapshot!(run(&["--limit", "memroy=1MiB", "loop.wat"]), @"
    exit: 2
    ----- stderr
    error: invalid value 'memroy=1MiB' for '--limit <NAME=VALUE>': there is no limit `memroy`; did you mean `memory`?

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["--limit", "memory=1MB", "loop.wat"]), @r#"
    exit: 2
    ----- stderr
    error: invalid value 'memory=1MB' for '--limit <NAME=VALUE>': expected a whole number and one of the units B, KiB, MiB, GiB, as in "64MiB"

    For more information, try '--help'.
    "#);
    insta::assert_snapshot!(run(&["--limit", "memory", "loop.wat"]), @"
    exit: 2
    ----- stderr
    error: invalid value 'memory' for '--limit <NAME=VALUE>': expected NAME=VALUE, as in memory=64MiB

    For more information, try '--help'.
    ");
}

/// Starts a command and waits until it says that it is under way.
fn started(app: &App, arguments: &[&str], line: &str) -> Child {
    let mut child = command(app, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = Lines::collect(child.stdout.take().unwrap());
    assert!(lines.find(PATIENCE, |found| found == line).is_some());
    child
}

/// At once, however busy it is, and with the codes that shells know.
#[test]
fn signals_end_it() {
    let app = program();
    for (signal, code) in [(Signal::Interrupt, 130), (Signal::Terminate, 143)] {
        for arguments in [["command.wasm", "spin"], ["command.wasm", "wait"]] {
            let mut child = started(&app, &arguments, if arguments[1] == "spin" { "spinning" } else { "waiting" });
            let asked = Instant::now();
            Process(child.id()).signal(signal);
            let status = until("it ends", || child.try_wait().unwrap());
            assert_eq!(status.code(), Some(code), "{arguments:?}");
            assert!(asked.elapsed() < Duration::from_secs(3), "it took {:?}", asked.elapsed());
        }
    }
}

/// A command that waits for input nobody sends ends with the signal too.
#[test]
fn signals_end_a_reader() {
    let app = program();
    let mut child =
        command(&app, &["command.wasm", "prompt"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = Lines::collect(child.stdout.take().unwrap());
    lines.wait_for("the prompt", |line| line == "name?");
    Process(child.id()).signal(Signal::Interrupt);
    assert_eq!(until("it ends", || child.try_wait().unwrap()).code(), Some(130));
}
