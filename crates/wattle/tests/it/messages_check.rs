//! Message triggers that are refused, and what is said of those that are not.

use serde_json::Value;
use wattle_testkit::App;

use crate::WATTLE;
use crate::messages::{post, trigger};

/// A component that takes messages and imports nothing.
const HANDLER: &str = r#"(component
    (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "handle") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 16)))
    (core instance $i (instantiate $m))
    (type $message (record (field "subject" string) (field "body" (list u8)) (field "reply-to" (option string))))
    (func $handle (param "msg" $message) (result (result (error string)))
        (canon lift (core func $i "handle") (memory $i "memory") (realloc (func $i "realloc"))))
    (component $shim
        (type $message (record (field "subject" string) (field "body" (list u8)) (field "reply-to" (option string))))
        (import "message" (type $imported (eq $message)))
        (import "handle" (func $handle (param "msg" $imported) (result (result (error string)))))
        (export $exported "broker-message" (type $message))
        (export "handle-message" (func $handle) (func (param "msg" $exported) (result (result (error string))))))
    (instance $handler (instantiate $shim (with "message" (type $message)) (with "handle" (func $handle))))
    (export "wasmcloud:messaging/handler@0.2.0" (instance $handler)))"#;

fn handler(more: &str) -> App {
    let text = format!("name = \"shop\"\n[components.worker]\nsource = \"worker.wat\"\n{more}\n");
    App::new(&(text + &trigger("worker", "orders.>", "dead-letter = \"failed\""))).file("worker.wat", HANDLER)
}

/// A handler is linked like an import, by the same rules.
#[test]
fn handlers_are_linked() {
    for (links, backend, rule) in [
        ("", "disk", "built-in"),
        ("links = { \"wasmcloud:messaging\" = \"memory\" }", "memory", "component-link"),
        ("links = { \"wasmcloud:messaging/handler\" = \"memory\" }", "memory", "component-link"),
        ("[links]\n\"wasmcloud:messaging\" = \"memory\"", "memory", "app-link"),
    ] {
        let explained = WATTLE.run(&handler(links), ["explain", "--json"]);
        let json: Value = serde_json::from_str(&explained.stdout).unwrap();
        let import = &json["components"][0]["imports"][0];
        assert_eq!(import["import"], "wasmcloud:messaging/handler@0.2.0", "{explained}");
        assert_eq!((&import["backend"], &import["rule"]), (&backend.into(), &rule.into()), "{links}");
        let message = &json["messages"][0];
        let told = ["subject", "component", "group", "dead_letter"].map(|key| message[key].as_str().unwrap());
        assert_eq!(told, ["orders.>", "worker", "default/shop/worker", "failed"]);
    }
    let app = handler("");
    let page = WATTLE.run(&app, ["explain"]).stdout;
    assert!(page.ends_with("messages\n  worker  orders.>  one of default/shop/worker\n"), "{page}");
    assert!(WATTLE.up(&app).start().stop().is_ok());
}

