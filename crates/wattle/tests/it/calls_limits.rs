//! How many calls there are at a time, what they hold, and how long they may take.

use std::thread;

use http::Request;
use wattle_testkit::{App, Http2, until};

use crate::calls::up;
use crate::{WATTLE, admin};

/// A caller and a callee of WASI 0.3. `caller` and `callee` are lines of their tables, `app` one of the manifest.
fn pair_p3(app: &str, caller: &str, callee: &str) -> App {
    with_callee_p3("components", app, caller, callee)
}

/// The same with a service as the callee.
fn service_p3(callee: &str) -> App {
    with_callee_p3("services", "", "", callee)
}

fn with_callee_p3(of: &str, app: &str, caller: &str, callee: &str) -> App {
    App::new(&format!(
        "name = \"calls\"\n{app}\n[components.caller]\nsource = \"caller-p3.wasm\"\n{caller}\n\
         [{of}.callee]\nsource = \"callee-p3.wasm\"\nenv = {{ NAME = \"the callee\" }}\n{callee}\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"caller\"\n"
    ))
}

/// More calls than a component has places wait for each other, and all are answered.
#[test]
fn those_beyond_the_limit_wait() {
    let server = up(&pair_p3("", "", "limits = { concurrent-calls = 2 }"));
    let eight = server.get("/who").summary();
    assert_eq!(eight.matches("the callee").count(), 8, "{eight}");
}

/// Who waits for too long is told for what.
#[test]
fn too_many_for_a_component() {
    let caller = |name: &str, deadline: &str| {
        format!(
            "[components.{name}]\nsource = \"caller.wasm\"\nlimits = {{ deadline = \"{deadline}\" }}\n\
             [[triggers.http]]\nhost = \"{name}.test\"\npath = \"/...\"\ncomponent = \"{name}\"\n"
        )
    };
    let callee = "[components.callee]\nsource = \"callee.wasm\"\nlimits = { concurrent-calls = 1 }\n";
    let server =
        up(&App::new(&format!("name = \"calls\"\n{callee}{}{}", caller("slow", "60s"), caller("fast", "500ms"))));
    let mut slow = server.connect().host("slow.test");
    slow.request("GET", "/attempt/spin", b"");
    let attempt = || server.connect().host("fast.test").call("GET", "/attempt/well", b"").summary();
    let told = until("a call has no turn", || Some(attempt()).filter(|told| told != r#"200 Ok("well") 1"#));
    let reason = "its turn had not come in time, it is busy with other calls (limit concurrent-calls)";
    assert_eq!(told, format!("200 Err(\"component callee: {reason}\") 1"));
    drop(slow);
    until("there is a place again", || (attempt() == r#"200 Ok("well") 1"#).then_some(()));
}

/// What an app, or the host, has no room for fails at once.
#[test]
fn too_many_for_all() {
    let check = |app: &str, host: &str, whose: &str| {
        let app = pair_p3(app, "", "").file("host.toml", host);
        let up = WATTLE.up(&app).args(["--config", "host.toml"]);
        let server = up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
        let told = server.get("/attempts/3/100/8").summary();
        let reason = format!("as many calls are under way as the limit concurrent-calls of {whose} lets be");
        assert_eq!(told, format!("200 2 Some(Err(\"component callee: {reason}\"))"));
        assert_eq!(server.get("/attempts/2/100/8").summary(), "200 2 None");
    };
    check("limits = { concurrent-calls = 2 }", "", "its app");
    check("", "limits = { concurrent-calls = 2 }", "the host");
}

/// A chain of three takes three instances for each of as many requests as there may be.
#[test]
fn room_for_chains() {
    let app = App::new(
        "name = \"shop\"\n[components.cart]\nsource = \"shop-cart.wasm\"\nlinks = { \"wasi:keyvalue\" = \"memory\" }\n\
         [components.pricing]\nsource = \"shop-pricing.wasm\"\nconfig = { tea = \"450\" }\n\
         [components.taxes]\nsource = \"shop-taxes.wasm\"\nconfig = { standard = \"190\" }\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"cart\"\n",
    )
    .file("host.toml", "limits = { concurrent-requests = 16, concurrent-calls = 32 }");
    let up = WATTLE.up(&app).args(["--config", "host.toml"]);
    let server = up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    assert_eq!(server.call("PUT", "/carts/mine/tea", "3").status(), 200);
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                let mut client = server.connect();
                for _ in 0..20 {
                    let answer = client.call("GET", "/carts/mine", b"").text();
                    assert!(answer.contains("\"total\":1607"), "{answer}");
                }
            });
        }
    });
}

/// What the arguments of calls hold that are under way is their caller's, and bounded.
#[test]
fn arguments_under_way() {
    let server = up(&pair_p3("", "limits = { host-call-bytes = \"1MiB\" }", ""));
    assert_eq!(server.get("/attempts/8/100/100000").summary(), "200 8 None");
    let told = server.get("/attempts/16/100/100000").summary();
    let reason = "component callee: its caller's calls under way hold more than the limit host-call-bytes";
    assert_eq!(told, format!("200 10 Some(Err(\"{reason}\"))"));
    // One alone is bounded by what crosses at all.
    assert_eq!(server.get("/attempts/1/100/1000000").summary(), "200 1 None");
    // Many small ones hold something, too.
    let told = server.get("/attempts/2000/100/1").summary();
    assert!(told.contains(reason), "{told}");
    assert_eq!(server.get("/add/40/2").summary(), "200 42");
}

