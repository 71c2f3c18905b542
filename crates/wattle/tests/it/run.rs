//! `wattle run`: a command gets what a program gets, and ends as a program ends.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use wattle_testkit::{App, Ran, guests, until};

use crate::WATTLE;

/// `wattle run` in the directory of `app`, with code that is compiled once for all tests.
pub(crate) fn command(app: &App, arguments: &[&str]) -> Command {
    let mut command = WATTLE.command(app);
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).arg("run").args(arguments);
    command
}

/// The guest `command` beside its arguments.
fn program() -> App {
    App::empty().guest(&guests::command()).guest(&guests::command_p3())
}

fn run(app: &App, arguments: &[&str]) -> Ran {
    Ran::of(&mut command(app, arguments)).cleaned(app)
}

/// A core module of preview 1 whose `_start` is `body`.
fn preview1(body: &str) -> App {
    App::empty().file(
        "program.wat",
        format!(
            r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func $deeper (call $deeper))
    (func (export "_start") {body}))"#
        ),
    )
}

/// Copies standard input to standard output, 32 KiB at a time.
const CAT: &str = r#"
    (loop $more
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 32768))
        (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)) (then unreachable))
        (if (i32.eqz (i32.load (i32.const 4))) (then return))
        (loop $rest
            (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
            (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.load (i32.const 8))))
            (i32.store (i32.const 4) (i32.sub (i32.load (i32.const 4)) (i32.load (i32.const 8))))
            (br_if $rest (i32.load (i32.const 4))))
        (br $more))"#;

/// The exit codes of the three kinds, each the way it is given there.
#[test]
fn exit_codes() {
    let app = program();
    for (arguments, code) in [
        (["command.wasm", "nothing", ""], 0),
        (["command.wasm", "exit", "0"], 0),
        (["command.wasm", "exit", "1"], 1),
        (["command.wasm", "fail", ""], 1),
        (["command-p3.wasm", "show", ""], 0),
        (["command-p3.wasm", "exit", "0"], 0),
        (["command-p3.wasm", "exit", "1"], 1),
        (["command-p3.wasm", "fail", ""], 1),
    ] {
        let arguments: Vec<&str> = arguments.into_iter().filter(|argument| !argument.is_empty()).collect();
        assert_eq!(run(&app, &arguments).code, Some(code), "{arguments:?}");
    }
    for (code, ours) in [(0, 0), (1, 1), (42, 42), (125, 125), (126, 126), (255, 255), (256, 255), (-1, 255)] {
        let ran = run(&preview1(&format!("(call $exit (i32.const {code}))")), &["program.wat"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(ours), ""), "proc_exit({code})");
    }
    assert_eq!(run(&preview1(""), &["program.wat"]).code, Some(0));
}

