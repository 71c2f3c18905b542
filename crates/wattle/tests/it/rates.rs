//! What apps do lately and what they take, as `wattle ps` and `/metrics` tell it.

use serde_json::Value;
use wattle_testkit::{App, Server, until};

use crate::WATTLE;
use crate::admin::number;
use crate::control::told;
use crate::messages::{post, publish, trigger};

const MIB: u64 = 1 << 20;

/// An app with a component that is used again, a schedule and a service that compute, and one that does nothing.
fn shop() -> App {
    App::new(
        "name = \"shop\"\n[components.web]\nsource = \"misbehave.wasm\"\ninstances = { reuse = 1000 }\n\
         limits = { memory = \"32MiB\" }\nlinks = { \"wasi:keyvalue\" = \"memory\" }\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n\
         [components.sweeper]\nsource = \"command.wasm\"\nenv = { COMMAND = \"spin\" }\nlimits = { deadline = \"300ms\" }\n\
         [[triggers.cron]]\ncomponent = \"sweeper\"\nschedule = \"@yearly\"\n\
         [services.idler]\nsource = \"command.wasm\"\nenv = { COMMAND = \"wait\" }\n\
         [services.spinner]\nsource = \"command.wasm\"\nenv = { COMMAND = \"spin\" }\n",
    )
}

fn start(app: &App) -> Server {
    WATTLE.up(app).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).args(["--admin", "127.0.0.1:0"]).start()
}

/// What `wattle ps` tells of the only app.
#[track_caller]
fn status(app: &App) -> Value {
    told(app, ["ps"])["hosts"][0]["apps"][0].clone()
}

#[track_caller]
fn component<'a>(shop: &'a Value, name: &str) -> &'a Value {
    let components = shop["components"].as_array().unwrap();
    components.iter().find(|component| component["component"] == name).unwrap()
}

/// How many in all, of something that is told for each second.
#[track_caller]
fn in_all(whose: &Value, rate: &str) -> f64 {
    whose["rates"][rate].as_f64().unwrap() * whose["rates"]["window_ms"].as_f64().unwrap() / 1000.0
}

/// How long cores worked in the window, in seconds.
#[track_caller]
fn worked(whose: &Value) -> f64 {
    in_all(whose, "cpu_percent") / 100.0
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 0.5, "{found} in place of {expected}");
}

#[test]
fn requests_and_the_time_they_take() {
    let app = shop();
    let server = start(&app);
    let mut client = server.connect();
    for target in ["/panic", "/panic", "/spin?ms=400"].into_iter().chain([("/"); 60]) {
        client.call("GET", target, b"");
    }
    let shop = until("all are counted", || {
        let shop = status(&app);
        (shop["requests"]["served"] == 63).then_some(shop)
    });
    let web = component(&shop, "web");
    for whose in [web, &shop] {
        near(in_all(whose, "requests_per_second"), 63.0);
        near(in_all(whose, "failed_per_second"), 2.0);
        let p99 = whose["rates"]["p99_ms"].as_f64().unwrap();
        assert!((250.0..=30_000.0).contains(&p99), "one of 63 is slower than 99 of 100: {p99}");
        // The service that computes may have had the same core meanwhile.
        assert!(worked(whose) > 0.1, "{whose}");
    }
    let cpu = number(&server, "wattle_cpu_seconds_total{app=\"default/shop\",component=\"web\"}");
    assert!(cpu >= worked(web) - 0.01, "{cpu}");
}

/// Whatever calls a component: what it computes is told, and what it waits for is not.
#[test]
fn schedules_and_services() {
    let app = shop();
    let _server = start(&app);
    let ran = WATTLE.run(&app, ["cron", "run", "shop", "sweeper"]);
    assert_eq!(ran.code, Some(1), "it computes until its deadline: {ran}");
    let shop = status(&app);
    let [sweeper, spinner, idler] = ["sweeper", "spinner", "idler"].map(|name| component(&shop, name));
    assert!(worked(sweeper) > 0.1, "{sweeper}");
    // On two cores it may have shared one.
    assert!(worked(spinner) > 0.1, "{spinner}");
    assert!(worked(idler) < worked(sweeper), "{idler}");
    assert_eq!((&sweeper["instances"]["count"], &spinner["instances"]["count"]), (&0.into(), &1.into()));
    assert_eq!(idler["rates"]["requests_per_second"], 0.0);
    assert_eq!(idler["rates"]["p99_ms"], Value::Null);
}

