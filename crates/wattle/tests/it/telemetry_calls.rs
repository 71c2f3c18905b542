//! What is told of calls of keys and values, whichever interface they come through, and of runs of schedules.

use std::path::Path;

use wattle_testkit::{App, Collector, Server, guests};

use crate::admin::get;
use crate::telemetry::{shown, telling, up};

/// What is told of the host calls of `guest` with `links` while `drive` asks for them, in their order.
fn told(guest: &Path, links: &str, drive: impl Fn(&Server)) -> String {
    let collector = Collector::start();
    let app = telling(App::of(guest, &format!("links = {{ {links} }}")), "host", &collector.url(), "");
    let server = up(&app).start();
    drive(&server);
    server.stop();
    let calls = collector.spans().into_iter().filter(|span| span.name.contains(":keyvalue/"));
    calls.map(|span| shown(&span)).collect::<Vec<_>>().join("\n")
}

#[test]
fn through_the_second_draft() {
    let links = "\"wasi:keyvalue\" = \"disk\", \"wasi:keyvalue#sessions\" = \"memory\"";
    let told = told(&guests::state_draft2(), links, |server| {
        assert_eq!(server.call("PUT", "/kv/b/a", "one").summary(), "204 ");
        assert_eq!(server.call("PUT", "/sessions/b/a", "two").summary(), "204 ");
        assert_eq!(server.call("POST", "/swap/b/s", "three").status(), 200);
        assert_eq!(server.call("POST", "/batch/b/get", "[\"a\", \"s\"]").status(), 200);
    });
    insta::assert_snapshot!(told, @"
    wasi:keyvalue/store.set: wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=link on the component
    wasi:keyvalue/store.set: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasi:keyvalue/atomics.current: wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=link on the component
    wasi:keyvalue/atomics.current: wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=link on the component
    wasi:keyvalue/atomics.swap: wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=link on the component
    wasi:keyvalue/batch.get-many: wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=link on the component
    ");
}

#[test]
fn through_asynchronous_functions() {
    let told = told(&guests::state_p3(), "\"wasmcloud:keyvalue\" = \"memory\"", |server| {
        assert_eq!(server.call("PUT", "/kv/b/a?new=1", "one").summary(), "204 ");
        assert_eq!(server.call("PUT", "/kv/b/a?new=1", "two").status(), 409);
        assert_eq!(server.call("HEAD", "/kv/b/a", "").status(), 204);
        assert_eq!(server.call("POST", "/swap/b/a?value=one", "three").status(), 200);
        assert_eq!(server.get("/list/b?prefix=a").status(), 200);
        assert_eq!(server.call("POST", "/incr/b/n?by=1", "").status(), 200);
    });
    insta::assert_snapshot!(told, @"
    wasmcloud:keyvalue/store.set: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasmcloud:keyvalue/store.set (failed): error.type=error, wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasmcloud:keyvalue/store.exists: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasmcloud:keyvalue/cas.swap: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasmcloud:keyvalue/store.list-keys: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasmcloud:keyvalue/atomics.increment: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    ");
}

/// Each version is counted under its own interfaces; all keys of a batch are one call.
#[test]
fn counted() {
    let app = App::of(&guests::state_p3(), "links = { \"wasmcloud:keyvalue\" = \"memory\" }").file("host.toml", "");
    let server = up(&app).args(["--admin", "127.0.0.1:0"]).start();
    assert_eq!(server.call("POST", "/batch/b/set", "[[\"a\", \"1\"], [\"b\", \"2\"]]").summary(), "204 ");
    assert_eq!(server.call("PUT", "/kv/b/a?new=1", "x").status(), 409);
    let text = get(&server, "/metrics").text();
    let calls: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("wattle_host_calls_total")).collect();
    insta::assert_snapshot!(calls.join("\n"), @r#"
    {app="default/state-p3",component="state-p3",interface="wasmcloud:keyvalue/store",outcome="error"} 1
    {app="default/state-p3",component="state-p3",interface="wasmcloud:keyvalue/batch",outcome="ok"} 1
    "#);
}

/// A run is a trace of its own, which says how it ended.
#[test]
fn runs_of_schedules() {
    let runs = |command: &str, report: &str| {
        let collector = Collector::start();
        let app = App::new(&format!(
            "name = \"shop\"\n[components.job]\nsource = \"command.wasm\"\nenv = {{ COMMAND = \"{command}\" }}\n\
             [[triggers.cron]]\ncomponent = \"job\"\nschedule = \"* * * * * *\"\n"
        ));
        let app = telling(app, "host", &collector.url(), "");
        let server = up(&app).start();
        server.log.wait_for(report, |line| line.contains(report));
        server.stop();
        let span = collector.span("host", "cron");
        assert_eq!((span.parent.as_str(), span.trace.len()), ("", 32), "{span:?}");
        shown(&span)
    };
    let told = [runs("show", "schedule ran"), runs("fail", "schedule failed")];
    insta::assert_snapshot!(told.join("\n"), @"
    cron: wattle.app=default/shop, wattle.component=job, wattle.request=..., wattle.schedule=* * * * * *
    cron (failed): error.type=run-failed, wattle.app=default/shop, wattle.component=job, wattle.request=..., wattle.schedule=* * * * * *
    ");
}
