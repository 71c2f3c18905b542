//! `wattle inspect`: what a file is and what it could touch.

use std::path::Path;

use wattle_testkit::{App, guests};

use crate::WATTLE;

fn inspect(file: &Path, flag: &[&str]) -> String {
    let ran = WATTLE.run(&App::empty(), [&["inspect", file.to_str().unwrap()], flag].concat());
    without_identity(&ran.to_string())
}

/// Digests and sizes change with each build of a guest; everything else stays.
fn without_identity(text: &str) -> String {
    let mut clean = String::new();
    for line in text.lines() {
        let line = match line.split_once("sha256:") {
            Some((before, after)) => format!("{before}sha256:DIGEST{}", &after[64..]),
            None => line.to_owned(),
        };
        let is_size = line.starts_with("size ") || line.trim_start().starts_with("\"size_bytes\"");
        clean += if is_size { "SIZE" } else { &line };
        clean += "\n";
    }
    clean
}

#[test]
fn a_module() {
    insta::assert_snapshot!(inspect(&guests::module(), &[]), @r"
    exit: 0
    ----- stdout
    digest   sha256:DIGEST
    SIZE
    kind     core module
    imports  wasi_snapshot_preview1.fd_write
    exports  memory
             _start
    touches  files and standard output
    ");
    insta::assert_snapshot!(inspect(&guests::module(), &["--wit"]), @r"
    exit: 2
    ----- stderr
    error: GUESTS/module.wasm has no WIT: it is a core module
    hint: only components carry their WIT
    ");
}

#[test]
fn a_component_of_0_2() {
    insta::assert_snapshot!(inspect(&guests::hello(), &[]), @r"
    exit: 0
    ----- stdout
    digest   sha256:DIGEST
    SIZE
    kind     component (WASI 0.2)
    imports  wasi:io/error@0.2.12
             wasi:io/streams@0.2.12
             wasi:http/types@0.2.12
    exports  wasi:http/incoming-handler@0.2.12
    touches  nothing
    ");
}

#[test]
fn a_component_of_0_3() {
    insta::assert_snapshot!(inspect(&guests::hello_p3(), &[]), @r"
    exit: 0
    ----- stdout
    digest   sha256:DIGEST
    SIZE
    kind     component (WASI 0.3)
    imports  wasi:http/types@0.3.2
             wasi:io/poll@0.2.12
             wasi:clocks/monotonic-clock@0.2.12
             wasi:io/error@0.2.12
             wasi:io/streams@0.2.12
             wasi:cli/environment@0.2.12
             wasi:cli/exit@0.2.12
             wasi:cli/stdin@0.2.12
             wasi:cli/stdout@0.2.12
             wasi:cli/stderr@0.2.12
             wasi:cli/terminal-input@0.2.12
             wasi:cli/terminal-output@0.2.12
             wasi:cli/terminal-stdin@0.2.12
             wasi:cli/terminal-stdout@0.2.12
             wasi:cli/terminal-stderr@0.2.12
    exports  wasi:http/handler@0.3.2
    touches  clocks
             environment and arguments
             standard input
             standard output
    ");
}

#[test]
fn what_it_could_touch() {
    let said = inspect(&guests::state(), &[]);
    insta::assert_snapshot!(said.split("touches").nth(1).unwrap(), @r"
    clocks
           configuration
           environment and arguments
           files
           keyvalue state
           log
           network: names (DNS)
           network: outgoing HTTP
           network: sockets
           random numbers
           standard input
           standard output
    ");
}

#[test]
fn as_wit() {
    insta::assert_snapshot!(inspect(&guests::unknown_import(), &["--wit"]), @r"
    exit: 0
    ----- stdout
    package root:component;

    world root {
      import acme:warehouse/stock@1.0.0;
      import wasi:http/types@0.2.0;

      export wasi:http/incoming-handler@0.2.0;
    }
    package acme:warehouse@1.0.0 {
      interface stock {
        count: func(item: string) -> u32;
      }
    }


    package wasi:http@0.2.0 {
      interface types {
        resource incoming-request;

        resource response-outparam;
      }
      interface incoming-handler {
        handle: func(request: incoming-request, response-out: response-outparam);
      }
    }
    ");
    let wit = inspect(&guests::guestbook(), &["--wit"]);
    assert!(wit.contains("import wasi:keyvalue/store@0.2.0-draft;"), "{wit}");
    assert!(wit.contains("increment: func("), "{wit}");
}

#[test]
fn as_json() {
    insta::assert_snapshot!(inspect(&guests::not_http(), &["--json"]), @r#"
    exit: 0
    ----- stdout
    {
      "digest": "sha256:DIGEST",
    SIZE
      "kind": "component-0.2",
      "imports": [],
      "exports": [
        "wasi:cli/run@0.2.0"
      ],
      "touches": []
    }
    "#);
}

#[test]
fn a_text() {
    let app =
        App::empty().file("add.wat", "(module (func (export \"add\") (param i32 i32) (result i32) (i32.const 1)))");
    insta::assert_snapshot!(WATTLE.run(&app, ["inspect", "add.wat"]), @"
    exit: 0
    ----- stdout
    digest   sha256:a312629fc61589cb03559778ebf0271d7e5ee8ecf36431261d77861c55cd7666
    size     38 bytes
    kind     core module
    imports  nothing
    exports  add
    touches  nothing
    ");
}

#[test]
fn what_cannot_be_inspected() {
    let app = App::empty().file("a.wasm", "no").file("b.wat", "(module");
    insta::assert_snapshot!(WATTLE.run(&app, ["inspect", "none.wasm"]), @"
    exit: 2
    ----- stderr
    error: cannot read none.wasm
      caused by: No such file or directory (os error 2)
    hint: build it first, or correct the path
    ");
    insta::assert_snapshot!(WATTLE.run(&app, ["inspect", "a.wasm"]), @r"
    exit: 2
    ----- stderr
    error: a.wasm cannot be used
      caused by: this is not WebAssembly, it looks like a text
    hint: name a .wasm file
    ");
    insta::assert_snapshot!(WATTLE.run(&app, ["inspect", "b.wat"]), @"
    exit: 2
    ----- stderr
    error: b.wat cannot be used: expected `)`
         --> b.wat:1:8
          |
        1 | (module
          |        ^
    hint: ask `wasm-tools parse` for more
    ");
    insta::assert_snapshot!(WATTLE.run(&app, ["inspect", "."]), @"
    exit: 2
    ----- stderr
    error: . is a directory and no regular file
    hint: name a regular file; what comes out of a pipe or a device has to be put into one first
    ");
    insta::assert_snapshot!(WATTLE.run(&app, ["inspect", "a.wasm", "--wit", "--json"]), @r"
    exit: 2
    ----- stderr
    error: the argument '--wit' cannot be used with '--json'

    Usage: wattle inspect --wit <WHAT>

    For more information, try '--help'.
    ");
}

/// The size and the digest are those of the bytes.
#[test]
fn the_identity() {
    let ran = WATTLE.run(&App::empty(), ["inspect", guests::hello().to_str().unwrap(), "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["size_bytes"], std::fs::metadata(guests::hello()).unwrap().len());
    assert_eq!(told["digest"].as_str().unwrap().len(), "sha256:".len() + 64);
}
