//! Components that are called together have worlds of their own: whatever a callee imports is its own, and a crew of as many
//! as there may be runs.

use std::net::TcpListener;

use serde_json::json;
use wattle_testkit::{App, Connection, Head, Server};

use crate::WATTLE;
use crate::messages::{trigger, wait_for_seen};
use crate::relink::{back_and_forth, is_set, set};

/// A caller that passes every request on to the component that it is linked to.
const FRONT: &str = include_str!("together/front.wat");
const FRONT_P3: &str = include_str!("together/front-p3.wat");

fn up(app: &App) -> Server {
    WATTLE.up(app).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// The front with something at each of these marks.
fn front(marks: &[(&str, &str)]) -> String {
    marks.iter().fold(FRONT.to_owned(), |text, (mark, more)| {
        let mark = format!("(;{mark};)");
        assert!(text.contains(&mark), "{mark}");
        text.replace(&mark, more)
    })
}

/// A front that fails unless the number that it draws is as expected: `eq` or `ne` to `number`. It exports `own`, too.
///
/// Of the versions of a track the newest is found. This is the host's own, so that what takes its place is found before it.
fn drawing(expected: &str, number: u8, own: Option<u8>) -> String {
    let exports = own.map(numbers).unwrap_or_default();
    front(&[
        (
            "IMPORTS",
            r#"(import "wasi:random/insecure@0.2.12" (instance $dice
                (export "get-insecure-random-u64" (func (result u64)))))"#,
        ),
        ("LOWERED", r#"(core func $draw (canon lower (func $dice "get-insecure-random-u64")))"#),
        ("CORE-IMPORTS", r#"(import "" "draw" (func $draw (result i64)))"#),
        ("FIRST", &format!("(if (i64.{expected} (call $draw) (i64.const {number})) (then) (else unreachable))")),
        ("WITH", r#"(export "draw" (func $draw))"#),
        ("EXPORTS", &exports),
    ])
}

/// What a component is made of that exports random numbers, all of which are `number`.
fn numbers(number: u8) -> String {
    format!(
        r#"(core module $numbers (func (export "draw") (result i64) (i64.const {number})))
           (core instance $numbers (instantiate $numbers))
           (func $number (result u64) (canon lift (core func $numbers "draw")))
           (instance $random (export "get-insecure-random-u64" (func $number)))
           (export "wasi:random/insecure@0.2.12" (instance $random))"#
    )
}

/// A front that notes in its own store of keys and values that it was called.
fn noting() -> String {
    let memory = r#"(memory $memory "memory") (realloc (func $memory "realloc"))"#;
    front(&[
        (
            "IMPORTS",
            r#"(import "wasi:keyvalue/store@0.2.0-draft" (instance $store
                (export "bucket" (type $bucket (sub resource)))
                (type $error' (variant (case "no-such-store") (case "access-denied") (case "other" string)))
                (export "error" (type $error (eq $error')))
                (export "open" (func (param "identifier" string) (result (result (own $bucket) (error $error)))))
                (export "[method]bucket.set" (func (param "self" (borrow $bucket)) (param "key" string)
                    (param "value" (list u8)) (result (result (error $error)))))))"#,
        ),
        (
            "LOWERED",
            &format!(
                r#"(core module $memory
                    (memory (export "memory") 1)
                    (data (i32.const 0) "defaultwhofront")
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048)))
                (core instance $memory (instantiate $memory))
                (core func $open (canon lower (func $store "open") {memory}))
                (core func $set (canon lower (func $store "[method]bucket.set") {memory}))"#
            ),
        ),
        (
            "CORE-IMPORTS",
            r#"(import "" "memory" (memory 1))
            (import "" "open" (func $open (param i32 i32 i32)))
            (import "" "set" (func $set (param i32 i32 i32 i32 i32 i32)))"#,
        ),
        (
            "FIRST",
            "(call $open (i32.const 0) (i32.const 7) (i32.const 1024))
            (if (i32.load8_u (i32.const 1024)) (then unreachable))
            (call $set (i32.load (i32.const 1028)) (i32.const 7) (i32.const 3) (i32.const 10) (i32.const 5)
                (i32.const 1040))
            (if (i32.load8_u (i32.const 1040)) (then unreachable))",
        ),
        (
            "WITH",
            r#"(export "memory" (memory $memory "memory"))
            (export "open" (func $open)) (export "set" (func $set))"#,
        ),
    ])
}

/// The component `name` with these further lines.
fn component(name: &str, source: &str, links: &str, lines: &str) -> String {
    format!("[components.{name}]\nsource = \"{source}\"\nlinks = {{ {links} }}\n{lines}\n")
}

/// A link to the component that handles requests.
fn next(name: &str) -> String {
    format!("\"wasi:http/incoming-handler\" = {{ to = \"{name}\", mode = \"together\" }}")
}

/// An app whose `front` is asked, with these other components.
fn app(source: &str, links: &str, others: &str) -> App {
    let triggers = "[[triggers.http]]\npath = \"/...\"\ncomponent = \"front\"\n";
    let text = format!("name = \"shop\"\n{}{others}{triggers}", component("front", source, links, ""));
    App::new(&text).file("front.wat", FRONT).file("front-p3.wat", FRONT_P3)
}

/// A `front` that calls the guest `callee` together, whose table has these lines.
fn behind(front: &str, guest: &str, links: &str, lines: &str) -> App {
    let next = match front {
        "front-p3.wat" => next("callee").replace("incoming-handler", "handler"),
        _ => next("callee"),
    };
    app(front, &next, &component("callee", &format!("{guest}.wasm"), links, lines))
}

/// What another component provides to the caller is not what the callee finds, which has the host's.
#[test]
fn what_the_caller_alone_is_provided() {
    let links = format!("{}, \"wasi:random\" = \"inner\"", next("inner"));
    let others = component("inner", "inner.wat", &next("hello"), "") + &component("hello", "hello.wasm", "", "");
    let app = app("outer.wat", &links, &others);
    let app = app.file("outer.wat", drawing("eq", 7, None)).file("inner.wat", drawing("ne", 7, Some(7)));
    assert_eq!(up(&app).get("/").summary(), "200 Hello from Wattle");
}

/// The caller's numbers come from one component, the callee's from another.
fn two_providers(first: &str, second: &str, mode: &str) -> String {
    let links = |next: String, to| format!("{next}, \"wasi:random\" = {{ to = \"{to}\", mode = \"{mode}\" }}");
    let others = component("inner", "inner.wat", &links(next("hello"), second), "")
        + &component("hello", "hello.wasm", "", "")
        + &component("one", "one.wat", "", "")
        + &component("two", "two.wat", "", "");
    let front = component("front", "outer.wat", &links(next("inner"), first), "");
    format!("name = \"shop\"\n{front}{others}[[triggers.http]]\npath = \"/...\"\ncomponent = \"front\"\n")
}

/// The app of these, in which the caller expects one and the callee two.
fn numbered(text: &str) -> App {
    let app = App::new(text).file("outer.wat", drawing("eq", 1, None)).file("inner.wat", drawing("eq", 2, None));
    let provider = |number| format!("(component {})", numbers(number));
    app.file("one.wat", provider(1)).file("two.wat", provider(2))
}

/// Each has its own provider of the same interface, also when that of one is changed.
#[test]
fn what_each_is_provided() {
    let app = numbered(&two_providers("one", "two", "apart"));
    let server = up(&app);
    assert_eq!(server.get("/").summary(), "200 Hello from Wattle");
    is_set(&app, "front", "wasi:random=two");
    assert_eq!(server.get("/").status(), 500);
    is_set(&app, "front", "wasi:random=one");
    is_set(&app, "inner", "wasi:random=one");
    assert_eq!(server.get("/").status(), 500);
    is_set(&app, "inner", "wasi:random=two");
    assert_eq!(server.get("/").summary(), "200 Hello from Wattle");
    let ran = set(&app, "front", "wasi:http/incoming-handler=hello");
    assert!(!ran.is_ok() && ran.stderr.contains("together"), "{ran}");
}

/// The same components with other links between them are another code.
#[test]
fn compiled_anew() {
    let app = numbered(&two_providers("one", "two", "together"));
    let run = || {
        let server = WATTLE.up(&app).start();
        let status = server.get("/").status();
        (status, server.log.text().matches("compiled component").count())
    };
    assert_eq!(run(), (200, 5));
    std::fs::write(app.join("wattle.toml"), two_providers("two", "one", "together")).unwrap();
    assert_eq!(run(), (500, 2), "those of both callers");
    std::fs::write(app.join("wattle.toml"), two_providers("one", "two", "together")).unwrap();
    assert_eq!(run(), (200, 0));
}

/// What begins in a way that the usual tools do not make is refused, and not composed wrongly.
#[test]
fn unusual_components() {
    let check = |before: &str, expected: &str| {
        let unusual =
            FRONT.replacen("  (import \"wasi:http/incoming", &format!("{before}\n  (import \"wasi:http/incoming"), 1);
        let app = behind("front.wat", "hello", "", "").file("front.wat", unusual);
        let ran = WATTLE.up(&app).refused();
        let refused =
            format!("component front cannot be joined to its imports: a component cannot be composed: it {expected}");
        assert!(ran.stderr.contains(&refused), "{ran}");
    };
    let before = "before its last import";
    check("(instance $own (export \"a\" (type $request)))", &format!("has instances of its own {before}"));
    check("(export $again \"again\" (type $request))", &format!("exports something {before}"));
    check("(core type $own (func))", &format!("has core types {before}"));
    check("(type (resource (rep i32)))", &format!("defines resources {before}"));
}

/// The endpoints that a callee may reach are not its caller's, and the other way round.
#[test]
fn sockets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, allow) = (format!("/tcp?addr={address}"), format!("allow = {{ tcp = [\"{address}\"] }}"));
    assert_eq!(up(&behind("front.wat", "state", "", &allow)).get(&asked).json()["connected"], true);
    listener.accept().unwrap();
    let app = behind("front.wat", "state", "", "");
    let text = std::fs::read_to_string(app.join("wattle.toml")).unwrap();
    let app =
        app.file("wattle.toml", text.replacen("[components.callee]", &format!("{allow}\n[components.callee]"), 1));
    assert_eq!(up(&app).get(&asked).json()["connected"], false);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "somebody connected");
}

