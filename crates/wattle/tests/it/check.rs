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
    error: the route `/x` is there twice, for component `hello`
     --> ./wattle.toml:8:8
      |
    5 | path = "/x"
      |        ---- the first is here
    ...
    8 | path = "/x"
      |        ^^^^
      |
      = hint: remove one of the two
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

    error: component `x`: cannot read DIR/no-such.wasm: No such file or directory (os error 2)
     --> ./wattle.toml:4:10
      |
    4 | source = "no-such.wasm"
      |          ^^^^^^^^^^^^^^
      |
      = hint: build it first, or correct the path

    error: expected a whole number and one of the units ms, s, m, h, as in "10s"
     --> ./wattle.toml:5:23
      |
    5 | limits = { deadline = "soon" }
      |                       ^^^^^^
      |
      = hint: as in `"10s"`

    error: a path begins with `/`, "x" does not
     --> ./wattle.toml:7:8
      |
    7 | path = "x"
      |        ^^^
      |
      = hint: write `/x`
    "#);
}

/// Neither does what is wrong in the text hide what is wrong with the app, nor one file's faults the other's.
#[test]
fn all_faults_of_all_files_at_once() {
    let more = "instances = { reuse = 0 }\nlinks = { \"wasi:keyvalue\" = \"orders\" }\nlimits = { memory = \"0B\" }";
    let host = "[links]\n\"wasi:keyvalue\" = \"foo\"\n\"wasi:http\" = \"disk\"\n[limits]\ndrian = \"1s\"\n";
    let app = App::of(&guests::near_miss(), "").file("host.toml", host);
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--config", "host.toml"]), @r#"
    exit: 2
    ----- stderr
    error: component `near-miss` imports `wasi:keyvalue/stor@0.2.0-draft`, which nothing here provides
     --> ./wattle.toml:3:10
      |
    3 | source = "near-miss.wasm"
      |          ^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `wasi:keyvalue/store@0.2.0-draft`? build the component against that, or compose a component that exports `wasi:keyvalue/stor@0.2.0-draft` into this one, as with `wac plug`

    error: there is no backend `foo`
     --> host.toml:2:19
      |
    2 | "wasi:keyvalue" = "foo"
      |                   ^^^^^
      |
      = hint: the backends are `disk` and `memory`; to have another, add:
              [backends.foo]
              type = "disk"

    error: `wasi:http` keeps no state, so it cannot be linked to backend `disk`
     --> host.toml:3:15
      |
    3 | "wasi:http" = "disk"
      |               ^^^^^^
      |
      = hint: remove the link from host.toml: the host implements `wasi:http` itself

    error: unknown key `drian` in `limits`
     --> host.toml:5:1
      |
    5 | drian = "1s"
      | ^^^^^
      |
      = hint: did you mean `drain`?
    "#);
    let app = App::of(&guests::guestbook(), more).file("host.toml", "[links]\n\"wasi:http\" = \"disk\"\n");
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--json", "--config", "host.toml"]).stdout, @r#"
    {
      "file": "./wattle.toml",
      "faults": [
        {
          "file": "./wattle.toml",
          "message": "`components.guestbook.instances.reuse` must be a whole number from 1 to 4294967295",
          "line": 4,
          "column": 23,
          "hint": "choose a number in that range"
        },
        {
          "file": "./wattle.toml",
          "message": "there is no backend `orders`",
          "line": 5,
          "column": 29,
          "hint": "the backends are `disk` and `memory`; to have another, add:\n[backends.orders]\ntype = \"disk\""
        },
        {
          "file": "./wattle.toml",
          "message": "a size limit must be more than nothing",
          "line": 6,
          "column": 21,
          "hint": "as in `\"64MiB\"`"
        },
        {
          "file": "host.toml",
          "message": "`wasi:http` keeps no state, so it cannot be linked to backend `disk`",
          "line": 2,
          "column": 15,
          "hint": "remove the link from host.toml: the host implements `wasi:http` itself"
        }
      ]
    }
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
    insta::assert_snapshot!(check("name = \n"), @r#"
    exit: 2
    ----- stderr
    error: string values must be quoted, expected literal string
     --> ./wattle.toml:1:8
      |
    1 | name = 
      |        ^
      |
      = hint: this is TOML: `key = "value"`, `[table]`, `[[list of tables]]`
    "#);
    insta::assert_snapshot!(check("name = \"a\"\nname = \"b\"\n"), @r#"
    exit: 2
    ----- stderr
    error: duplicate key
     --> ./wattle.toml:2:1
      |
    2 | name = "b"
      | ^^^^
      |
      = hint: remove one of the two
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
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "shop"]), @"
    exit: 2
    ----- stderr
    error: cannot read shop
      caused by: No such file or directory (os error 2)
    hint: name a folder with a wattle.toml, a manifest, or a .wasm file; without a PATH it is this folder
    ");
    insta::assert_snapshot!(check_file("app.txt", "hello"), @r"
    exit: 2
    ----- stderr
    error: app.txt is neither a manifest nor a Wasm file
    hint: a manifest ends in .toml, a component in .wasm or .wat
    ");
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
          "file": "./wattle.toml",
          "message": "component `x`: cannot read DIR/no-such.wasm: No such file or directory (os error 2)",
          "line": 3,
          "column": 10,
          "hint": "build it first, or correct the path"
        },
        {
          "file": "./wattle.toml",
          "message": "unknown key `sorce` in `components.x`",
          "line": 4,
          "column": 1,
          "hint": "did you mean `source`?"
        }
      ]
    }
    ----- stderr
    error: component `x`: cannot read DIR/no-such.wasm: No such file or directory (os error 2)
     --> ./wattle.toml:3:10
      |
    3 | source = "no-such.wasm"
      |          ^^^^^^^^^^^^^^
      |
      = hint: build it first, or correct the path

    error: unknown key `sorce` in `components.x`
     --> ./wattle.toml:4:1
      |
    4 | sorce = 1
      | ^^^^^
      |
      = hint: did you mean `source`?
    "#);
    insta::assert_snapshot!(WATTLE.run(&App::empty(), ["check", "--json", "shop"]), @r#"
    exit: 2
    ----- stdout
    {
      "file": "shop",
      "faults": [
        {
          "file": null,
          "message": "cannot read shop: No such file or directory (os error 2)",
          "line": null,
          "column": null,
          "hint": "name a folder with a wattle.toml, a manifest, or a .wasm file; without a PATH it is this folder"
        }
      ]
    }
    ----- stderr
    error: cannot read shop
      caused by: No such file or directory (os error 2)
    hint: name a folder with a wattle.toml, a manifest, or a .wasm file; without a PATH it is this folder
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
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--config", "none.toml"]), @"
    exit: 2
    ----- stderr
    error: cannot read none.toml
      caused by: No such file or directory (os error 2)
    hint: correct the path, or leave `--config` out: a host without a file has the defaults
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
