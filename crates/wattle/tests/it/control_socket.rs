//! The control socket itself: where it is, who may use it, and what does it no harm.

use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use serde_json::json;
use wattle_testkit::{App, PATIENCE, Ran, guests, until};

use crate::WATTLE;
use crate::control::{exchange, get, socket, sockets, start, told};

fn hello() -> App {
    App::of(&guests::hello(), "")
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_is_for_its_owner_and_goes_with_its_host() {
    let app = hello();
    let server = start(&app);
    let socket = socket(&app);
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    assert_eq!(socket.file_name().unwrap().to_str().unwrap(), format!("{}.sock", server.process().0));
    assert!(server.stop().is_ok());
    assert!(!socket.exists());
}

/// The same without a runtime directory: one in the temporary folder, which nobody else can have put there.
#[test]
fn without_a_runtime_directory() {
    let app = hello();
    let temporary = app.join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = WATTLE.command(&app);
        command.env_remove("XDG_RUNTIME_DIR").env("TMPDIR", &temporary).args(arguments);
        command
    };
    let mut child = command(&["up", "--listen", "127.0.0.1:0"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let directory = until("there is a directory", || std::fs::read_dir(&temporary).unwrap().flatten().next()).path();
    assert!(directory.file_name().unwrap().to_str().unwrap().starts_with("wattle-"));
    until("it is found", || Ran::of(&mut command(&["ps"])).is_ok().then_some(()));
    assert_eq!(mode(&directory), 0o700);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A directory that is open to others, or is not there, is not used: a warning, and the app runs. For a verb it is an error.
#[test]
fn a_directory_that_cannot_be_trusted() {
    for (name, expected) in
        [("open", "is open to others: its mode is 755"), ("link", "cannot open "), ("file", "cannot open ")]
    {
        let app = hello();
        let directory = app.runtime_dir().join("wattle");
        match name {
            "open" => std::fs::DirBuilder::new().mode(0o755).create(&directory).unwrap(),
            "link" => symlink(app.path(), &directory).unwrap(),
            _ => std::fs::write(&directory, "").unwrap(),
        }
        let server = start(&app);
        let line = server.log.wait_for("the warning", |line| line.contains("there is no control socket"));
        assert!(line.contains("WARN") && line.contains(expected), "{line}");
        assert_eq!(server.get("/").status(), 200);
        let ran = WATTLE.run(&app, ["ps"]);
        assert!(ran.code == Some(3) && ran.stderr.contains(expected), "{name}: {ran}");
    }
}

/// Of a directory or a socket that belongs to somebody else nothing is used, and somebody else is not answered.
#[test]
#[expect(clippy::print_stderr, reason = "what is skipped is told")]
fn another_user() {
    let nobody = |program: &Path| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
        command
    };
    if !nobody(Path::new("true")).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let app = hello();
    let path = app.join("open.sock");
    let server = WATTLE.up(&app).args(["--control", "open.sock"]).start();
    let open = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    open(app.path(), 0o755);
    // A program that anybody may run.
    let program = app.join("wattle");
    std::fs::copy(WATTLE.path(), &program).unwrap();
    let ask = |socket: &Path| {
        Ran::of(nobody(&program).args(["ps", "--control"]).arg(socket).env_clear().env("PATH", "/usr/bin:/bin"))
    };
    // Whether the system turns them away, or the host does.
    for mode in [0o600, 0o666] {
        open(&path, mode);
        let ran = ask(&path);
        let is_told = ran.stderr.contains("it belongs to the user 0, who alone is answered there");
        assert!(ran.code == Some(1) && is_told, "{mode:o}: {ran}");
    }
    // It is in a directory of somebody else.
    std::fs::DirBuilder::new().mode(0o700).create(app.join("closed")).unwrap();
    let ran = ask(&app.join("closed/host.sock"));
    assert!(ran.code == Some(1) && ran.stderr.contains("it belongs to the user 0"), "{ran}");
    // Nobody listens there any more, or ever did.
    drop(std::os::unix::net::UnixListener::bind(app.join("left.sock")).unwrap());
    std::fs::write(app.join("text"), "no socket").unwrap();
    for file in ["left.sock", "text"] {
        open(&app.join(file), 0o666);
        let ran = ask(&app.join(file));
        assert!(ran.code == Some(1) && ran.stderr.contains("nobody answers there"), "{ran}");
    }
    server.log.wait_for("the refusal", |line| line.contains("another user is not answered") && line.contains("65534"));
    assert_eq!(get(&path, "/v1/status")["apps"][0]["app"], "default/hello");

    let theirs = app.runtime_dir().join("wattle");
    std::fs::DirBuilder::new().mode(0o700).create(&theirs).unwrap();
    std::os::unix::fs::chown(&theirs, Some(65534), Some(65534)).unwrap();
    let ran = WATTLE.run(&app, ["ps"]);
    assert!(ran.code == Some(3) && ran.stderr.contains("is not ours: it belongs to the user 65534"), "{ran}");
}

#[test]
fn one_that_somebody_chose() {
    let app = hello();
    let at = |path: &str| WATTLE.up(&app).args(["--control", path]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    let server = at("my.sock").start();
    assert_eq!(mode(&app.join("my.sock")), 0o600);
    assert_eq!(told(&app, ["ps", "--control", "my.sock"])["hosts"][0]["pid"], server.process().0);
    assert!(sockets(&app).is_empty());
    insta::assert_snapshot!(at("my.sock").refused(), @r"
    exit: 3
    ----- stderr
    error: cannot have a control socket
      caused by: another host answers at my.sock
    hint: choose another path
    ");
    server.kill();
    assert!(app.join("my.sock").exists());
    assert!(at("my.sock").start().stop().is_ok(), "what the dead leave is in nobody's way");
    insta::assert_snapshot!(at("wattle.toml").refused(), @r"
    exit: 3
    ----- stderr
    error: cannot have a control socket
      caused by: something else is at wattle.toml
    hint: choose another path
    ");
    insta::assert_snapshot!(at("none/my.sock").refused(), @r"
    exit: 3
    ----- stderr
    error: cannot have a control socket
      caused by: cannot open none
      caused by: No such file or directory (os error 2)
    hint: make its directory first
    ");
    let ran = at(&"x".repeat(200)).refused();
    assert!(ran.code == Some(3) && ran.stderr.contains("hint: a socket's path has at most 107 bytes"), "{ran}");
}

#[test]
fn none() {
    let app = hello();
    let server = WATTLE.up(&app).args(["--control", "none"]).start();
    assert_eq!(server.get("/").status(), 200);
    assert!(sockets(&app).is_empty() && !app.join("none").exists());
    assert_eq!(WATTLE.run(&app, ["ps"]).code, Some(1));
}

/// What a killed host leaves is removed by the next that starts, or that asks; what is no socket stays.
#[test]
fn sockets_of_the_dead() {
    let app = hello();
    start(&app).kill();
    let dead = socket(&app);
    assert_eq!(WATTLE.run(&app, ["ps"]).code, Some(1));
    assert!(!dead.exists());

    start(&app).kill();
    let other = dead.with_file_name("other.sock");
    std::fs::write(&other, "").unwrap();
    let server = start(&app);
    let ps = told(&app, ["ps"]);
    assert_eq!(ps["hosts"].as_array().unwrap().len(), 1);
    assert_eq!((sockets(&app).len(), other.exists()), (2, true));
    assert!(server.stop().is_ok());
}

/// Another process may have the same id, in another container: its socket is left alone.
#[test]
fn a_name_that_is_taken() {
    let app = hello();
    let directory = app.runtime_dir().join("wattle");
    std::fs::DirBuilder::new().mode(0o700).create(&directory).unwrap();
    // A shell becomes the server, whose id it knows before.
    let script = "echo $$ > pid && while [ ! -e go ]; do sleep 0.01; done; exec \"$0\" up --listen 127.0.0.1:0";
    let mut shell = Command::new("/bin/sh");
    shell.current_dir(app.path()).env("XDG_RUNTIME_DIR", app.runtime_dir()).env("XDG_CACHE_HOME", app.cache_dir());
    let mut child = shell.args(["-c", script]).arg(WATTLE.path()).stdout(std::process::Stdio::null()).spawn().unwrap();
    let pid = until("its id is known", || {
        std::fs::read_to_string(app.join("pid")).ok()?.strip_suffix('\n').map(str::to_owned)
    });
    let _taken = UnixListener::bind(directory.join(format!("{pid}.sock"))).unwrap();
    std::fs::write(app.join("go"), "").unwrap();
    let own = directory.join(format!("{pid}-1.sock"));
    until("it has another name", || own.exists().then_some(()));
    until("it answers", || UnixStream::connect(&own).is_ok().then_some(()));
    assert_eq!(get(&own, "/v1/status")["pid"].to_string(), pid);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Each mistake has its code, and the host stays.
#[test]
fn what_is_refused() {
    let app = hello();
    let _server = start(&app);
    let socket = socket(&app);
    let check = |bytes: &str, status: &str, code: &str| {
        let answer = exchange(&socket, bytes.as_bytes());
        let code = format!("\"code\":\"{code}\"");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(&code), "{bytes}\n{answer}");
    };
    let ask = |target: &str, status: &str, code: &str| {
        check(&format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n"), status, code)
    };
    ask("/", "404", "no-such-path");
    ask("/v2/status", "404", "no-such-path");
    ask("/v1/status/", "404", "no-such-path");
    ask("/v1/status?app=hello", "400", "bad-request");
    ask("/v1/logs?tail=many", "400", "bad-request");
    ask("/v1/logs?tail=1&tail=1", "400", "bad-request");
    ask("/v1/links?app=none", "404", "no-such-app");
    ask("/v1/links?app=hello&component=none", "404", "no-such-component");
    ask("/v1/actions", "405", "method-not-allowed");
    let act = |body: &str, status: &str, code: &str| {
        check(
            &format!("POST /v1/actions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
            status,
            code,
        );
    };
    act("", "400", "bad-request");
    act("{}", "400", "bad-request");
    act("\0\u{1b}[2J", "400", "bad-request");
    act(&"[".repeat(10_000), "400", "bad-request");
    act(
        &json!({ "action": "run-schedule", "app": "hello", "schedule": "x", "more": 1 }).to_string(),
        "400",
        "bad-request",
    );
    act(&json!({ "action": "run-schedule", "app": "hello", "schedule": "x" }).to_string(), "404", "no-such-schedule");
    act(&" ".repeat(65 << 10), "413", "body-too-large");
    check("POST /v1/status HTTP/1.1\r\nhost: x\r\n\r\n", "405", "method-not-allowed");
    assert!(exchange(&socket, b"GET /v1 HTTP/1.1\r\nhost: x\r\n\r\n").contains("connection: close"));
}

/// What is no request, too large or too slow is cut, and everybody else is answered meanwhile.
#[test]
fn what_does_no_harm() {
    let app = hello();
    let server = start(&app);
    let socket = socket(&app);
    let large = format!("GET /v1/status HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    for (bytes, expected) in
        [(&b"\0\xff\r\n\r\n"[..], "HTTP/1.1 400"), (b"GET\r\n\r\n", "HTTP/1.1 400"), (large.as_bytes(), "HTTP/1.1 431")]
    {
        let answer = exchange(&socket, bytes);
        assert!(answer.starts_with(expected), "{answer}");
    }
    // As many as there are places, less one for those who ask properly, each with half a request.
    let mut slow: Vec<_> = (0..63)
        .map(|number| {
            let mut stream = UnixStream::connect(&socket).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream
                .write_all(if number % 2 == 0 {
                    b"GET /v1"
                } else {
                    b"POST /v1/actions HTTP/1.1\r\ncontent-length: 9\r\n\r\n{"
                })
                .unwrap();
            stream
        })
        .collect();
    assert_eq!(get(&socket, "/v1/status")["apps"][0]["app"], "default/hello");
    assert_eq!(server.get("/").status(), 200);
    let mut told = [0, 0];
    for (number, stream) in slow.iter_mut().enumerate() {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        told[number % 2] += usize::from(answer.contains("body-timeout"));
    }
    assert_eq!(told, [0, 31], "those whose body does not come are told so");
    let files = server.process().open_files();
    until("nothing is left open", || {
        get(&socket, "/v1/status");
        (server.process().open_files() <= files).then_some(())
    });
    assert!(server.stop().is_ok());
}