/// What a callee keeps is kept where its own links lead, whatever its caller's do.
#[test]
fn another_backend() {
    let links = |backend: &str, next: &str| format!("\"wasi:keyvalue\" = \"{backend}\", {next}");
    let others = component("callee", "state.wasm", &links("memory", ""), "")
        + &component("reader", "state.wasm", &links("disk", ""), "")
        + "[[triggers.http]]\nhost = \"reader.test\"\npath = \"/...\"\ncomponent = \"reader\"\n";
    let app = app("noting.wat", &links("disk", &next("callee")), &others).file("noting.wat", noting());
    let server = up(&app);
    let read = |path: &str| server.connect().host("reader.test").call("GET", path, b"");
    assert_eq!(server.get("/kv/default/who").status(), 404);
    assert_eq!(read("/kv/default/who").summary(), "200 front");
    assert_eq!(server.call("PUT", "/kv/default/own", "callee").status(), 204);
    assert_eq!(server.get("/kv/default/own").summary(), "200 callee");
    assert_eq!(read("/kv/default/own").status(), 404);
}

/// Disk keeps and memory forgets: what is left after a restart tells where the callee kept what.
#[test]
fn blobs() {
    let labelled = "\"wasi:blobstore\" = \"memory\", \"wasi:blobstore#archive\" = \"disk\"";
    let app = behind("front.wat", "labels", labelled, "");
    let server = up(&app);
    for path in ["/blobs/c/o", "/archive/c/o"] {
        assert_eq!(server.call("PUT", path, "x").summary(), "200 ");
        assert_eq!(server.get(path).summary(), "200 x");
    }
    server.stop();
    let server = up(&app);
    assert_eq!((server.get("/blobs/c/o").status(), server.get("/archive/c/o").status()), (502, 200));
}

