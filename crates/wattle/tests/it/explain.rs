//! `wattle explain`: which provider each import has, and which rule chose it.

use wattle_testkit::{App, guests};

use crate::WATTLE;

/// The lines of the interfaces that can be linked; the others are built in, always.
fn explain(app: &App, arguments: &[&str]) -> String {
    let ran = WATTLE.run(app, [&["explain"], arguments].concat());
    let said = ran.to_string();
    let is_core =
        |line: &&str| ["  wasi:cli/", "  wasi:io/", "  wasi:clocks/"].iter().any(|core| line.starts_with(core));
    let kept = said.lines().filter(|line| !is_core(line));
    kept.map(|line| format!("{line}\n")).collect()
}

fn guestbook(more: &str) -> App {
    App::of(&guests::guestbook(), more)
}

#[test]
fn the_default() {
    insta::assert_snapshot!(explain(&guestbook(""), &[]), @r#"
    exit: 0
    ----- stdout
    guestbook
      wasi:config/store@0.2.0-rc.1        built-in      nothing links it, and the host implements it without a backend
      wasi:keyvalue/store@0.2.0-draft     backend disk  nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
      wasi:keyvalue/atomics@0.2.0-draft   backend disk  nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
      wasi:keyvalue/batch@0.2.0-draft     backend disk  nothing links it, and `defaults = "dev"` of the host keeps keys and values in `disk`
      wasi:logging/logging@0.1.0-draft    built-in      nothing links it, and the host implements it without a backend
      wasi:http/types@0.2.12              built-in      the host implements it and it keeps no state
      granted: no files, no environment, no network
    "#);
}

#[test]
fn the_example() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/guestbook");
    let said = explain(&App::empty(), &[example]);
    assert_eq!(said, explain(&guestbook(""), &[]));
}

