//! `wattle check` on the files that a manifest names: not Wasm, cut, of another kind, with imports that nobody has.

use std::path::Path;

use wattle_testkit::{App, guests};

use crate::WATTLE;

/// What `check` says of an app.
fn check(app: &App) -> String {
    WATTLE.run(app, ["check"]).to_string()
}

/// What `check` says of a file.
fn check_file(name: &str, content: impl AsRef<[u8]>) -> String {
    WATTLE.run(&App::empty().file(name, content), ["check", name]).to_string()
}

/// What `check` says of a guest that every request goes to.
fn check_guest(guest: &Path) -> String {
    check(&App::of(guest, ""))
}

#[test]
fn a_file_that_is_missing() {
    insta::assert_snapshot!(check(&App::new("name = \"a\"\n[components.hello]\nsource = \"helo.wasm\"\n")), @r#"
    exit: 2
    ----- stderr
    error: component `hello`: cannot read DIR/helo.wasm: No such file or directory (os error 2)
     --> ./wattle.toml:3:10
      |
    3 | source = "helo.wasm"
      |          ^^^^^^^^^^^
      |
      = hint: build it first, or correct the path
    "#);
}

#[test]
fn files_that_are_not_wasm() {
    insta::assert_snapshot!(check_file("a.wasm", ""), @r"
    exit: 2
    ----- stderr
    error: DIR/a.wasm cannot be used
      caused by: this is not WebAssembly, it looks like an empty file
    hint: build it again
    ");
    insta::assert_snapshot!(check_file("a.wasm", "#!/bin/sh\n"), @r"
    exit: 2
    ----- stderr
    error: DIR/a.wasm cannot be used
      caused by: this is not WebAssembly, it looks like a script
    hint: name a .wasm file
    ");
    insta::assert_snapshot!(check_file("a.wasm", [0x7f, b'E', b'L', b'F', 2, 1, 1, 0]), @r"
    exit: 2
    ----- stderr
    error: DIR/a.wasm cannot be used
      caused by: this is not WebAssembly, it looks like an ELF binary, such as a program for Linux or code compiled by Wasmtime
    hint: build for a WebAssembly target, as with `cargo build --target wasm32-wasip2`; code that another host compiled is never loaded
    ");
    insta::assert_snapshot!(check_file("a.wat", "(component (oops))"), @"
    exit: 2
    ----- stderr
    error: DIR/a.wat cannot be used: expected valid component field
         --> DIR/a.wat:1:13
          |
        1 | (component (oops))
          |             ^
    hint: ask `wasm-tools parse` for more
    ");
}

/// The ending of a name is the same in capitals.
#[test]
fn an_ending_in_capitals() {
    insta::assert_snapshot!(check_file("HELLO.WASM", std::fs::read(guests::hello()).unwrap()), @"
    exit: 0
    ----- stdout
    HELLO.WASM: app hello is fine (1 component, 1 route)
    ");
    insta::assert_snapshot!(check_file("EMPTY.Wat", "(component)"), @"
    exit: 2
    ----- stderr
    error: component `empty` does not answer HTTP requests
    --> EMPTY.Wat
     = hint: it must export wasi:http/incoming-handler@0.2 or wasi:http/handler@0.3; it exports nothing
    ");
}

/// Nothing is read that has no end, and nothing is waited for.
#[test]
fn what_is_no_regular_file() {
    let app = App::empty();
    let pipe = app.join("pipe.wasm");
    let made = std::process::Command::new("mkfifo").arg(&pipe).arg(app.join("pipe.toml")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("/dev/zero", app.join("zero.wasm")).unwrap();
    for (file, what) in [("pipe.wasm", "a pipe"), ("pipe.toml", "a pipe"), ("zero.wasm", "a device")] {
        let said = WATTLE.run(&app, ["check", file]).to_string();
        assert!(said.starts_with("exit: 2\n") && said.contains(&format!("{file} is {what}")), "{said}");
    }
    insta::assert_snapshot!(WATTLE.run(&app, ["inspect", "pipe.wasm"]), @"
    exit: 2
    ----- stderr
    error: pipe.wasm is a pipe and no regular file
    hint: name a regular file; what comes out of a pipe or a device has to be put into one first
    ");
    insta::assert_snapshot!(WATTLE.run(&app, ["inspect", "/dev/zero"]), @"
    exit: 2
    ----- stderr
    error: /dev/zero is a device and no regular file
    hint: name a regular file; what comes out of a pipe or a device has to be put into one first
    ");
    let app = app.file("wattle.toml", "name = \"a\"\ncomponents.x.source = \"zero.wasm\"\n");
    insta::assert_snapshot!(check(&app), @r#"
    exit: 2
    ----- stderr
    error: component `x`: DIR/zero.wasm is a device and no regular file
     --> ./wattle.toml:2:23
      |
    2 | components.x.source = "zero.wasm"
      |                       ^^^^^^^^^^^
      |
      = hint: name a regular file; what comes out of a pipe or a device has to be put into one first
    "#);
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--config", "pipe.toml"]), @"
    exit: 2
    ----- stderr
    error: pipe.toml is a pipe and no regular file
    hint: name a regular file; what comes out of a pipe or a device has to be put into one first
    ");
}

/// Wherever a component is cut, the answer is the same kind of answer.
#[test]
fn files_that_end_too_soon() {
    let whole = std::fs::read(guests::hello()).unwrap();
    // The first eight bytes are a whole component with nothing in it.
    for length in [1, 4, 7, 9, 100, whole.len() / 2, whole.len() - 1] {
        let said = check_file("a.wasm", &whole[..length]);
        assert!(said.starts_with("exit: 2\n") && said.contains("a.wasm cannot be used"), "{length}: {said}");
        assert!(said.contains("too soon") || said.contains("not WebAssembly"), "{length}: {said}");
    }
    insta::assert_snapshot!(check_file("a.wasm", &whole[..1000]), @r"
    exit: 2
    ----- stderr
    error: DIR/a.wasm cannot be used
      caused by: the WebAssembly ends too soon, at byte 1000
    hint: copy, download or build the file again
    ");
}

/// A fault of a file is a fault of the line that names it.
#[test]
fn a_broken_file_in_a_manifest() {
    let app = App::new("name = \"a\"\n[components.x]\nsource = \"x.wasm\"\n").file("x.wasm", "hello");
    insta::assert_snapshot!(check(&app), @r#"
    exit: 2
    ----- stderr
    error: component `x`: DIR/x.wasm cannot be used: this is not WebAssembly, it looks like a text
     --> ./wattle.toml:3:10
      |
    3 | source = "x.wasm"
      |          ^^^^^^^^
      |
      = hint: name a .wasm file
    "#);
}

#[test]
fn a_core_module_where_a_component_is_needed() {
    insta::assert_snapshot!(check_guest(&guests::module()), @r#"
    exit: 2
    ----- stderr
    error: `module` is a core module, and only a component can answer HTTP requests
     --> ./wattle.toml:7:13
      |
    7 | component = "module"
      |             ^^^^^^^^
      |
      = hint: build it with `--target wasm32-wasip2`, or turn it into a component with `wasm-tools component new`
    "#);
}

#[test]
fn a_component_without_the_needed_export() {
    insta::assert_snapshot!(check_guest(&guests::not_http()), @r#"
    exit: 2
    ----- stderr
    error: component `not-http` does not answer HTTP requests
     --> ./wattle.toml:7:13
      |
    7 | component = "not-http"
      |             ^^^^^^^^^^
      |
      = hint: it must export wasi:http/incoming-handler@0.2 or wasi:http/handler@0.3; it exports `wasi:cli/run@0.2.0`
    "#);
}

#[test]
fn an_import_that_nobody_provides() {
    insta::assert_snapshot!(check_guest(&guests::unknown_import()), @r#"
    exit: 2
    ----- stderr
    error: component `unknown-import` imports `acme:warehouse/stock@1.0.0`, which nothing here provides
     --> ./wattle.toml:3:10
      |
    3 | source = "unknown-import.wasm"
      |          ^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: the host provides `wasi:blobstore@0.2.0-draft`, `wasi:cli@0.2.12`, `wasi:cli@0.3.0`, `wasi:clocks@0.2.12`, `wasi:clocks@0.3.0`, `wasi:config@0.2.0-draft`, `wasi:config@0.2.0-rc.1`, `wasi:filesystem@0.2.12`, `wasi:filesystem@0.3.0`, `wasi:http@0.2.12`, `wasi:http@0.3.0`, `wasi:io@0.2.12`, `wasi:keyvalue@0.2.0-draft`, `wasi:keyvalue@0.2.0-draft2`, `wasi:logging`, `wasi:logging@0.1.0-draft`, `wasi:messaging@0.2.0-draft`, `wasi:random@0.2.12`, `wasi:random@0.3.0`, `wasi:sockets@0.2.12`, `wasi:sockets@0.3.0`, `wasmcloud:blobstore@0.1.0`, `wasmcloud:keyvalue@0.2.0`, `wasmcloud:messaging@0.2.0` and `wasmcloud:secrets@2.1.0`; to have a component of the app provide it, add one that exports it:
              [components.warehouse]
              source = "warehouse.wasm"
    "#);
}

/// The nearest match is named first.
#[test]
fn an_import_that_nearly_exists() {
    let said = check_guest(&guests::near_miss());
    let hint = said.split("hint:").nth(1).unwrap();
    assert!(hint.split('`').find(|word| word.contains('/')) == Some("wasi:keyvalue/store@0.2.0-draft"), "{said}");
    insta::assert_snapshot!(said, @r#"
    exit: 2
    ----- stderr
    error: component `near-miss` imports `wasi:keyvalue/stor@0.2.0-draft`, which nothing here provides
     --> ./wattle.toml:3:10
      |
    3 | source = "near-miss.wasm"
      |          ^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `wasi:keyvalue/store@0.2.0-draft`? build the component against that, or compose a component that exports `wasi:keyvalue/stor@0.2.0-draft` into this one, as with `wac plug`
    "#);
}

/// The files of the host, too: what stops its start is found here.
#[test]
fn files_that_the_host_needs() {
    let host = r#"
control = { listen = "127.0.0.1:7000", cert = "control.pem", key = "control.key", token-file = "token" }
[[tls]]
cert = "cert.pem"
key = "key.pem"
[backends.nats]
type = "nats"
nkey = "seed"
[backends.nats.tls]
ca = "ca.pem"
[registries."registry.example.com"]
ca = "registry.pem"
"#;
    let app = App::of(&guests::hello(), "").file("host.toml", host).file("seed", "\n").file("token", "short\n");
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--config", "host.toml"]), @"
    exit: 2
    ----- stderr
    error: cannot read cert.pem, which is part of a certificate: No such file or directory (os error 2)
    --> host.toml
     = hint: correct the path

    error: cannot read control.pem, which is part of a certificate: No such file or directory (os error 2)
    --> host.toml
     = hint: correct the path

    error: nobody can ask the host from another machine: others than its owner may use token: its mode is 644
    --> host.toml
     = hint: close it with `chmod 600 token`

    error: cannot ask registries: cannot read certificates from registry.pem: I/O error: No such file or directory (os error 2)
    --> host.toml

    error: backend `nats`: seed cannot be used: its first line is empty
    --> host.toml
     = hint: correct the path in the host's file, or write the file anew
    ");
    let app = App::new(
        "name = \"a\"\n[components.hello]\nsource = \"hello.wasm\"\n[backends.own]\ntype = \"nats\"\ncredentials = \"none.creds\"\n",
    );
    insta::assert_snapshot!(check(&app.guest(&guests::hello())), @"
    exit: 2
    ----- stderr
    error: backend `own`: cannot read the credentials in DIR/none.creds: No such file or directory (os error 2)
    --> ./wattle.toml
    ");
}
