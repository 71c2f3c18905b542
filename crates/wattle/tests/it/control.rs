//! The control socket as its verbs show it: `ps` and `link list`, in words and as JSON, and what they say when there is
//! nothing to show.

use std::time::Duration;

use serde_json::{Value, json};
use wattle_testkit::{App, Ran, Server, until};

use crate::WATTLE;
pub(crate) use crate::asking::{exchange, get, socket, sockets, told};

/// An app with a component that answers, one that fails, and a service that does what `service` says.
fn shop(service: &str) -> App {
    App::new(&format!(
        "name = \"shop\"\n[components.web]\nsource = \"hello.wasm\"\n[components.bad]\nsource = \"misbehave.wasm\"\n\
         links = {{ \"wasi:keyvalue\" = \"memory\" }}\n\
         [[triggers.http]]\npath = \"/web\"\ncomponent = \"web\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"bad\"\n\
         [services.job]\nsource = \"command.wasm\"\nenv = {{ COMMAND = \"{service}\" }}\nrestart = {{ budget = 1, backoff = \"1ms\" }}\n"
    ))
}

/// The app, with code that is compiled once for all tests.
pub(crate) fn start(app: &App) -> Server {
    WATTLE.up(app).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

#[track_caller]
fn refused(ran: &Ran, code: i32, message: &str, hint: &str) {
    assert_eq!(ran.code, Some(code), "{ran}");
    assert!(ran.stderr.starts_with(&format!("error: {message}")) && ran.stderr.contains(hint), "{ran}");
}

#[test]
fn the_apps_that_run() {
    let app = shop("wait");
    let server = start(&app);
    assert_eq!(server.get("/web").status(), 200);
    assert_eq!(server.get("/panic").status(), 500);
    let ps = until("the requests are counted", || {
        let ps = told(&app, ["ps"]);
        (ps["hosts"][0]["apps"][0]["requests"]["served"] == 2).then_some(ps)
    });
    let host = &ps["hosts"][0];
    assert_eq!(host["control"], socket(&app).to_str().unwrap());
    assert_eq!(host["pid"], server.process().0);
    assert_eq!(host["listens"], json!(["http://127.0.0.1:PORT"]));
    let shop = &host["apps"][0];
    assert_eq!((&shop["app"], &shop["ready"], &shop["waiting"]), (&"default/shop".into(), &true.into(), &json!([])));
    assert_eq!(shop["requests"], json!({ "served": 2, "failed": 1, "in_flight": 0 }));
    let [bad, job, web] = [0, 1, 2].map(|place| &shop["components"][place]);
    assert_eq!(bad["requests"], json!({ "served": 1, "failed": 1, "in_flight": 0 }));
    assert_eq!(web["requests"], json!({ "served": 1, "failed": 0, "in_flight": 0 }));
    assert_eq!((&job["component"], &job["service"]["state"]), (&"job".into(), &"running".into()));

    let page = WATTLE.run(&app, ["ps", "--wide"]).stdout;
    let rows: Vec<Vec<&str>> = page.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..4], ["APP", "STATE", "GENERATION", "UP"]);
    assert_eq!(rows[1][..2], ["default/shop", "ready"]);
    let pid = server.process().0.to_string();
    assert!(rows[1].ends_with(&["2", "1", "0", &pid, "http://127.0.0.1:PORT"]), "{page}");
    assert!(rows[2].starts_with(&["bad", "component"]) && rows[2].ends_with(&["1", "1", "0"]), "{page}");
    assert!(rows[3].starts_with(&["job", "service,", "runs"]) && rows[3].ends_with(&["0", "0", "0"]), "{page}");
}

/// What a request does while it is under way.
#[test]
fn requests_in_flight() {
    let app = App::of(&wattle_testkit::guests::misbehave(), "");
    let server = start(&app);
    let mut connection = server.connect();
    connection.request("GET", "/spin?ms=5000", b"");
    until("it is in flight", || {
        (told(&app, ["ps"])["hosts"][0]["apps"][0]["requests"]["in_flight"] == 1).then_some(())
    });
}