#[test]
fn arguments_and_environment() {
    let app = program();
    insta::assert_snapshot!(run(&app, &["--env", "LEVEL=a=b", "command.wasm", "show", "two words", "--", "--x", "-v"]), @r#"
    exit: 0
    ----- stdout
    arguments ["command.wasm", "show", "two words", "--x", "-v"]
    LEVEL=a=b
    "#);
    insta::assert_snapshot!(run(&app, &["command-p3.wasm", "--", "--x"]), @r#"
    exit: 0
    ----- stdout
    arguments ["command-p3.wasm", "--x"]
    "#);
    let argc = preview1("(drop (call $args (i32.const 0) (i32.const 4))) (call $exit (i32.load (i32.const 0)))");
    assert_eq!(run(&argc, &["program.wat", "a", "b"]).code, Some(3));
    let inherited = Ran::of(command(&app, &["--env", "LEVEL", "command.wasm", "show"]).env("LEVEL", "ours"));
    assert!(inherited.stdout.ends_with("\nLEVEL=ours\n"), "{inherited}");
}

#[test]
fn variables_that_are_none() {
    insta::assert_snapshot!(run(&program(), &["--env", "LEVEL", "command.wasm"]), @r"
    exit: 2
    ----- stderr
    error: invalid value 'LEVEL' for '--env <NAME[=VALUE]>': LEVEL is not set here; to give it a value, write LEVEL=VALUE

    For more information, try '--help'.
    ");
}

/// What is written there comes out here, byte for byte, for all three kinds.
#[test]
fn bytes_stream_through() {
    let mut bytes: Vec<u8> = (0..5_000_011_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    bytes.extend(b"no line break at the end");
    let (app, core) = (program(), preview1(CAT));
    for (app, arguments) in
        [(&app, &["command.wasm", "cat"][..]), (&app, &["command-p3.wasm", "cat"]), (&core, &["program.wat"])]
    {
        let mut child = command(app, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut copied = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                stdin.write_all(&bytes).unwrap();
                drop(stdin);
            });
            child.stdout.take().unwrap().read_to_end(&mut copied).unwrap();
        });
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
        assert!(copied == bytes, "{arguments:?}: {} bytes of {} came back", copied.len(), bytes.len());
    }
}

/// Nothing waits for a line to end, nor for the input to.
#[test]
fn answers_come_at_once() {
    let core = preview1(CAT);
    let app = program();
    for (app, arguments) in [(&app, &["command-p3.wasm", "cat"][..]), (&core, &["program.wat"])] {
        let mut child = command(app, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        for piece in [b"a", b"b"] {
            stdin.write_all(piece).unwrap();
            let mut answer = [0];
            stdout.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, piece, "{arguments:?}");
        }
        drop(stdin);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
}

/// A guest of 0.3 that has returned does what it has left to do.
#[test]
fn what_is_left_to_do() {
    assert_eq!(run(&program(), &["command-p3.wasm", "late"]).stdout, "after the return\n");
}

/// As a program that SIGPIPE ends: no word, and the code that a shell makes of it.
#[test]
fn a_reader_that_goes_away() {
    let app = program();
    for guest in ["command.wasm", "command-p3.wasm"] {
        let mut child = command(&app, &[guest, "yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = [0; 4];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        assert_eq!(&first, b"yes\n");
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = until("it ends", || child.try_wait().unwrap());
        assert_eq!((status.code(), stderr.as_str()), (Some(141), ""), "{guest}");
    }
}

/// Pipes and files are no terminals. `script` gives one, where it is installed.
#[test]
fn terminals_are_told() {
    let app = program();
    assert_eq!(run(&app, &["command.wasm", "terminals"]).stdout, "false false false\n");
    if Path::new("/usr/bin/script").exists() {
        let line = format!("{} run command.wasm terminals", WATTLE.path().display());
        let mut script = Command::new("/usr/bin/script");
        script.args(["-qec", &line, "/dev/null"]).current_dir(app.path());
        let ran = Ran::of(script.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null()));
        assert!(ran.stdout.contains("true true true"), "{ran}");
    }
}

#[test]
fn directories() {
    let app = program().file("data/a.txt", "a").file("data/inside/b.txt", "b").file("secret.txt", "secret");
    symlink("../secret.txt", app.join("data/link")).unwrap();
    symlink("/etc/passwd", app.join("data/absolute")).unwrap();
    for (directory, words, code) in [
        ("data::/d", &["read", "/d/a.txt"][..], 0),
        ("data::/d", &["read", "/d/inside/b.txt"], 0),
        ("data::/d:ro", &["read", "/d/a.txt"], 0),
        ("data", &["read", "/data/a.txt"], 0),
        (".", &["read", "data/a.txt"], 0),
        ("data::/d", &["write", "/d/new.txt", "new"], 0),
        ("data::/d:ro", &["write", "/d/other.txt", "new"], 1),
        ("data::/d:ro", &["write", "/d/a.txt", "new"], 1),
        ("data::/d", &["read", "/d/../secret.txt"], 1),
        ("data::/d", &["read", "/d/link"], 1),
        ("data::/d", &["read", "/d/absolute"], 1),
        ("data::/d", &["read", "/secret.txt"], 1),
        ("data::/d", &["read", "/etc/passwd"], 1),
    ] {
        let ran = run(&app, &[&["--dir", directory, "command.wasm"], words].concat());
        assert_eq!(ran.code, Some(code), "{directory} {words:?}: {ran}");
    }
    assert_eq!(fs::read_to_string(app.join("data/new.txt")).unwrap(), "new");
    assert_eq!(fs::read_to_string(app.join("data/a.txt")).unwrap(), "a");
    assert!(!app.join("data/other.txt").exists());
}

/// Nothing without a grant.
#[test]
fn nothing_is_granted() {
    let app = program().file("a.txt", "a");
    let ran = Ran::of(command(&app, &["command.wasm", "show"]).env("SECRET", "canary"));
    assert!(ran.is_ok() && !ran.stdout.contains("canary"), "{ran}");
    assert_eq!(run(&app, &["command.wasm", "read", "a.txt"]).code, Some(1));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    assert_eq!(run(&app, &["command.wasm", "connect", &address]).code, Some(1));
}

#[test]
fn directories_that_are_none() {
    let app = program();
    insta::assert_snapshot!(run(&app, &["--dir", "gone::/d", "command.wasm"]), @"
    exit: 2
    ----- stderr
    error: component `command`: there is no directory DIR/gone
    --> command.wasm
     = hint: make it, or correct the path
    ");
    insta::assert_snapshot!(run(&app, &["--dir", "::/d", "command.wasm"]), @"
    exit: 2
    ----- stderr
    error: invalid value '::/d' for '--dir <HOST[::GUEST][:ro]>': expected HOST::GUEST or HOST::GUEST:ro, as in ./data::/data

    For more information, try '--help'.
    ");
    let ran = run(&app, &["--dir", ".::/d/../e", "command.wasm"]);
    assert_eq!(ran.code, Some(2), "{ran}");
}

/// State goes where apps keep theirs, and only a command that has some needs the directory.
#[test]
fn state_and_links() {
    let app = program().guest(&guests::tally());
    for count in ["1\n", "2\n"] {
        assert_eq!(run(&app, &["tally.wasm"]).stdout, count);
    }
    assert_eq!(run(&app, &["--link", "wasi:keyvalue=memory", "tally.wasm"]).stdout, "1\n");
    assert_eq!(run(&app, &["--data-dir", "elsewhere", "tally.wasm"]).stdout, "1\n");
    assert!(app.data_dir().is_dir() && app.join("elsewhere").is_dir());

    let app = program();
    assert!(run(&app, &["command.wasm"]).is_ok());
    assert!(!app.data_dir().exists(), "a command without state made a data directory");
    insta::assert_snapshot!(run(&app, &["--link", "wasi:keyvalue=memory", "command.wasm"]), @"
    exit: 2
    ----- stderr
    error: component `command` imports nothing of `wasi:keyvalue`
    --> command.wasm
     = hint: the imports are of `wasi:cli`, `wasi:clocks`, `wasi:filesystem`, `wasi:io` and `wasi:sockets`
    ");
    insta::assert_snapshot!(run(&program().guest(&guests::tally()), &["--link", "wasi:keyvalue=memry", "tally.wasm"]), @"
    exit: 2
    ----- stderr
    error: there is no backend `memry`
    --> tally.wasm
     = hint: did you mean `memory`?
    ");
}

/// A folder or a manifest whose only component is a command.
#[test]
fn an_app_of_one_command() {
    let text = "name = \"one\"\n[components.command]\nsource = \"command.wasm\"\nenv = { LEVEL = \"low\" }\n";
    let app = App::new(text);
    let ran = run(&app, &[".", "show"]);
    assert!(ran.stdout.contains("LEVEL=low"), "{ran}");
    assert_eq!(run(&app, &["wattle.toml", "exit", "7"]).code, Some(1));
    let app = App::new(&format!("{text}[components.hello]\nsource = \"hello.wasm\"\n"));
    insta::assert_snapshot!(run(&app, &["."]), @"
    exit: 2
    ----- stderr
    error: . is an app of 2 components, and `run` takes an app of one
    hint: name the .wasm file of one of them
    ");
}

#[test]
fn what_is_no_command() {
    let app = App::empty()
        .guest(&guests::hello())
        .guest(&guests::calls())
        .file("reactor.wat", r#"(module (func (export "_initialize")) (func (export "add")))"#)
        .file("empty.wat", "(module)")
        .file(
            "old.wat",
            r#"(module (import "wasi_unstable" "proc_exit" (func (param i32))) (func (export "_start")))"#,
        );
    insta::assert_snapshot!(run(&app, &["hello.wasm"]), @"
    exit: 2
    ----- stderr
    error: `hello` is no command: it exports neither `wasi:cli/run` nor `_start`
    hint: it answers HTTP requests: serve it with `wattle up`
    ");
    insta::assert_snapshot!(run(&app, &["calls.wasm"]), @"
    exit: 2
    ----- stderr
    error: `calls` is no command: it exports neither `wasi:cli/run` nor `_start`
    hint: call an export with `--invoke 'NAME(ARGUMENTS)'`; it exports `add`, `greet`, `wait`, `example:shop/prices@1.2.0` and `example:shop/till@1.2.0`
    ");
    insta::assert_snapshot!(run(&app, &["reactor.wat"]), @"
    exit: 2
    ----- stderr
    error: `reactor` is no command: it exports neither `wasi:cli/run` nor `_start`
    hint: call an export with `--invoke 'NAME(ARGUMENTS)'`; it exports `_initialize` and `add`
    ");
    insta::assert_snapshot!(run(&app, &["empty.wat"]), @"
    exit: 2
    ----- stderr
    error: `empty` is no command: it exports neither `wasi:cli/run` nor `_start`
    hint: it exports nothing at all
    ");
    insta::assert_snapshot!(run(&app, &["old.wat"]), @"
    exit: 2
    ----- stderr
    error: core module `old` imports `wasi_unstable.proc_exit`, which nothing here provides
    --> old.wat
     = hint: that is WASI from before preview 1: build it with a newer toolchain
    ");
}

#[test]
fn files_that_are_none() {
    let whole = fs::read(guests::command()).unwrap();
    let app = program().file("cut.wasm", &whole[..whole.len() / 2]).file("text.wat", "(module (func").file("a b", "no");
    insta::assert_snapshot!(run(&app, &["gone.wasm"]), @"
    exit: 2
    ----- stderr
    error: cannot read gone.wasm
      caused by: No such file or directory (os error 2)
    hint: build it first, or correct the path
    ");
    insta::assert_snapshot!(run(&app, &["a b"]), @"
    exit: 2
    ----- stderr
    error: DIR/a b cannot be used
      caused by: this is not WebAssembly, it looks like a text
    hint: name a .wasm file
    ");
    let ran = run(&app, &["cut.wasm"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("ends too soon"), "{ran}");
    let ran = run(&app, &["text.wat"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("text.wat cannot be used"), "{ran}");
}

/// A file may be called anything and needs no ending.
#[test]
fn names_of_files() {
    let app = App::empty().file("a b/c d", fs::read(guests::command()).unwrap());
    assert_eq!(run(&app, &["a b/c d", "show"]).stdout, "arguments [\"c d\", \"show\"]\n");
}

#[test]
fn arguments_that_are_no_text() {
    let app = program();
    let ran = Ran::of(command(&app, &["command.wasm", "show"]).arg(OsStr::from_bytes(b"a\xff")));
    insta::assert_snapshot!(ran, @"
    exit: 2
    ----- stderr
    error: argument 2 is not UTF-8, and a component is given text only
    ");
}
