//! Components that call each other: what crosses, who the callee is, and what becomes of its end.

use std::thread;

use wattle_testkit::{App, Server};

use crate::WATTLE;

const PAIR: &str = r#"
    [components.caller]
    source = "caller.wasm"
    instances = { reuse = 1000 }
    [components.callee]
    source = "callee.wasm"
    env = { NAME = "the callee" }
    config = { who = "itself" }
    [[triggers.http]]
    path = "/..."
    component = "caller"
"#;

/// A caller and a callee, whose table has these lines, too.
fn pair(callee: &str) -> App {
    let text = PAIR.replace("config = { who", &format!("{callee}\nconfig = {{ who"));
    App::new(&format!("name = \"calls\"\n{text}"))
}

pub(crate) fn up(app: &App) -> Server {
    WATTLE.up(app).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// Values of every plain type come back as they were.
#[test]
fn values_cross() {
    let server = up(&pair(""));
    assert_eq!(server.get("/mirror").summary(), "200 same");
    assert_eq!(server.get("/add/40/2").summary(), "200 42");
    assert!(server.get("/bytes/65536/1").summary().starts_with("200 "));
}

/// The callee has its own name, variables, configuration and stores, and a fresh instance for each call unless it wants to
/// be reused.
#[test]
fn the_callee_is_itself() {
    let server = up(&pair(""));
    assert_eq!(server.get("/who").summary(), "200 the callee itself 1 1");
    assert_eq!(server.get("/who").summary(), "200 the callee itself 2 1");
    let server = up(&pair("instances = { reuse = 2 }\nlimits = { deadline = \"2s\" }"));
    // Which core serves a connection is not ours to say: on each one an instance answers twice.
    let answers: Vec<_> = (0..8).map(|_| server.get("/who").summary()).collect();
    let calls: Vec<_> = answers.iter().filter_map(|answer| answer.rsplit(' ').next()).collect();
    assert!(calls.contains(&"2") && !calls.contains(&"3"), "{answers:?}");
}

/// However many call at the same time, each callee is itself, and each caller gets its own answer.
#[test]
fn interleaved() {
    let component = |name: &str, source: &str, lines: &str| {
        format!("[components.{name}]\nsource = \"{source}.wasm\"\ninstances = {{ reuse = 1000 }}\n{lines}\n")
    };
    let mut text = "name = \"calls\"\n".to_owned();
    for name in ["one", "two"] {
        text += &component(&format!("to-{name}"), "caller", &format!("links = {{ \"wattle:crossing\" = \"{name}\" }}"));
        let links = format!("links = {{ \"wasi:keyvalue\" = \"of-{name}\" }}");
        let own = format!("env = {{ NAME = \"{name}\" }}\nconfig = {{ who = \"{name}'s\" }}\n{links}");
        text += &component(name, "callee", &own);
        text += &format!(
            "[[triggers.http]]\nhost = \"{name}.test\"\npath = \"/...\"\ncomponent = \"to-{name}\"\n\
             [backends.of-{name}]\ntype = \"memory\"\n"
        );
    }
    let server = up(&App::new(&text));
    let call = |name: &str, target: &str| {
        let mut client = server.connect().host(&format!("{name}.test"));
        client.call("GET", target, b"").summary()
    };
    thread::scope(|scope| {
        for worker in 0..8_u32 {
            let name = ["one", "two"][worker as usize % 2];
            scope.spawn(move || {
                for number in 0..50 {
                    let answer = call(name, &format!("/add/{worker}000/{number}"));
                    assert_eq!(answer, format!("200 {}", worker * 1000 + number));
                    let who = call(name, "/who");
                    assert!(who.starts_with(&format!("200 {name} {name}'s ")), "{who}");
                }
            });
        }
    });
    // Each kept its own count.
    for name in ["one", "two"] {
        assert!(call(name, "/who").starts_with(&format!("200 {name} {name}'s 201 ")));
    }
}

/// What ends a callee is the error of the call where there is one for a text, and the caller's instance lives on.
#[test]
fn the_end_of_a_callee() {
    let server = up(&pair("limits = { deadline = \"300ms\", memory = \"16MiB\" }"));
    // On one connection, and so on one core, the caller's instance counts its requests.
    let mut client = server.connect();
    let mut get = |path: &str| client.call("GET", path, b"").summary();
    assert_eq!(get("/attempt/well"), r#"200 Ok("well") 1"#);
    assert_eq!(get("/attempt/error"), r#"200 Err("as asked") 2"#);
    let trapped = get("/attempt/trap");
    assert!(trapped.starts_with("200 Err(\"component callee: ") && trapped.contains("unreachable"), "{trapped}");
    assert_eq!(get("/attempt/exit"), r#"200 Err("component callee: it ended with code 1") 4"#);
    assert_eq!(get("/attempt/spin"), r#"200 Err("component callee: it had not ended at its deadline") 5"#);
    let memory = get("/attempt/memory");
    assert!(memory.contains("(it has hit its limit memory)"), "{memory}");
    assert_eq!(get("/cases/error"), "200 denied as asked 7");
    let other = get("/cases/trap");
    assert!(other.starts_with("200 other component callee: "), "{other}");
    assert_eq!(get("/add/1/1"), "200 2");
    server.log.wait_for("whose fault it was", |line| line.contains("calls/callee") && line.contains("a call failed"));
}

/// Without such an error the caller ends, too, and the log says whose fault it was.
#[test]
fn an_end_that_cannot_be_told() {
    let server = up(&pair(""));
    assert_eq!(server.get("/insist/well").summary(), "200 well 1");
    assert_eq!(server.get("/insist/trap").status(), 500);
    server.log.wait_for("whose fault it was", |line| line.contains("component callee: "));
    assert!(server.get("/insist/well").summary().starts_with("200 well "));
}

/// A caller of 0.2 calls a callee of 0.3, whose functions are asynchronous, and both call and are called in 0.3.
#[test]
fn across_versions() {
    let of = |caller: &str, callee: &str| {
        let text = PAIR.replace("caller.wasm", caller).replace("callee.wasm", callee);
        let text = text.replace("    config = { who = \"itself\" }\n", "");
        App::new(&format!("name = \"calls\"\n{text}"))
    };
    let server = up(&of("caller.wasm", "callee-p3.wasm"));
    let mut client = server.connect();
    let mut get = |path: &str| client.call("GET", path, b"").summary();
    assert_eq!(get("/mirror"), "200 same");
    assert_eq!(get("/attempt/error"), r#"200 Err("as asked") 2"#);
    assert_eq!(get("/who"), "200 the callee 1");
    let trapped = server.get("/attempt/trap").summary();
    assert!(trapped.starts_with("200 Err(\"component callee: "), "{trapped}");

    let server = up(&of("caller-p3.wasm", "callee-p3.wasm"));
    assert_eq!(server.get("/add/40/2").summary(), "200 42");
    let trapped = server.get("/attempt/trap").summary();
    assert!(trapped.starts_with("200 Err(\"component callee: "), "{trapped}");
    // Eight wait at the same time, each in an instance of its own.
    let eight = server.get("/who").summary();
    assert_eq!(eight.matches("the callee 1").count(), 8, "{eight}");
}

/// What somebody called who is gone holds nobody up: others are served, and the host stops.
#[test]
fn a_caller_that_leaves() {
    let server = up(&pair("limits = { deadline = \"60s\" }"));
    let mut client = server.connect();
    client.request("GET", "/attempt/spin", b"");
    drop(client);
    assert_eq!(server.get("/add/1/2").summary(), "200 3");
    assert!(server.stop().is_ok());
}

/// What a callee has not, or has otherwise, is found when the app starts, and not by a request.
#[test]
fn types_that_differ() {
    let component = |ty: &str, function: &str| {
        format!(
            r#"(component
                (core module $m (func (export "f") (param i32)))
                (core instance $i (instantiate $m))
                (func $f (param "a" {ty}) (canon lift (core func $i "f")))
                (instance $it (export "{function}" (func $f)))
                (export "a:b/c" (instance $it)))"#
        )
    };
    let caller = r#"(component (import "a:b/c" (instance (export "set" (func (param "a" u32))))))"#;
    let check = |callee: &str, expected: &str| {
        let text = "name = \"a\"\n[components.caller]\nsource = \"caller.wat\"\n[components.callee]\nsource = \"callee.wat\"\n";
        let ran = WATTLE.up(&App::new(text).file("caller.wat", caller).file("callee.wat", callee)).refused();
        assert!(ran.stderr.contains(expected), "{ran}");
    };
    check(
        &component("s32", "set"),
        "component caller cannot be joined to its imports: a:b/c of component callee: the types of set differ",
    );
    check(&component("u32", "put"), "a:b/c of component callee: it has no function set");
}