/// A call is cut by the first deadline of those that its caller's instance works for, as long as that is under way.
#[test]
fn the_deadline_of_a_neighbour() {
    let server = up(&pair_p3("", "limits = { deadline = \"2s\" }", ""));
    // On one connection, and so in one instance.
    let mut client = Http2::open(server.address());
    let mut begin = |target: &str| client.begin(Request::get("/"), target);
    let neighbour = begin("/attempt/1300");
    let first = begin("/attempt/1000");
    assert_eq!(client.finish(first).summary(), "200 Ok(\"1000\")");
    // The neighbour's deadline comes before this one has ended, and the neighbour has ended before that.
    let late = client.begin(Request::get("/"), "/attempt/1200");
    assert_eq!(client.finish(late).summary(), "200 Ok(\"1200\")");
    assert_eq!(client.finish(neighbour).summary(), "200 Ok(\"1300\")");
    assert_eq!(
        client.call("GET", "/attempt/wait", b"").summary(),
        "200 Err(\"component callee: it had not ended at its deadline\")"
    );
}

/// Calls are counted by how they end.
#[test]
fn counted() {
    let app = pair_p3("", "", "");
    let up = WATTLE.up(&app).args(["--admin", "127.0.0.1:0"]);
    let server = up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    assert_eq!(server.get("/add/1/2").summary(), "200 3");
    assert_eq!(server.get("/attempt/error").summary(), "200 Err(\"as asked\")");
    assert!(server.get("/attempt/trap").summary().contains("component callee: "));
    let calls = |more: &str| admin::number(&server, &format!("wattle_calls{more}"));
    let of = "app=\"default/calls\",component=\"callee\"";
    assert_eq!(calls(&format!("_total{{{of},outcome=\"returned\"}}")), 2.0);
    assert_eq!(calls(&format!("_total{{{of},outcome=\"trapped\"}}")), 1.0);
    let mut waiting = server.connect();
    waiting.request("GET", "/attempt/wait", b"");
    until("it is under way", || (calls(&format!("_in_flight{{{of}}}")) == 1.0).then_some(()));
    drop((waiting, server.get("/add/1/2")));
}

/// That places run short is told before there are none, and that there is room again.
#[test]
fn nearly_too_many() {
    let server = up(&pair_p3("", "", "limits = { concurrent-calls = 20 }"));
    let short = "calls/callee runs short of places: 19 of 20 are taken (concurrent-calls)";
    assert_eq!(server.get("/attempts/18/200/1").summary(), "200 18 None");
    assert!(!server.log.text().contains("runs short"), "{}", server.log.text());
    assert_eq!(server.get("/attempts/20/200/1").summary(), "200 20 None");
    server.log.wait_for("a warning", |line| line.contains(short));
    server.log.wait_for("its end", |line| line.contains("calls/callee has room again: 10 of 20 places are taken"));
    assert_eq!(server.log.text().matches("runs short").count(), 1, "{}", server.log.text());
}

/// The same of the one instance of a service.
#[test]
fn nearly_too_many_for_a_service() {
    let server = up(&service_p3("limits = { concurrent-calls = 20 }"));
    until("the service answers", || (server.get("/attempts/1/0/1").summary() == "200 1 None").then_some(()));
    assert_eq!(server.get("/attempts/20/200/1").summary(), "200 20 None");
    let short = "calls/callee runs short of places: 19 of 20 are taken (concurrent-calls)";
    server.log.wait_for("a warning", |line| line.contains(short));
    server.log.wait_for("its end", |line| line.contains("calls/callee has room again: 10 of 20 places are taken"));
}

/// The same of requests.
#[test]
fn nearly_too_many_requests() {
    let server = up(&pair_p3("limits = { concurrent-requests = 20 }", "", ""));
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(server.get("/attempt/500").summary(), "200 Ok(\"500\")"));
        }
    });
    let short = "default/calls runs short of places: 19 of 20 are taken (concurrent-requests)";
    server.log.wait_for("a warning", |line| line.contains("WARN") && line.contains(short));
}

/// The same of the engine's pool, which the instances of all components share: eight of the caller, one for each request
/// that an app of such a host may have, and one of the callee for each call.
#[test]
fn a_pool_that_is_nearly_used_up() {
    let app = pair_p3("", "instances = { concurrency = 1 }", "")
        .file("host.toml", "limits = { concurrent-requests = 11, concurrent-calls = 72 }");
    let up = WATTLE.up(&app).args(["--config", "host.toml"]);
    let server = up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(server.get("/attempts/9/2000/1").summary(), "200 9 None"));
        }
    });
    server.log.wait_for("a warning", |line| line.contains("used in the concurrent pool (concurrent-requests and"));
}

/// What needs more core instances than any component may have is refused when its app starts.
#[test]
fn too_many_core_instances() {
    let instances: String = (0..60).map(|_| "(core instance (instantiate $m))").collect();
    let component = format!("(component (core module $m) {instances})");
    let app = App::new("name = \"a\"\n[components.many]\nsource = \"many.wat\"\n").file("many.wat", component);
    let ran = WATTLE.up(&app).refused();
    assert!(ran.stderr.contains("60 core module instances") && ran.stderr.contains("50"), "{ran}");
}
