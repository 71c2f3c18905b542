//! `wattle check`: every fault has its place, its reason and what to do about it.

use wattle_testkit::{App, guests};

use crate::WATTLE;

/// What `check` says of a manifest.
fn check(manifest: &str) -> String {
    WATTLE.run(&App::new(manifest), ["check"]).to_string()
}

/// What `check` says of a file.
fn check_file(name: &str, content: impl AsRef<[u8]>) -> String {
    WATTLE.run(&App::empty().file(name, content), ["check", name]).to_string()
}

/// What `check` says of a guest that every request goes to.
fn check_guest(guest: &std::path::Path) -> String {
    WATTLE.run(&App::of(guest, ""), ["check"]).to_string()
}

const HELLO: &str = "name = \"a\"\n[components.hello]\nsource = \"hello.wasm\"\n";

#[test]
fn a_good_one() {
    insta::assert_snapshot!(check(HELLO), @r"
    exit: 0
    ----- stdout
    ./wattle.toml: app a is fine (1 component, 0 routes)
    ");
    insta::assert_snapshot!(check_guest(&guests::guestbook()), @r"
    exit: 0
    ----- stdout
    ./wattle.toml: app guestbook is fine (1 component, 1 route)
    ");
}

#[test]
fn an_unknown_key() {
    insta::assert_snapshot!(check(&format!("{HELLO}sorce = 1\n")), @r"
    exit: 2
    ----- stderr
    error: unknown key `sorce` in `components.hello`
     --> ./wattle.toml:4:1
      |
    4 | sorce = 1
      | ^^^^^
      |
      = hint: did you mean `source`?
    ");
}

#[test]
fn a_wrong_type() {
    insta::assert_snapshot!(check("name = 7\n[components.hello]\nsource = \"hello.wasm\"\nlimits = { memory = 64 }\n"), @r#"
    exit: 2
    ----- stderr
    error: `name` must be a string, not a whole number
     --> ./wattle.toml:1:8
      |
    1 | name = 7
      |        ^
      |
      = hint: write it in quotes, as in "shop"

    error: `components.hello.limits.memory` must be a string, not a whole number
     --> ./wattle.toml:4:21
      |
    4 | limits = { memory = 64 }
      |                     ^^
      |
      = hint: write it in quotes, as in "64MiB"
    "#);
}

#[test]
fn a_route_that_is_there_twice() {
    let trigger = "[[triggers.http]]\npath = \"/x\"\ncomponent = \"hello\"\n";
    insta::assert_snapshot!(check(&format!("{HELLO}{trigger}{trigger}")), @r#"
    exit: 2
    ----- stderr
    error: the route `/x` is there twice, for component `hello` and for `hello`
     --> ./wattle.toml:8:8
      |
    5 | path = "/x"
      |        ---- the first is here
    ...
    8 | path = "/x"
      |        ^^^^
      |
      = hint: give each route a path or a host of its own
    "#);
}

#[test]
fn a_file_that_is_missing() {
    insta::assert_snapshot!(check("name = \"a\"\n[components.hello]\nsource = \"helo.wasm\"\n"), @r#"
    exit: 2
    ----- stderr
    error: component `hello`: cannot read DIR/helo.wasm: No such file or directory (os error 2)
     --> ./wattle.toml:3:10
      |
    3 | source = "helo.wasm"
      |          ^^^^^^^^^^^
    "#);
}

#[test]
fn all_faults_at_once() {
    let manifest = "name = \"A B\"\nversoin = \"1\"\n[components.x]\nsource = \"no-such.wasm\"\n\
                    limits = { deadline = \"soon\" }\n[[triggers.http]]\npath = \"x\"\ncomponent = \"y\"\n";
    insta::assert_snapshot!(check(manifest), @r#"
    exit: 2
    ----- stderr
    error: a name is made of lower-case letters, digits and inner hyphens, 'A' is not
     --> ./wattle.toml:1:8
      |
    1 | name = "A B"
      |        ^^^^^
      |
      = hint: write `a-b`

    error: unknown key `versoin`
     --> ./wattle.toml:2:1
      |
    2 | versoin = "1"
      | ^^^^^^^
      |
      = hint: did you mean `version`?

    error: expected a whole number and one of the units ms, s, m, h, as in "10s"
     --> ./wattle.toml:5:23
      |
    5 | limits = { deadline = "soon" }
      |                       ^^^^^^

    error: a path begins with `/`, "x" does not
     --> ./wattle.toml:7:8
      |
    7 | path = "x"
      |        ^^^
      |
      = hint: write `/x`
    "#);
}

/// What is wrong in the text does not hide what is wrong with the files that it names.
#[test]
fn faults_of_the_text_and_of_the_files_come_together() {
    let said = check("name = \"a\"\nversoin = \"1\"\n[components.x]\nsource = \"no-such.wasm\"\n");
    assert!(said.contains("versoin") && said.contains("no-such.wasm"), "{said}");
}

/// A caret shows where, a hint says what to do.
#[test]
fn every_fault_has_a_hint() {
    let faulty = [
        "name = \n",
        "name = \"a\"\nname = \"b\"\n",
        "name = \"a\"\n[components.x]\nsource = \"no-such.wasm\"\n",
        "name = \"a\"\n[components.x]\nsource = \"x.wasm\"\nlimits = { deadline = \"soon\" }\n",
        "name = \"a\"\n[components.x]\nsource = \"x.wasm\"\nlimits = { handles = 0 }\n",
        "components = 1\n",
    ];
    let without: Vec<_> = faulty.iter().map(|text| check(text)).filter(|said| !said.contains("hint:")).collect();
    assert!(without.is_empty(), "no hint in:\n{}", without.join("\n"));
}

#[test]
fn what_is_no_toml() {
    insta::assert_snapshot!(check("name = \n"), @r"
    exit: 2
    ----- stderr
    error: string values must be quoted, expected literal string
     --> ./wattle.toml:1:8
      |
    1 | name = 
      |        ^
    ");
    insta::assert_snapshot!(check("name = \"a\"\nname = \"b\"\n"), @r#"
    exit: 2
    ----- stderr
    error: duplicate key
     --> ./wattle.toml:2:1
      |
    2 | name = "b"
      | ^^^^
    "#);
}

#[test]
fn nothing_there() {
    let app = App::empty();
    insta::assert_snapshot!(WATTLE.run(&app, ["check"]), @r"
    exit: 2
    ----- stderr
    error: there is no app at .: it has no wattle.toml
    hint: name a folder with a wattle.toml, or a .wasm file
    ");
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "shop"]), @r"
    exit: 2
    ----- stderr
    error: cannot read shop
      caused by: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(check_file("app.txt", "hello"), @r"
    exit: 2
    ----- stderr
    error: app.txt is neither a manifest nor a Wasm file
    hint: a manifest ends in .toml, a component in .wasm or .wat
    ");
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
    insta::assert_snapshot!(check_file("a.wat", "(component (oops))"), @r"
    exit: 2
    ----- stderr
    error: DIR/a.wat cannot be used: expected valid component field
         --> <anon>:1:13
          |
        1 | (component (oops))
          |             ^
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
    insta::assert_snapshot!(check_file("a.wasm", &whole[..1000]), @"");
}

/// A fault of a file is a fault of the line that names it.
#[test]
fn a_broken_file_in_a_manifest() {
    let app = App::new("name = \"a\"\n[components.x]\nsource = \"x.wasm\"\n").file("x.wasm", "hello");
    insta::assert_snapshot!(WATTLE.run(&app, ["check"]), @r#"
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
      = hint: the host provides `wasi:cli`, `wasi:clocks`, `wasi:config`, `wasi:filesystem`, `wasi:http`, `wasi:io`, `wasi:keyvalue`, `wasi:logging`, `wasi:random` and `wasi:sockets`
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
      = hint: of `wasi:keyvalue` the host has `wasi:keyvalue/store@0.2.0-draft`, `wasi:keyvalue/atomics@0.2.0-draft` and `wasi:keyvalue/batch@0.2.0-draft`
    "#);
}

#[test]
fn a_link_to_a_backend_that_is_not_there() {
    insta::assert_snapshot!(check(&format!("{HELLO}links = {{ \"wasi:keyvalue\" = \"orders\" }}\n")), @r#"
    exit: 2
    ----- stderr
    error: component `hello` imports nothing of `wasi:keyvalue`
     --> ./wattle.toml:4:11
      |
    4 | links = { "wasi:keyvalue" = "orders" }
      |           ^^^^^^^^^^^^^^^
      |
      = hint: the imports are of `wasi:http` and `wasi:io`
    "#);
    let linked = App::of(&guests::guestbook(), "links = { \"wasi:keyvalue\" = \"orders\" }");
    insta::assert_snapshot!(WATTLE.run(&linked, ["check"]), @r#"
    exit: 2
    ----- stderr
    error: there is no backend `orders`
     --> ./wattle.toml:4:29
      |
    4 | links = { "wasi:keyvalue" = "orders" }
      |                             ^^^^^^^^
      |
      = hint: the backends are `disk` and `memory`; to have another, add:
              [backends.orders]
              type = "disk"
    "#);
}

#[test]
fn faults_as_json() {
    let app = App::new("name = \"a\"\n[components.x]\nsource = \"no-such.wasm\"\nsorce = 1\n");
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--json"]), @r#"
    exit: 2
    ----- stdout
    {
      "file": "./wattle.toml",
      "faults": [
        {
          "message": "unknown key `sorce` in `components.x`",
          "line": 4,
          "column": 1,
          "hint": "did you mean `source`?"
        }
      ]
    }
    ----- stderr
    error: unknown key `sorce` in `components.x`
     --> ./wattle.toml:4:1
      |
    4 | sorce = 1
      | ^^^^^
      |
      = hint: did you mean `source`?
    "#);
    let app = App::of(&guests::hello(), "");
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--json"]), @r#"
    exit: 0
    ----- stdout
    {
      "file": "./wattle.toml",
      "faults": []
    }
    "#);
}

#[test]
fn a_fault_of_the_host_file() {
    let app = App::of(&guests::hello(), "").file("host.toml", "[limits]\ndrian = \"1s\"\n");
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--config", "host.toml"]), @r#"
    exit: 2
    ----- stderr
    error: unknown key `drian` in `limits`
     --> host.toml:2:1
      |
    2 | drian = "1s"
      | ^^^^^
      |
      = hint: did you mean `drain`?
    "#);
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--config", "none.toml"]), @r"
    exit: 2
    ----- stderr
    error: cannot read none.toml
      caused by: No such file or directory (os error 2)
    ");
}

/// A file of 10 MB and a deep one are refused or read, but do not hang or end the process.
#[test]
fn manifests_that_are_too_much() {
    let long = format!("name = \"a\"\n# {}\n", "x".repeat(10 << 20));
    let deep = format!("name = {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    for manifest in [long, deep] {
        let said = check(&manifest);
        assert!(said.starts_with("exit: 2\n"), "{}", &said[..said.len().min(1000)]);
    }
}