#[test]
fn a_service_that_has_failed() {
    let app = shop("fail");
    let server = start(&app);
    server.log.wait_for("the failure", |line| line.contains("service failed"));
    let job = told(&app, ["ps"])["hosts"][0]["apps"][0]["components"][1].clone();
    assert_eq!(job["service"], json!({ "state": "failed", "reason": "it ended with code 1" }));
    let page = WATTLE.run(&app, ["ps"]).stdout;
    assert!(page.contains("  job         service, failed ") && page.contains("  job: it ended with code 1"), "{page}");
}

/// An app is shown while it starts, with what it waits for.
#[test]
fn an_app_that_starts() {
    let slow = "(component (core module $m (func $spin (loop (br 0))) (start $spin)) (core instance (instantiate $m)))";
    let manifest = "name = \"shop\"\n[components.slow]\nsource = \"slow.wat\"\nlimits = { deadline = \"20s\" }\n";
    let app = App::empty().file("wattle.toml", manifest).file("slow.wat", slow);
    let _server = WATTLE.up(&app).spawn();
    let shop = until("it is shown", || {
        let ran = WATTLE.run(&app, ["ps", "--json"]);
        let ps: Value = serde_json::from_str(&ran.stdout).ok()?;
        ps["hosts"][0]["apps"].get(0).cloned()
    });
    let waiting = json!([{ "part": "start", "reason": "starting" }]);
    assert_eq!((&shop["ready"], &shop["waiting"], &shop["uptime_ms"]), (&false.into(), &waiting, &Value::Null));
    let page = until("it is compiled", || {
        let page = WATTLE.run(&app, ["ps"]).stdout;
        page.contains("default/shop  starting  -").then_some(page)
    });
    assert!(page.contains("  waits for start: starting\n"), "{page}");
    let ran = WATTLE.run(&app, ["link", "set", "shop", "slow", "wasi:keyvalue=disk"]);
    refused(&ran, 3, "the app `default/shop` does not run: it starts, or ends", "hint: try again when");
    for logs in ["shop", "shop/slow"] {
        let ran = WATTLE.run(&app, ["logs", logs]);
        assert!(ran.is_ok(), "{ran}");
    }
}

/// And while it drains.
#[test]
fn an_app_that_is_not_ready() {
    let app = App::of(&wattle_testkit::guests::misbehave(), "");
    let server = start(&app);
    let mut connection = server.connect();
    connection.request("GET", "/sleep?ms=5000", b"");
    until("it is in flight", || {
        (told(&app, ["ps"])["hosts"][0]["apps"][0]["requests"]["in_flight"] == 1).then_some(())
    });
    server.process().signal(wattle_testkit::process::Signal::Terminate);
    let shop = until("it drains", || {
        let shop = told(&app, ["ps"])["hosts"][0]["apps"][0].clone();
        (shop["ready"] == false).then_some(shop)
    });
    assert_eq!(shop["waiting"], json!([{ "part": "start", "reason": "draining" }]));
    let page = WATTLE.run(&app, ["ps"]).stdout;
    assert!(page.contains("not ready") && page.contains("  waits for start: draining\n"), "{page}");
}