#[test]
fn a_link_of_the_component() {
    insta::assert_snapshot!(explain(&guestbook("links = { \"wasi:keyvalue\" = \"memory\" }"), &[]), @r#"
    exit: 0
    ----- stdout
    guestbook
      wasi:config/store@0.2.0-rc.1        built-in        nothing links it, and the host implements it without a backend
      wasi:keyvalue/store@0.2.0-draft     backend memory  the component's links say `"wasi:keyvalue" = "memory"`; else backend disk
      wasi:keyvalue/atomics@0.2.0-draft   backend memory  the component's links say `"wasi:keyvalue" = "memory"`; else backend disk
      wasi:keyvalue/batch@0.2.0-draft     backend memory  the component's links say `"wasi:keyvalue" = "memory"`; else backend disk
      wasi:logging/logging@0.1.0-draft    built-in        nothing links it, and the host implements it without a backend
      wasi:http/types@0.2.12              built-in        the host implements it and it keeps no state
      granted: no files, no environment, no network
    "#);
}

#[test]
fn a_link_of_the_app() {
    let more = "[backends.notes]\ntype = \"memory\"\n[links]\n\"wasi:keyvalue\" = \"notes\"";
    insta::assert_snapshot!(explain(&guestbook(more), &[]), @r#"
    exit: 0
    ----- stdout
    guestbook
      wasi:config/store@0.2.0-rc.1        built-in       nothing links it, and the host implements it without a backend
      wasi:keyvalue/store@0.2.0-draft     backend notes  the app's links say `"wasi:keyvalue" = "notes"`; else backend disk
      wasi:keyvalue/atomics@0.2.0-draft   backend notes  the app's links say `"wasi:keyvalue" = "notes"`; else backend disk
      wasi:keyvalue/batch@0.2.0-draft     backend notes  the app's links say `"wasi:keyvalue" = "notes"`; else backend disk
      wasi:logging/logging@0.1.0-draft    built-in       nothing links it, and the host implements it without a backend
      wasi:http/types@0.2.12              built-in       the host implements it and it keeps no state
      granted: no files, no environment, no network
    "#);
}

/// The component's link beats the app's, the most specific key wins within each.
#[test]
fn several_links() {
    let more = "links = { \"wasi:keyvalue/atomics\" = \"memory\" }\n[links]\n\"wasi:keyvalue\" = \"memory\"";
    insta::assert_snapshot!(explain(&guestbook(more), &[]), @r#"
    exit: 0
    ----- stdout
    guestbook
      wasi:config/store@0.2.0-rc.1        built-in        nothing links it, and the host implements it without a backend
      wasi:keyvalue/store@0.2.0-draft     backend memory  the app's links say `"wasi:keyvalue" = "memory"`; else backend disk
      wasi:keyvalue/atomics@0.2.0-draft   backend memory  the component's links say `"wasi:keyvalue/atomics" = "memory"`; else backend disk
      wasi:keyvalue/batch@0.2.0-draft     backend memory  the app's links say `"wasi:keyvalue" = "memory"`; else backend disk
      wasi:logging/logging@0.1.0-draft    built-in        nothing links it, and the host implements it without a backend
      wasi:http/types@0.2.12              built-in        the host implements it and it keeps no state
      granted: no files, no environment, no network
    "#);
}

#[test]
fn a_default_of_the_host() {
    let app = guestbook("").file("host.toml", "[links]\n\"wasi:keyvalue\" = \"memory\"\n");
    insta::assert_snapshot!(explain(&app, &["--config", "host.toml"]), @r#"
    exit: 0
    ----- stdout
    guestbook
      wasi:config/store@0.2.0-rc.1        built-in        nothing links it, and the host implements it without a backend
      wasi:keyvalue/store@0.2.0-draft     backend memory  the links of the host's file say `"wasi:keyvalue" = "memory"`; else backend disk
      wasi:keyvalue/atomics@0.2.0-draft   backend memory  the links of the host's file say `"wasi:keyvalue" = "memory"`; else backend disk
      wasi:keyvalue/batch@0.2.0-draft     backend memory  the links of the host's file say `"wasi:keyvalue" = "memory"`; else backend disk
      wasi:logging/logging@0.1.0-draft    built-in        nothing links it, and the host implements it without a backend
      wasi:http/types@0.2.12              built-in        the host implements it and it keeps no state
      granted: no files, no environment, no network
    "#);
    let app = guestbook("links = { \"wasi:keyvalue\" = \"disk\" }")
        .file("host.toml", "[links]\n\"wasi:keyvalue\" = \"memory\"\n");
    insta::assert_snapshot!(explain(&app, &["--config", "host.toml"]), @r#"
    exit: 0
    ----- stdout
    guestbook
      wasi:config/store@0.2.0-rc.1        built-in      nothing links it, and the host implements it without a backend
      wasi:keyvalue/store@0.2.0-draft     backend disk  the component's links say `"wasi:keyvalue" = "disk"`; else backend memory; else backend disk
      wasi:keyvalue/atomics@0.2.0-draft   backend disk  the component's links say `"wasi:keyvalue" = "disk"`; else backend memory; else backend disk
      wasi:keyvalue/batch@0.2.0-draft     backend disk  the component's links say `"wasi:keyvalue" = "disk"`; else backend memory; else backend disk
      wasi:logging/logging@0.1.0-draft    built-in      nothing links it, and the host implements it without a backend
      wasi:http/types@0.2.12              built-in      the host implements it and it keeps no state
      granted: no files, no environment, no network
    "#);
}

/// What a component may touch beside what it is linked to is as much a part of the answer.
#[test]
fn grants() {
    let more = "mounts = [{ host = \"in\", guest = \"/in\" }, { host = \"out\", guest = \"/out\", access = \"read-write\" }]\n\
                env = { LEVEL = \"canary\", LANG = \"C\" }\n\
                allow = { http = [\"https://*.example.com\", \"http://localhost:8081\"], networks = [\"loopback\", \"10.1.0.0/16\"], tcp = [\"private:5432\"], udp = [\"loopback:*\"] }";
    let app = App::of(&guests::unknown_import(), more).file("in/a", "").file("out/b", "");
    let ran = WATTLE.run(&app, ["explain"]);
    insta::assert_snapshot!(ran.stdout, @"
    unknown-import
      acme:warehouse/stock@1.0.0  refused   component `unknown-import` imports `acme:warehouse/stock@1.0.0`, which nothing here provides
      wasi:http/types@0.2.0       built-in  the host implements it and it keeps no state
      granted: DIR/in at /in (read)
      granted: DIR/out at /out (read-write)
      granted: the variable LANG
      granted: the variable LEVEL
      granted: requests to https://*.example.com
      granted: requests to http://localhost:8081
      granted: the network loopback
      granted: the network 10.1.0.0/16
      granted: TCP with private:5432
      granted: UDP with loopback:*
    ");
    let ran = WATTLE.run(&app, ["explain", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&told["components"][0]["grants"]).unwrap(), @r#"
    {
      "env": [
        "LANG",
        "LEVEL"
      ],
      "http": [
        "https://*.example.com",
        "http://localhost:8081"
      ],
      "listen": [],
      "mounts": [
        {
          "access": "read",
          "guest": "/in",
          "host": "DIR/in"
        },
        {
          "access": "read-write",
          "guest": "/out",
          "host": "DIR/out"
        }
      ],
      "networks": [
        "loopback",
        "10.1.0.0/16"
      ],
      "secrets": [],
      "tcp": [
        "private:5432"
      ],
      "udp": [
        "loopback:*"
      ]
    }
    "#);
    assert!(!ran.stdout.contains("canary"));
}

/// A component that imports nothing is there too.
#[test]
fn no_imports_and_no_grants() {
    let app = App::of(&guests::not_http(), "")
        .file("wattle.toml", "name = \"a\"\ncomponents.quiet.source = \"not-http.wasm\"\n");
    insta::assert_snapshot!(WATTLE.run(&app, ["explain"]), @"
    exit: 0
    ----- stdout
    quiet
      granted: no files, no environment, no network
    ");
}

/// Nothing shows as `memory` what is kept on disk.
#[test]
fn a_backend_that_is_not_what_it_is_called() {
    let app = guestbook("links = { \"wasi:keyvalue\" = \"memory\" }\n[backends.memory]\ntype = \"disk\"");
    insta::assert_snapshot!(explain(&app, &[]), @"
    exit: 2
    ----- stderr
    error: the backend `memory`, which every host has, cannot be of the type `disk`
     --> ./wattle.toml:5:11
      |
    5 | [backends.memory]
      |           ^^^^^^
      |
      = hint: choose another name for a backend of that type, as in [backends.my-disk]
    ");
}

#[test]
fn what_is_refused() {
    insta::assert_snapshot!(explain(&App::of(&guests::unknown_import(), ""), &[]), @r#"
    exit: 2
    ----- stdout
    unknown-import
      acme:warehouse/stock@1.0.0  refused   component `unknown-import` imports `acme:warehouse/stock@1.0.0`, which nothing here provides
      wasi:http/types@0.2.0       built-in  the host implements it and it keeps no state
      granted: no files, no environment, no network
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

#[test]
fn as_json() {
    let app = App::of(&guests::near_miss(), "");
    insta::assert_snapshot!(WATTLE.run(&app, ["explain", "--json"]), @r#"
    exit: 2
    ----- stdout
    {
      "app": "near-miss",
      "components": [
        {
          "component": "near-miss",
          "service": false,
          "imports": [
            {
              "import": "wasi:keyvalue/stor@0.2.0-draft",
              "provider": null,
              "backend": null,
              "component": null,
              "mode": null,
              "rule": "refused",
              "reason": "component `near-miss` imports `wasi:keyvalue/stor@0.2.0-draft`, which nothing here provides",
              "hint": "did you mean `wasi:keyvalue/store@0.2.0-draft`? build the component against that, or compose a component that exports `wasi:keyvalue/stor@0.2.0-draft` into this one, as with `wac plug`",
              "settings": {},
              "others": []
            },
            {
              "import": "wasi:http/types@0.2.0",
              "provider": "built-in",
              "backend": null,
              "component": null,
              "mode": null,
              "rule": "built-in",
              "reason": "the host implements it and it keeps no state",
              "hint": null,
              "settings": {},
              "others": []
            }
          ],
          "grants": {
            "mounts": [],
            "env": [],
            "secrets": [],
            "http": [],
            "networks": [],
            "tcp": [],
            "udp": [],
            "listen": []
          }
        }
      ],
      "files": [],
      "schedules": [],
      "messages": []
    }
    ----- stderr
    error: component `near-miss` imports `wasi:keyvalue/stor@0.2.0-draft`, which nothing here provides
     --> ./wattle.toml:3:10
      |
    3 | source = "near-miss.wasm"
      |          ^^^^^^^^^^^^^^^^
      |
      = hint: did you mean `wasi:keyvalue/store@0.2.0-draft`? build the component against that, or compose a component that exports `wasi:keyvalue/stor@0.2.0-draft` into this one, as with `wac plug`
    "#);
    let ran = WATTLE.run(&guestbook(""), ["explain", "--json"]);
    let app: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let imports = app["components"][0]["imports"].as_array().unwrap();
    let store = imports.iter().find(|line| line["import"] == "wasi:keyvalue/store@0.2.0-draft").unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(store).unwrap(), @r#"
    {
      "backend": "disk",
      "component": null,
      "hint": null,
      "import": "wasi:keyvalue/store@0.2.0-draft",
      "mode": null,
      "others": [],
      "provider": "backend",
      "reason": "nothing links it, and `defaults = \"dev\"` of the host keeps keys and values in `disk`",
      "rule": "built-in",
      "settings": {
        "scope": "app",
        "type": "disk"
      }
    }
    "#);
}