/// Also another component, a message, and several requests at a time.
#[test]
fn calls_and_messages() {
    let works = |app: &App, name: &str| {
        until(name, || (worked(component(&status(app), name)) > 0.0).then_some(()));
    };
    let calls = App::new(
        "name = \"shop\"\n[components.caller]\nsource = \"caller.wasm\"\n[components.callee]\nsource = \"callee.wasm\"\n\
         [components.both]\nsource = \"hello-p3.wasm\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"caller\"\n\
         [[triggers.http]]\npath = \"/both\"\ncomponent = \"both\"\n",
    );
    let server = start(&calls);
    assert_eq!(worked(component(&status(&calls), "callee")), 0.0);
    assert_eq!(server.get("/add/40/2").summary(), "200 42");
    assert_eq!(server.get("/both").status(), 200);
    ["caller", "callee", "both"].iter().for_each(|name| works(&calls, name));

    let post = post(&["front", "hearer"], "memory", &trigger("hearer", "orders.>", ""));
    let server = start(&post);
    assert_eq!(worked(component(&status(&post), "hearer")), 0.0);
    publish(&server, "orders.new", "one");
    works(&post, "hearer");
}

#[test]
fn memory() {
    let app = shop();
    let server = start(&app);
    let mut client = server.connect();
    let gauge = "wattle_instances_memory_bytes{app=\"default/shop\",component=\"web\"}";
    let held = |what: &str, count: u64| {
        let web = until(what, || {
            let web = component(&status(&app), "web").clone();
            (web["instances"]["count"] == count).then_some(web)
        });
        let number = |name: &str| web["instances"][name].as_u64().unwrap();
        assert_eq!(web["memory_limit_bytes"], 32 * MIB);
        assert!(web["code_bytes"].as_u64().unwrap() > 10_000, "{web}");
        (number("memory_bytes"), number("largest_bytes"))
    };
    let (nothing, first) = held("only the trial was there", 0);
    assert_eq!(nothing, 0);
    assert!((1..16 * MIB).contains(&first), "{first}");
    client.call("GET", "/", b"");
    assert_eq!(held("one rests", 1), (first, first));
    client.call("GET", "/leave-canary", b"");
    let (large, largest) = held("the same one rests", 1);
    assert!((16 * MIB..=32 * MIB).contains(&large), "{large}");
    assert_eq!((largest, number(&server, gauge) as u64), (large, large));
    let page = WATTLE.run(&app, ["ps"]).stdout;
    let share = format!("{:.0} %", large as f64 / (32 * MIB) as f64 * 100.0);
    let row = page.lines().find(|line| line.starts_with("  web")).unwrap();
    assert!(row.ends_with(&share), "{row} without {share}");
    client.call("GET", "/panic", b"");
    assert_eq!(held("it is gone", 0), (0, largest), "the largest so far is remembered");
    assert_eq!(number(&server, gauge), 0.0);
    // More than it may: what was refused is not held.
    client.call("GET", "/grow", b"");
    let (refused, _) = held("an instance that wanted more rests", 1);
    assert!(refused <= 32 * MIB, "{refused}");
}

/// A terminal has room for the table, and `--wide` has the rest.
#[test]
fn in_a_table() {
    let app = shop();
    let server = start(&app);
    assert_eq!(server.get("/").status(), 200);
    let page = WATTLE.run(&app, ["ps"]).stdout;
    let widest = page.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{page}");
    let narrow = ["APP", "STATE", "GENERATION", "UP", "REQ/S", "FAILED/S", "P99", "CPU", "MEMORY", "OF LIMIT"];
    assert_eq!(head(&page), narrow);
    let wide = WATTLE.run(&app, ["ps", "--wide"]).stdout;
    assert_eq!(head(&wide)[..narrow.len()], narrow);
    assert_eq!(head(&wide)[narrow.len()..], ["INSTANCES", "CODE", "REQUESTS", "FAILED", "IN FLIGHT", "PID", "LISTENS"]);
    assert!(wide.contains("  http://127.0.0.1:PORT\n"), "{wide}");
}

/// The columns of a table.
fn head(page: &str) -> Vec<&str> {
    page.lines().next().unwrap().split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}