/// Secrets, and what has a label, are the callee's own in WASI 0.3, too.
#[test]
fn secrets_and_labels() {
    let lines = "secrets = [\"db-password\"]";
    let start = |lines: &str| {
        let app = behind("front-p3.wat", "labels-p3", "\"wasmcloud:blobstore#archive\" = \"disk\"", lines);
        (WATTLE.up(&app).env("WATTLE_SECRET_DB_PASSWORD", "x").start(), app)
    };
    let (server, _app) = start(lines);
    assert_eq!(server.call("PUT", "/archive/c/o", "kept").status(), 200);
    assert_eq!(server.get("/archive/c/o").summary(), "200 kept");
    let vault = |front: &str, callee: &str| {
        let text = behind("front-p3.wat", "vault", "", callee);
        let manifest = std::fs::read_to_string(text.join("wattle.toml")).unwrap();
        let app = text
            .file("wattle.toml", manifest.replacen("[components.callee]", &format!("{front}\n[components.callee]"), 1));
        WATTLE.up(&app).env("WATTLE_SECRET_DB_PASSWORD", "x").start().get("/secret/db-password").summary()
    };
    assert_eq!(vault("", lines), "200 x");
    assert!(vault(lines, "").starts_with("404 "), "it is the caller's");
}

/// Each import of messages reaches those who listen where it leads.
#[test]
fn messages() {
    let courier = |name: &str, backend: &str| {
        let links = format!("\"wasmcloud:messaging\" = \"{backend}\", \"wasi:keyvalue\" = \"memory\"");
        component(name, "courier.wasm", &links, &format!("env = {{ NAME = \"{name}\" }}"))
    };
    let links = "\"wasmcloud:messaging\" = \"memory\", \"wasmcloud:messaging#orders\" = \"disk\", \
                 \"wasi:messaging\" = \"memory\", \"wasi:messaging#questions\" = \"disk\"";
    let others = component("callee", "labels.wasm", links, "")
        + &courier("near", "memory")
        + &courier("far", "disk")
        + "[[triggers.http]]\npath = \"/seen\"\ncomponent = \"near\"\n"
        + &trigger("near", "x", "")
        + &trigger("far", "x", "")
        + &trigger("far", "far-only", "");
    let server = up(&app("front.wat", &next("callee"), &others));
    for import in ["consumer", "orders", "events"] {
        assert_eq!(server.call("POST", &format!("/{import}/x"), import).summary(), "200 ");
    }
    wait_for_seen(&server, &json!({ "near x consumer": 1, "far x orders": 1, "near x events": 1 }));
    assert_eq!(server.call("POST", "/questions/far-only", "why").summary(), "200 re: why");
}