#[test]
fn faults() {
    let app = App::new(
        "name = \"shop\"\n[components.web]\nsource = \"hello.wasm\"\n[components.a]\nsource = \"courier.wasm\"\n\
         [services.site]\nsource = \"command.wasm\"\n\
         [[triggers.message]]\nsubject = \"a\"\ncomponent = \"web\"\n\
         [[triggers.message]]\nsubject = \"a\"\ncomponent = \"nobody\"\n\
         [[triggers.message]]\nsubject = \"a\"\ncomponent = \"site\"\n\
         [[triggers.message]]\nsubject = \"b\"\ncomponent = \"a\"\n\
         [[triggers.message]]\nsubject = \"b\"\ncomponent = \"a\"\ngroup = \"x\"\n\
         [[triggers.message]]\nsubject = \"c.>\"\ncomponent = \"a\"\ngroup = \"x\"\nbroadcast = true\ndead-letter = \"c.dead\"\n\
         [[triggers.message]]\nsubject = \"_INBOX.x\"\ncomponent = \"a\"\n\
         [[triggers.message]]\nsubject = \"d..e\"\ncomponent = \"a\"\nconcurrency = 0\nretry = { attempts = 0 }\n",
    );
    insta::assert_snapshot!(WATTLE.run(&app, ["check"]), @r#"
    exit: 2
    ----- stderr
    error: component `web` does not take messages
      --> ./wattle.toml:10:13
       |
    10 | component = "web"
       |             ^^^^^
       |
       = hint: it must export wasi:messaging/incoming-handler@0.2.0-draft or wasmcloud:messaging/handler@0.2; it exports `wasi:http/incoming-handler@0.2.12`

    error: there is no component `nobody`
      --> ./wattle.toml:13:13
       |
    13 | component = "nobody"
       |             ^^^^^^^^
       |
       = hint: the components are `a` and `web`

    error: `site` is a service, and nothing calls a service
      --> ./wattle.toml:16:13
       |
    16 | component = "site"
       |             ^^^^^^
       |
       = hint: remove the trigger, or make it a component

    error: `a` hears of `b` twice
      --> ./wattle.toml:21:11
       |
    18 | subject = "b"
       |           --- the first is here
    ...
    21 | subject = "b"
       |           ^^^
       |
       = hint: remove one of the two

    error: a message goes to everyone or to one of a group
      --> ./wattle.toml:27:9
       |
    27 | group = "x"
       |         ^^^
       |
       = hint: remove `group` or `broadcast`

    error: the trigger hears of its own dead letters: `c.dead` is among `c.>`
      --> ./wattle.toml:29:15
       |
    29 | dead-letter = "c.dead"
       |               ^^^^^^^^
       |
       = hint: write a subject that `subject` does not match

    error: nobody hears of `_INBOX.x` but who asked: it is for answers to requests
      --> ./wattle.toml:31:11
       |
    31 | subject = "_INBOX.x"
       |           ^^^^^^^^^^
       |
       = hint: give what is published a subject of its own

    error: there is nothing between two dots of "d..e", or before the first, or after the last
      --> ./wattle.toml:34:11
       |
    34 | subject = "d..e"
       |           ^^^^^^
       |
       = hint: as in `"orders.>"`

    error: `triggers.message.concurrency` must be a whole number from 1 to 1024
      --> ./wattle.toml:36:15
       |
    36 | concurrency = 0
       |               ^
       |
       = hint: choose a number in that range

    error: `triggers.message.retry.attempts` must be a whole number from 1 to 4294967295
      --> ./wattle.toml:37:22
       |
    37 | retry = { attempts = 0 }
       |                      ^
       |
       = hint: choose a number in that range
    "#);
}

/// Backends that cannot carry messages, and a host that gives none to apps.
#[test]
fn hosts_without_messages() {
    let app = handler("links = { \"wasmcloud:messaging\" = \"files\" }")
        .file("host.toml", "[backends.files]\ntype = \"files\"\ndirectory = \"secrets\"\n");
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--config", "host.toml"]), @r#"
    exit: 2
    ----- stderr
    error: backend `files`, which is of the type `files`, cannot keep messages
     --> ./wattle.toml:4:35
      |
    4 | links = { "wasmcloud:messaging" = "files" }
      |                                   ^^^^^^^
      |
      = hint: link `wasmcloud:messaging` to a backend of a type that can: `memory`, `disk` and `nats`
    "#);
    let app = handler("").file("host.toml", "off = [\"wasmcloud:messaging\"]\n");
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--config", "host.toml"]), @r#"
    exit: 2
    ----- stderr
    error: component `worker` exports `wasmcloud:messaging/handler@0.2.0`, which this host does not give to apps
     --> ./wattle.toml:3:10
      |
    3 | source = "worker.wat"
      |          ^^^^^^^^^^^^
      |
      = hint: the host's file switches it off with `off = ["wasmcloud:messaging"]`: ask its operator, or use another host
    "#);
    let app = handler("").file("host.toml", "off = [\"wasmcloud:messagin\"]\n");
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--config", "host.toml"]), @r#"
    exit: 2
    ----- stderr
    error: `off` names wasmcloud:messagin, which the host does not have
    --> host.toml
     = hint: did you mean `wasmcloud:messaging`?
    "#);
}

/// The host's links of what it does not have.
#[test]
fn links_of_the_host() {
    let links =
        "[links]\n\"wasi:blobstor\" = \"disk\"\n\"acme:fruit/apple#red\" = \"disk\"\n\"wasi:keyvalue#a\" = \"disk\"\n";
    let app = handler("").file("host.toml", links);
    insta::assert_snapshot!(WATTLE.run(&app, ["check", "--config", "host.toml"]), @r#"
    exit: 2
    ----- stderr
    error: `links` names wasi:blobstor, which the host does not have
     --> host.toml:2:1
      |
    2 | "wasi:blobstor" = "disk"
      | ^^^^^^^^^^^^^^^
      |
      = hint: did you mean `wasi:blobstore`?

    error: `links` names acme:fruit/apple, which the host does not have
     --> host.toml:3:1
      |
    3 | "acme:fruit/apple#red" = "disk"
      | ^^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: packages are written as in "wasi:keyvalue", interfaces as in "wasi:config/store"
    "#);
}

/// A key that speaks of messaging is a slip where no trigger calls the component and it imports nothing of it.
#[test]
fn idle_links() {
    let app = App::new("name = \"shop\"\n[components.worker]\nsource = \"worker.wat\"\nlinks = { \"wasmcloud:messaging\" = \"disk\" }\n")
        .file("worker.wat", HANDLER);
    insta::assert_snapshot!(WATTLE.run(&app, ["check"]), @r#"
    exit: 2
    ----- stderr
    error: component `worker` imports nothing of `wasmcloud:messaging`
     --> ./wattle.toml:4:11
      |
    4 | links = { "wasmcloud:messaging" = "disk" }
      |           ^^^^^^^^^^^^^^^^^^^^^
      |
      = hint: it imports no interfaces at all; remove the link
    "#);
    assert!(WATTLE.run(&post(&["a"], "disk", ""), ["check"]).is_ok());
}
