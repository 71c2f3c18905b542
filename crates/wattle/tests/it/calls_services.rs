//! Services that are called: their one living instance, who waits for it, and what ends it.

use std::thread;

use serde_json::Value;
use wattle_testkit::{App, Server, until};

use crate::WATTLE;
use crate::calls::up;

/// A caller and a service that it calls; `more` are lines of the service's table.
fn with_service(service: &str, more: &str) -> App {
    App::new(&format!(
        "name = \"calls\"\n[components.caller]\nsource = \"caller.wasm\"\nlimits = {{ deadline = \"2s\" }}\n\
         [services.callee]\nsource = \"{service}.wasm\"\n{more}\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"caller\"\n"
    ))
}

/// The same of a service that is started again soon, and has so much time for a call.
fn with_deadline(service: &str, deadline: &str) -> App {
    with_service(service, &format!("restart = {{ backoff = \"10ms\" }}\nlimits = {{ deadline = \"{deadline}\" }}"))
}

/// Serves `app`, whose service has answered once.
fn living(app: &App) -> Server {
    let server = up(app);
    until("the service answers", || (server.get("/add/1/2").summary() == "200 3").then_some(()));
    server
}

const LATE: &str = r#"200 Err("component callee: it had not ended at its deadline") 1"#;
const ENDED: &str = r#"200 Err("component callee: the service ended before it answered") 1"#;
const WELL: &str = r#"200 Ok("well") 1"#;

/// A service is one instance, whoever calls it from whichever core; when a call ends it, the next one answers.
#[test]
fn the_living_instance_of_a_service() {
    let check = |service: &str, who: &dyn Fn(u32, u32) -> String, ended: &str| {
        let more = "env = { NAME = \"the service\" }\nrestart = { backoff = \"10ms\" }";
        let server = up(&with_service(service, more));
        for times in 1..=6 {
            assert_eq!(server.get("/who").summary(), who(times, times), "{service}");
        }
        assert_eq!(server.get("/mirror").summary(), "200 same");
        let trapped = server.get("/attempt/trap").summary();
        assert!(trapped.contains(ended), "{trapped}");
        assert_eq!(server.get("/who").summary(), who(7, 1), "{service}");
    };
    let trapped = "component callee: wasm trap: wasm `unreachable` instruction executed";
    check("callee", &|asked, calls| format!("200 the service  {asked} {calls}"), trapped);
    check("callee-p3", &|_, calls| format!("200 the service {calls}"), ENDED);
}

/// A service of WASI 0.3 answers others while one waits. Of 0.2 the call that does not end is ended when it has had the
/// service's own time, whoever waits.
#[test]
fn a_call_that_does_not_end() {
    let server = living(&with_deadline("callee-p3", "30s"));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| server.get("/attempt/wait").summary());
        while !waiting.is_finished() {
            assert_eq!(server.get("/add/1/2").summary(), "200 3");
        }
        assert_eq!(waiting.join().expect("it is answered"), LATE);
    });
    let server = living(&with_deadline("callee", "700ms"));
    assert_eq!(server.get("/attempt/spin").summary(), LATE);
    assert_eq!(server.get("/add/1/2").summary(), "200 3");
}

/// One of 0.3 that computes without end is ended from outside, with what waits in the same instance.
#[test]
fn a_call_that_computes_without_end() {
    let server = living(&with_deadline("callee-p3", "700ms"));
    thread::scope(|scope| {
        let neighbours: Vec<_> = (0..4).map(|_| scope.spawn(|| server.get("/attempt/wait").summary())).collect();
        let spinning = server.get("/attempt/spin").summary();
        assert!(spinning.starts_with("200 Err(\"component callee: "), "{spinning}");
        for neighbour in neighbours {
            // Whether it had begun is not ours to say.
            let ended = neighbour.join().expect("it is answered");
            assert!(ended.starts_with("200 Err(\"component callee: "), "{ended}");
        }
    });
    server.log.wait_for("why", |line| line.contains("a call ended it: it had not ended at its deadline"));
    assert_eq!(server.get("/attempt/spin").summary(), LATE);
    assert_eq!(server.get("/attempt/well").summary(), WELL);
}

/// Calls that nobody waits for any more keep their places; when they have all of them, the instance is ended.
#[test]
fn calls_that_nobody_waits_for() {
    let limits = "limits = { deadline = \"500ms\", concurrent-calls = 2 }\nrestart = { backoff = \"10ms\" }";
    let server = living(&with_service("callee-p3", limits));
    assert_eq!(server.get("/attempt/wait").summary(), LATE);
    assert_eq!(server.get("/attempt/well").summary(), WELL);
    assert_eq!(server.get("/attempt/wait").summary(), LATE);
    server.log.wait_for("why", |line| line.contains("as its limit concurrent-calls lets be under way"));
    assert_eq!(server.get("/attempt/well").summary(), WELL);
}