/// The link of a callee is led back and forth while its callers are asked.
#[test]
fn a_link_of_a_callee_under_load() {
    let web = component("web", "state.wasm", "\"wasi:keyvalue\" = \"memory\"", "");
    let text = component("front", "front.wat", &next("web"), "instances = { reuse = 1000 }");
    let trigger = "[[triggers.http]]\npath = \"/...\"\ncomponent = \"front\"\n";
    let app = App::new(&format!("name = \"shop\"\n{text}{web}{trigger}")).file("front.wat", FRONT);
    back_and_forth(&app, &up(&app), ["memory", "disk"]);
}

/// A caller of WASI 0.3 has callees of 0.2.
#[test]
fn a_callee_of_an_older_version() {
    let environment = r#"(component
        (core module $program
            (memory (export "memory") 1)
            (data (i32.const 0) "NAMEsomebody")
            (data (i32.const 16) "\00\00\00\00\04\00\00\00\04\00\00\00\08\00\00\00")
            (data (i32.const 32) "\10\00\00\00\01\00\00\00")
            (func (export "all") (result i32) (i32.const 32)))
        (core instance $program (instantiate $program))
        (func $all (result (list (tuple string string)))
            (canon lift (core func $program "all") (memory $program "memory")))
        (instance $environment (export "get-environment" (func $all)))
        (export "wasi:cli/environment@0.2.0" (instance $environment)))"#;
    let together = |what: &str, to: &str| format!("\"{what}\" = {{ to = \"{to}\", mode = \"together\" }}");
    let links = together("wattle:crossing", "callee") + ", " + &together("wasi:cli/environment", "world");
    let others = component(
        "callee",
        "callee-p3.wasm",
        &together("wasi:cli/environment", "world"),
        "env = { NAME = \"itself\" }",
    ) + &component("world", "world.wat", "", "");
    let app = app("caller-p3.wasm", &links, &others).file("world.wat", environment);
    let who = up(&app).get("/who").summary();
    assert_eq!(who.matches("somebody ").count(), 8, "{who}");
}