#[test]
fn what_is_linked() {
    let app = shop("wait");
    let _server = start(&app);
    let links = told(&app, ["link", "list", "shop", "web"]);
    let apps = &links["hosts"][0]["apps"];
    assert_eq!((apps[0]["app"].as_str(), apps[0]["components"].as_array().unwrap().len()), (Some("default/shop"), 1));
    let explained = told(&app, ["explain"]);
    let web = explained["components"].as_array().unwrap().iter().find(|one| one["component"] == "web").unwrap();
    let fields = ["import", "provider", "backend", "component", "mode", "rule", "reason"];
    let same = |link: &Value| fields.map(|field| link[field].clone());
    let expected: Vec<_> = web["imports"].as_array().unwrap().iter().map(same).collect();
    let found: Vec<_> = apps[0]["components"][0]["links"].as_array().unwrap().iter().map(same).collect();
    assert!(!found.is_empty() && found == expected, "{found:?}\n{expected:?}");

    let short = WATTLE.run(&app, ["link", "list"]).stdout;
    assert!(!short.contains("wasi:http/") && short.contains(" of the WASI core, which "), "{short}");
    assert!(short.contains("  wasi:keyvalue/store@0.2.0-draft"), "{short}");
    let page = WATTLE.run(&app, ["link", "list", "--all"]).stdout;
    let heads: Vec<_> = page.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(heads[1..], ["default/shop/bad", "default/shop/job", "default/shop/web"]);
    assert!(heads[0].starts_with("IMPORT ") && page.contains("  wasi:http/types@0.2"), "{page}");
}

#[test]
fn what_is_not_there() {
    let app = shop("wait");
    for verb in [&["ps"][..], &["logs"], &["link", "list"], &["cron", "list"], &["cron", "run", "shop", "job"]] {
        let ran = WATTLE.run(&app, verb);
        refused(&ran, 1, "no host of this user runs here", "hint: start one with `wattle up`");
        let ran = WATTLE.run(&app, verb.iter().chain(&["--control", "nowhere.sock"]));
        refused(&ran, 1, "cannot ask the host at nowhere.sock", "hint: correct the path");
    }
    let _server = start(&app);
    for verb in
        [&["logs", "shpo"][..], &["link", "list", "shpo"], &["cron", "list", "shpo"], &["cron", "run", "shpo", "x"]]
    {
        let hint = "hint: did you mean `default/shop`? known: `default/shop`";
        refused(&WATTLE.run(&app, verb), 2, "no app `default/shpo` is known here", hint);
    }
    for verb in [&["logs", "shop/wep"][..], &["link", "list", "shop", "wep"]] {
        let hint = "hint: did you mean `web`? its components: `bad`, `job` and `web`";
        refused(&WATTLE.run(&app, verb), 2, "the app `default/shop` has no component `wep`", hint);
    }
}

/// Two hosts side by side, of the same app: both are shown, and who means one of them has to say which.
#[test]
fn several_hosts() {
    let app = shop("wait");
    let servers = [start(&app), start(&app)];
    let mut pids =
        told(&app, ["ps"])["hosts"].as_array().unwrap().iter().map(|host| host["pid"].clone()).collect::<Vec<_>>();
    pids.sort_by_key(Value::as_u64);
    let mut expected = servers.each_ref().map(|server| server.process().0);
    expected.sort_unstable();
    assert_eq!(pids, expected);
    refused(
        &WATTLE.run(&app, ["cron", "run", "shop", "job"]),
        2,
        "several hosts run the app `default/shop`",
        "`--control PATH`",
    );
    let one = sockets(&app).remove(0);
    let ps = told(&app, ["ps", "--control", one.to_str().unwrap()]);
    assert_eq!(ps["hosts"].as_array().unwrap().len(), 1);
    let logs = WATTLE.run(&app, ["logs"]).stdout;
    assert_eq!(logs.lines().filter(|line| line.contains("service started")).count(), 2, "{logs}");
}

/// A host that does not answer holds nobody up for long, and is told of.
#[test]
fn a_host_that_does_not_answer() {
    let app = shop("wait");
    let servers = [start(&app), start(&app)];
    servers[0].process().signal(wattle_testkit::process::Signal::Stop);
    let begun = std::time::Instant::now();
    let ran = WATTLE.run(&app, ["ps", "--json"]);
    servers[0].process().signal(wattle_testkit::process::Signal::Continue);
    assert!(ran.is_ok() && ran.stderr.contains("is left out: there was no answer for 10s"), "{ran}");
    assert!(begun.elapsed() < Duration::from_secs(15));
    let ps: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(ps["hosts"].as_array().unwrap().len(), 1);
}