/// Who finds all places taken waits, and is told what it waited for.
#[test]
fn no_turn() {
    let check = |service: &str, places: u32, how: &str, reason: &str| {
        let limits = format!("limits = {{ deadline = \"20s\", concurrent-calls = {places} }}");
        let server = living(&with_service(service, &limits));
        assert_eq!(server.get(&format!("/attempt/{how}")).summary(), LATE);
        // The caller has gone, its call has not.
        let told = server.get("/attempt/well").summary();
        assert_eq!(told, format!("200 Err(\"component callee: its turn had not come in time, {reason}\") 1"));
    };
    check("callee", 1, "spin", "it answers one call at a time");
    check("callee-p3", 1, "wait", "it is busy with other calls (limit concurrent-calls)");
    check("callee-p3", 2, "spin", "it computes for another call and takes none meanwhile");
}

/// A call has the service's own time from when it begins: what it waited before, and how little its caller has left, ends
/// nothing.
#[test]
fn time_begins_with_the_turn() {
    let server = living(&with_deadline("callee", "3s"));
    thread::scope(|scope| {
        scope.spawn(|| server.get("/attempt/spin"));
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| server.get("/attempt/well").summary())).collect();
        waiting.into_iter().for_each(|waiting| assert!(waiting.join().is_ok()));
    });
    // Those who waited are gone, and do not begin.
    server.log.wait_for("its end", |line| line.contains("a call ended it: it had not ended at its deadline"));
    assert_eq!(server.get("/attempt/well").summary(), WELL);
    let ends = server.log.text().matches("a call ended it").count();
    assert_eq!(ends, 1, "{}", server.log.text());
}

/// However often its callers end it, a service is started again: its budget is for its own ends.
#[test]
fn a_bad_caller() {
    for service in ["callee", "callee-p3"] {
        let server = living(&with_service(service, "restart = { backoff = \"1ms\", budget = 1 }"));
        for _ in 0..5 {
            assert!(server.get("/attempt/trap").summary().contains("component callee: "));
        }
        assert_eq!(server.get("/attempt/well").summary(), WELL, "{service}");
    }
}

/// Nor by what a call leaves behind, or makes the service itself do. (Of 0.2 nothing runs but calls.)
#[test]
fn what_a_call_leaves_behind() {
    let server = living(&with_service("callee-p3", "restart = { backoff = \"1ms\", budget = 1 }"));
    for (how, end) in [("fail", "it ended with code 1"), ("later", "wasm trap")] {
        assert_eq!(server.get(&format!("/attempt/{how}")).summary(), format!("200 Ok(\"{how}\") 1"));
        server.log.wait_for("why", |line| line.contains(&format!("a call may have ended it: {end}")));
    }
    until("it is there", || (server.get("/attempt/well").summary() == WELL).then_some(()));
    assert!(!server.log.text().contains("service failed"), "{}", server.log.text());
}

/// Who calls a service that is not running waits until it is, or is told so.
#[test]
fn a_service_that_is_being_started() {
    let server = living(&with_service("callee", "restart = { backoff = \"30s\" }"));
    assert!(server.get("/attempt/trap").summary().contains("unreachable"));
    let told = server.get("/attempt/well").summary();
    assert_eq!(
        told,
        "200 Err(\"component callee: the service was not running, and had not been started again in time\") 1"
    );
}

/// When a service has ended for good, who calls it is told at once.
#[test]
fn a_service_that_is_no_more() {
    let more = "env = { RUN = \"panic\" }\nrestart = { backoff = \"1ms\", budget = 1 }";
    let server = up(&with_service("callee-p3", more));
    server.log.wait_for("its end", |line| line.contains("service failed, the app goes on without it"));
    let over = "the service has ended and is not started again (`wattle ps` says why)";
    assert_eq!(server.get("/attempt/well").summary(), format!("200 Err(\"component callee: {over}\") 1"));
}

/// What a service of 0.2 writes while it answers a call belongs to the request that it was called for.
#[test]
fn lines_of_a_call() {
    let app = with_service("callee", "");
    let server =
        WATTLE.up(&app).args(["--log-format", "json"]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    let answer = server.get("/attempt/say");
    let id = answer.header("x-request-id").expect("every answer has one");
    let line = server.log.wait_for_json("its line", |line| line["message"] == "somebody asked");
    assert_eq!(line["request"], Value::from(id), "{line}");
    assert_ne!(line["instance"], Value::from(id), "{line}");
}

/// A service that adds two numbers by calling a component, in either mode, and ends well if their sum is right.
#[test]
fn a_service_that_calls() {
    let service = r#"(component
        (import "wattle:crossing/values@0.1.0"
            (instance $values (export "add" (func (param "left" u32) (param "right" u32) (result u32)))))
        (core func $add (canon lower (func $values "add")))
        (core module $m
            (import "values" "add" (func $add (param i32 i32) (result i32)))
            (func (export "run") (result i32)
                (i32.ne (call $add (i32.const 40) (i32.const 2)) (i32.const 42))))
        (core instance $i (instantiate $m (with "values" (instance (export "add" (func $add))))))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $it (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $it)))"#;
    for mode in ["apart", "together"] {
        let app = App::new(&format!(
            "name = \"calls\"\n[components.callee]\nsource = \"callee.wasm\"\n\
             [services.caller]\nsource = \"caller.wat\"\n\
             links = {{ \"wattle:crossing\" = {{ to = \"callee\", mode = \"{mode}\" }} }}\n"
        ));
        let server = up(&app.file("caller.wat", service));
        server.log.wait_for("its end", |line| line.contains("service completed"));
    }
}