/// Eight that share an instance, as many as there may be: fronts, and as the last one `guest`. Lines of the first and of the
/// last.
fn crew(guest: &str, lines: [&str; 2]) -> App {
    let mut text = "name = \"shop\"\n".to_owned() + &component("front", "front.wat", &next("c1"), lines[0]);
    for number in 1..7 {
        let links = if number < 6 { next(&format!("c{}", number + 1)) } else { next("last") };
        text += &component(&format!("c{number}"), "front.wat", &links, "");
    }
    text += &component("last", &format!("{guest}.wasm"), "", lines[1]);
    text += "[[triggers.http]]\npath = \"/...\"\ncomponent = \"front\"\n";
    App::new(&text).file("front.wat", FRONT)
}

/// So many requests whose answers have begun and whose bodies have not ended.
fn begun(server: &Server, count: usize) -> Vec<(Connection, Head)> {
    let begin = |_| {
        let mut client = server.connect();
        client.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nth");
        let head = client.head().unwrap();
        (client, head)
    };
    (0..count).map(begin).collect()
}

fn end(begun: Vec<(Connection, Head)>) {
    for (mut client, head) in begun {
        client.send("is");
        let mut body = Vec::new();
        client.body(&head, "POST", |more| body.extend_from_slice(more));
        assert_eq!((head.status, &body[..]), (200, &b"this"[..]));
    }
}

/// Eight share an instance, of which many are at work at a time.
#[test]
fn as_many_as_there_may_be() {
    let server = up(&crew("echo", ["", ""]));
    end(begun(&server, 24));
}

/// What a pool has no room for is answered so, and the log says why; what runs goes on.
#[test]
fn a_pool_without_room() {
    let host = "limits = { concurrent-requests = 79, concurrent-calls = 1 }";
    let app = crew("echo", ["", ""]).file("host.toml", host);
    let up = WATTLE.up(&app).args(["--config", "host.toml"]);
    let server = up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    let ten = begun(&server, 10);
    assert_eq!(server.get("/").status(), 503);
    server.log.wait_for("why", |line| line.contains("the pool of instances is used up"));
    server.log.wait_for("a warning", |line| line.contains("memories 80/80 used in the fast pool"));
    end(ten);
    end(begun(&server, 10));
}

/// The memories of all of them count together, against the limit of the one that the instance is made for.
#[test]
fn memory_of_the_whole() {
    let ran = WATTLE.up(&crew("hello", ["limits = { memory = \"1280KiB\" }", ""])).refused();
    assert!(ran.stderr.contains("front") && ran.stderr.contains("memory"), "{ran}");
    let server = up(&crew("hello", ["", "limits = { memory = \"1152KiB\" }"]));
    assert_eq!(server.get("/").summary(), "200 Hello from Wattle");
}
