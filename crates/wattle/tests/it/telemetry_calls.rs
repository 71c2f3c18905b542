//! What is told of calls of keys and values, of blobs and of messages, whichever interface they come through, and of runs
//! of schedules.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use wattle_testkit::{App, Collector, Server, guests, until};

use crate::admin::get;
use crate::blobs::faces;
use crate::blobs_streams::{half_sent, send_rest};
use crate::messages::trigger;
use crate::telemetry::{shown, telling, up};

/// What is told of the host calls of `guest` with `links` while `drive` asks for them, in their order.
fn told(guest: &Path, links: &str, drive: impl Fn(&Server)) -> String {
    let collector = Collector::start();
    let app = telling(App::of(guest, &format!("links = {{ {links} }}")), "host", &collector.url(), "");
    let server = up(&app).start();
    drive(&server);
    server.stop();
    let calls = collector.spans().into_iter().filter(|span| span.name.contains(':'));
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

/// Every function of a blobstore is a call, and both packages have the same.
#[test]
fn of_blobs() {
    let told = faces().map(|face| {
        let told = told(&face.guest, &format!("\"{}\" = \"memory\"", face.package), |server| {
            for (request, status) in [
                ("PUT /container/box", 204),
                ("PUT /container/box", 422),
                ("HEAD /container/box", 204),
                ("GET /container/box", 200),
                ("PUT /object/box/a", 204),
                ("GET /object/box/a", 200),
                ("GET /object/box/none", 422),
                ("HEAD /object/box/a", 204),
                ("GET /info/box/a", 200),
                ("POST /copy/box/a/box/b", 204),
                ("POST /move/box/b/box/c", 204),
                ("GET /list/box", 200),
                ("DELETE /object/box/a", 204),
                ("POST /clear/box", 204),
                ("DELETE /container/box", 204),
            ] {
                let (method, path) = request.split_once(' ').unwrap();
                assert_eq!(server.call(method, path, "content").status(), status, "{request}");
            }
        });
        let facts = "wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component";
        told.replace(&format!(": {facts}"), "").replace(&format!(", {facts}"), "")
    });
    insta::assert_snapshot!(told[0], @"
    wasi:blobstore/blobstore.create-container
    wasi:blobstore/blobstore.create-container (failed): error.type=error
    wasi:blobstore/blobstore.container-exists
    wasi:blobstore/blobstore.get-container
    wasi:blobstore/container.info
    wasi:blobstore/blobstore.get-container
    wasi:blobstore/container.write-data
    wasi:blobstore/blobstore.get-container
    wasi:blobstore/container.get-data
    wasi:blobstore/blobstore.get-container
    wasi:blobstore/container.get-data (failed): error.type=error
    wasi:blobstore/blobstore.get-container
    wasi:blobstore/container.has-object
    wasi:blobstore/blobstore.get-container
    wasi:blobstore/container.object-info
    wasi:blobstore/blobstore.copy-object
    wasi:blobstore/blobstore.move-object
    wasi:blobstore/blobstore.get-container
    wasi:blobstore/container.list-objects
    wasi:blobstore/container.skip-stream-object-names
    wasi:blobstore/container.read-stream-object-names
    wasi:blobstore/blobstore.get-container
    wasi:blobstore/container.delete-object
    wasi:blobstore/blobstore.get-container
    wasi:blobstore/container.clear
    wasi:blobstore/blobstore.delete-container
    ");
    insta::assert_snapshot!(told[1], @"
    wasmcloud:blobstore/blobstore.create-container
    wasmcloud:blobstore/blobstore.create-container (failed): error.type=error
    wasmcloud:blobstore/blobstore.container-exists
    wasmcloud:blobstore/blobstore.get-container
    wasmcloud:blobstore/container.info
    wasmcloud:blobstore/blobstore.get-container
    wasmcloud:blobstore/container.write-data
    wasmcloud:blobstore/blobstore.get-container
    wasmcloud:blobstore/container.get-data
    wasmcloud:blobstore/blobstore.get-container
    wasmcloud:blobstore/container.get-data (failed): error.type=error
    wasmcloud:blobstore/blobstore.get-container
    wasmcloud:blobstore/container.has-object
    wasmcloud:blobstore/blobstore.get-container
    wasmcloud:blobstore/container.object-info
    wasmcloud:blobstore/blobstore.copy-object
    wasmcloud:blobstore/blobstore.move-object
    wasmcloud:blobstore/blobstore.get-container
    wasmcloud:blobstore/container.list-objects
    wasmcloud:blobstore/blobstore.get-container
    wasmcloud:blobstore/container.delete-object
    wasmcloud:blobstore/blobstore.get-container
    wasmcloud:blobstore/container.clear
    wasmcloud:blobstore/blobstore.delete-container
    ");
}

/// The app with one secret more, in a directory that its host calls `safe`.
fn with_secret(app: App, name: &str, value: &str) -> App {
    let host = std::fs::read_to_string(app.join("host.toml")).unwrap();
    let safe = "[backends.safe]\ntype = \"files\"\ndirectory = \"safe\"\nscope = \"shared\"\n";
    let file = format!("safe/{name}");
    let app = app.file("host.toml", host + safe).file(&file, value);
    std::fs::set_permissions(app.join(&file), std::fs::Permissions::from_mode(0o600)).unwrap();
    app
}

/// Configuration and secrets that a backend answers are calls, without what was asked for.
#[test]
fn of_configuration_and_secrets() {
    let collector = Collector::start();
    let told = |links: &str| {
        let lines = format!("config = {{ canary-key = \"canary-value\" }}\nsecrets = [\"canary-name\"]\n{links}");
        let app = telling(App::of(&guests::vault(), &lines), "host", &collector.url(), "");
        let app = with_secret(app, "canary-name", "canary-secret");
        let server = up(&app).env("WATTLE_SECRET_CANARY_NAME", "canary-secret").start();
        assert_eq!(server.get("/config/canary-key").summary(), "200 canary-value");
        assert_eq!(server.get("/secret/canary-name").summary(), "200 canary-secret");
        server.stop();
        collector.spans().iter().filter(|span| span.name.contains(':')).map(shown).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(told(""), "", "nothing is asked of a backend");
    let linked = told("links = { \"wasi:config\" = \"memory\", \"wasmcloud:secrets\" = \"safe\" }");
    insta::assert_snapshot!(linked, @"
    wasi:config/runtime.get: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasmcloud:secrets/store.get: wattle.backend=safe, wattle.backend.kind=files, wattle.link.rule=link on the component
    ");
    assert!(!collector.has_seen("canary"));
}

/// A call through an import with a label is called as any other, and says which link that label has.
#[test]
fn through_labels() {
    let links = "\"wasi:config\" = \"memory\", \"wasi:config#features\" = \"disk\", \"wasi:blobstore#archive\" = \"memory\", \
        \"wasmcloud:messaging\" = \"memory\", \"wasmcloud:messaging#orders\" = \"disk\", \
        \"wasi:messaging#events\" = \"disk\"";
    let of_labels = told(&guests::labels(), links, |server| {
        for import in ["config", "features", "old-features"] {
            assert_eq!(server.get(&format!("/{import}/none")).status(), 502);
        }
        for path in ["/consumer/x", "/orders/x", "/events/x"] {
            assert_eq!(server.call("POST", path, "m").summary(), "200 ", "{path}");
        }
        for path in ["/blobs/c/o", "/archive/c/o"] {
            assert_eq!(server.call("PUT", path, "content").summary(), "200 ", "{path}");
        }
    });
    insta::assert_snapshot!(of_labels, @"
    wasi:config/store.get: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasi:config/store.get: wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=link on the component
    wasi:config/runtime.get: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasmcloud:messaging/consumer.publish: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasmcloud:messaging/consumer.publish: wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=link on the component
    wasi:messaging/producer.send: wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=link on the component
    wasi:blobstore/blobstore.get-container (failed): error.type=error, wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=built-in
    wasi:blobstore/blobstore.create-container: wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=built-in
    wasi:blobstore/container.write-data: wattle.backend=disk, wattle.backend.kind=disk, wattle.link.rule=built-in
    wasi:blobstore/blobstore.get-container (failed): error.type=error, wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasi:blobstore/blobstore.create-container: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    wasi:blobstore/container.write-data: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the component
    ");
}

/// A secret that is imported by its name is a call of that interface, told without the name.
#[test]
fn of_a_secret_by_name() {
    let told = |link: &str| {
        let collector = Collector::start();
        let lines = format!("secrets = [\"db-password\"]\nlinks = {{ {link} }}");
        let app = telling(App::of(&guests::labels_p3(), &lines), "host", &collector.url(), "");
        let app = with_secret(app, "db-password", "canary");
        let server = up(&app).env("WATTLE_SECRET_DB_PASSWORD", "canary").start();
        assert_eq!(server.get("/db-password").summary(), "200 canary");
        assert_eq!(server.get("/secret/db-password").summary(), "200 canary");
        server.stop();
        assert!(!collector.has_seen("canary") && !collector.has_seen("db-password"));
        collector.spans().iter().filter(|span| span.name.contains(':')).map(shown).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(told(""), "", "nothing is asked of a backend");
    insta::assert_snapshot!(told("\"wasmcloud:secrets#db-password\" = \"safe\""), @"wasmcloud:secrets/secret.get: wattle.backend=safe, wattle.backend.kind=files, wattle.link.rule=link on the component");
    insta::assert_snapshot!(told("\"wasmcloud:secrets\" = \"safe\""), @"
    wasmcloud:secrets/secret.get: wattle.backend=safe, wattle.backend.kind=files, wattle.link.rule=link on the component
    wasmcloud:secrets/store.get: wattle.backend=safe, wattle.backend.kind=files, wattle.link.rule=link on the component
    ");
}

/// A content that streams is one call until its end, and one that is left before is cut.
#[test]
fn of_contents_that_stream() {
    for face in faces() {
        let collector = Collector::start();
        let links = format!("links = {{ \"{}\" = \"disk\" }}", face.package);
        let app = telling(App::of(&face.guest, &links), "host", &collector.url(), "");
        let server = up(&app).args(["--admin", "127.0.0.1:0"]).start();
        let interface = format!("interface=\"{}/container\"", face.package);
        let ended = |outcome: &str| -> u32 {
            let (text, outcome) = (get(&server, "/metrics").text(), format!("outcome=\"{outcome}\""));
            let line = text.lines().find(|line| line.contains(&interface) && line.contains(&outcome));
            line.map_or(0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
        };
        server.call("PUT", "/container/box", "");
        let mut writing = half_sent(&server, "large");
        assert_eq!(server.call("HEAD", "/object/box/none", "").status(), 404);
        assert_eq!(ended("ok"), 1, "the content is still being written");
        send_rest(&mut writing);
        assert_eq!(writing.answer("PUT").summary(), "204 ");
        assert_eq!(ended("ok"), 2);
        let mut reading = server.connect();
        reading.request("GET", "/object/box/large", b"");
        reading.head().unwrap();
        assert_eq!((ended("ok"), ended("cut")), (2, 0), "the content is still being read");
        drop(reading);
        until("the rest is not read any more", || (ended("cut") == 1).then_some(()));
        assert_eq!((ended("ok"), ended("error")), (2, 0));
        let left = collector.span("host", &format!("{}/container.get-data", face.package));
        assert_eq!((left.failed, left.attributes["error.type"].as_str()), (true, "cut"), "{left:?}");
        assert!(!collector.has_seen("large"), "names of objects are nobody's business");
    }
}

/// Messages of both packages: what is published, what is asked, and what cannot be.
#[test]
fn of_messages() {
    let told = [("courier", "wasmcloud"), ("courier-draft", "wasi")].map(|(guest, namespace)| {
        let collector = Collector::start();
        let links = format!("[links]\n\"{namespace}:messaging\" = \"memory\"\n\"wasi:keyvalue\" = \"memory\"\n");
        let triggers = trigger("a", "questions", "");
        let app = App::new(&format!(
            "name = \"post\"\n{links}[components.a]\nsource = \"{guest}.wasm\"\n\
             [[triggers.http]]\npath = \"/...\"\ncomponent = \"a\"\n{triggers}"
        ));
        let server = up(&telling(app, "host", &collector.url(), "")).start();
        assert_eq!(server.call("POST", "/publish/nobody", "m").status(), 200);
        assert_eq!(server.call("POST", "/publish/a..b", "m").status(), 502);
        assert_eq!(server.call("POST", "/request/questions", "why").summary(), "200 re: why");
        assert_eq!(server.call("POST", "/request/nobody", "why").status(), 502);
        server.stop();
        assert!(!collector.has_seen("nobody"), "subjects are nobody's business");
        let calls = collector.spans().into_iter().filter(|span| span.name.contains(":messaging/"));
        let mut calls: Vec<_> = calls.map(|span| format!("{} {}", span.kind, shown(&span))).collect();
        calls.sort();
        calls.join("\n")
    });
    insta::assert_snapshot!(told[0], @"
    Client wasmcloud:messaging/consumer.request (failed): error.type=error, wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the app
    Client wasmcloud:messaging/consumer.request: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the app
    Producer wasmcloud:messaging/consumer.publish (failed): error.type=error, wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the app
    Producer wasmcloud:messaging/consumer.publish: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the app
    Producer wasmcloud:messaging/consumer.publish: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the app
    ");
    insta::assert_snapshot!(told[1], @"
    Client wasi:messaging/request-reply.request (failed): error.type=error, wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the app
    Client wasi:messaging/request-reply.request: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the app
    Producer wasi:messaging/producer.send (failed): error.type=error, wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the app
    Producer wasi:messaging/producer.send: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the app
    Producer wasi:messaging/request-reply.reply: wattle.backend=memory, wattle.backend.kind=memory, wattle.link.rule=link on the app
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
