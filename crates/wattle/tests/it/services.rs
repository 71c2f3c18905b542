//! Services: started with their app, started again when they fail, and never at the cost of others.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use wattle_testkit::{App, Server};

use crate::WATTLE;

/// An app with a service that does what `command` says, beside a component that answers every request. `more` are lines
/// of the service's table.
fn service(command: &str, more: &str) -> App {
    App::new(&format!(
        "name = \"shop\"\n[components.web]\nsource = \"hello.wasm\"\n[[triggers.http]]\npath = \"/...\"\ncomponent = \"web\"\n\
         [services.job]\nsource = \"command.wasm\"\nenv = {{ COMMAND = \"{command}\" }}\n{more}\n"
    ))
}

/// The app, with code that is compiled once for all tests, and its log as JSON.
fn start(app: &App) -> Server {
    WATTLE.up(app).args(["--log-format", "json"]).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// The messages of the host about services, in their order, with the service.
fn told(server: &Server) -> Vec<String> {
    let about = |line: &Value| Some(format!("{} {}", line["service"].as_str()?, line["message"].as_str()?));
    server.log.json().iter().filter_map(about).collect()
}

fn wait_for(server: &Server, beginning: &str) -> Value {
    server.log.wait_for_json(beginning, |line| line["message"].as_str().is_some_and(|text| text.starts_with(beginning)))
}

#[test]
fn one_that_ends_well_is_completed() {
    let guests = [("old", "module"), ("three", "command-p3"), ("two", "command")];
    let table = |(name, guest): (&str, &str)| format!("[services.{name}]\nsource = \"{guest}.wasm\"\n");
    let app = App::new(&format!("name = \"shop\"\n{}", guests.map(table).concat()));
    let server = start(&app);
    for (name, _) in guests {
        server.log.wait_for_json(name, |line| line["message"] == "service completed" && line["service"] == name);
    }
    let mut said = told(&server);
    said.sort_unstable();
    let each = |(name, _): (&str, &str)| [format!("{name} service completed"), format!("{name} service started")];
    assert_eq!(said, guests.map(each).concat());
    let line = server.log.wait_for_json("the guest", |line| line["message"] == "arguments [\"three\"]");
    assert_eq!((&line["trigger"], &line["component"]), (&"service".into(), &"three".into()));
    assert!(server.stop().is_ok());
}

/// Each start is a fresh instance, each wait longer than the one before; when the budget is used up the service has
/// failed and the rest of the app goes on.
#[test]
fn one_that_crashes() {
    let app = service("panic", "restart = { backoff = \"10ms\", max-backoff = \"100ms\", budget = 5 }");
    let server = start(&app);
    let failed = wait_for(&server, "service failed, the app goes on without it: ");
    assert_eq!((&failed["level"], &failed["app"]), (&"ERROR".into(), &"default/shop".into()));
    assert!(failed["message"].as_str().unwrap().contains("wasm `unreachable` instruction executed"), "{failed}");
    let restarts: Vec<u64> = server.log.json().iter().filter_map(|line| line["after_ms"].as_u64()).collect();
    let least = [10, 20, 40, 80, 100];
    assert!(restarts.len() == 5, "{restarts:?}");
    assert!(restarts.iter().zip(least).all(|(after, least)| (least..=least * 5 / 4).contains(after)), "{restarts:?}");
    let panics = server
        .log
        .json()
        .iter()
        .filter(|line| line["message"].as_str().is_some_and(|text| text == "as it was told"))
        .count();
    assert_eq!(panics, 6, "{}", server.log.text());
    assert_eq!(server.get("/").status(), 200);
}

#[test]
fn one_that_shall_always_run() {
    let app = service("", "restart = { on = \"always\", backoff = \"1ms\", budget = 2 }");
    let server = start(&app);
    wait_for(&server, "service failed, the app goes on without it: it ended well");
    assert_eq!(told(&server).iter().filter(|line| line.ends_with("service started")).count(), 3);
}

/// One that computes without end, or crashes without end, leaves the cores to the others.
#[test]
fn nobody_is_starved() {
    for (command, more) in [("spin", ""), ("panic", "restart = { backoff = \"0ms\", budget = 1000000 }")] {
        let app = service(command, more);
        let server = start(&app);
        wait_for(&server, "service started");
        let mut connection = server.connect();
        let mut took: Vec<Duration> = (0..100)
            .map(|_| {
                let begun = Instant::now();
                assert_eq!(connection.call("GET", "/", b"").status(), 200);
                begun.elapsed()
            })
            .collect();
        took.sort_unstable();
        assert!(
            took[50] < Duration::from_millis(50),
            "{command}: a request takes {:?}, the longest {:?}",
            took[50],
            took[99]
        );
        let begun = Instant::now();
        assert!(server.stop().is_ok(), "{command}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{command}");
    }
}

/// It listens where the manifest says so, and nowhere else.
#[test]
fn listening() {
    for (at, allow, reached) in [
        ("127.0.0.1:0", "[\"127.0.0.1:0\"]", true),
        ("0.0.0.0:0", "[\"0.0.0.0:0\"]", true),
        ("127.0.0.1:0", "[]", false),
        ("0.0.0.0:0", "[\"127.0.0.1:0\"]", false),
        ("127.0.0.1:0", "[\"127.0.0.1:1\"]", false),
    ] {
        let app = service(
            &format!("listen {at}"),
            &format!("allow = {{ listen = {allow} }}\nrestart = {{ budget = 1, backoff = \"1ms\" }}"),
        );
        let server = start(&app);
        if !reached {
            wait_for(&server, "service failed, the app goes on without it: it ended with code 1");
            continue;
        }
        let line = server.log.wait_for_json("its address", |line| line["target"] == "guest");
        let (_, port) = line["message"].as_str().unwrap().rsplit_once(':').unwrap();
        let mut text = String::new();
        TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello", "{at}");
        wait_for(&server, "service completed");
    }
}

#[test]
fn a_service_is_explained() {
    let app = service("", "allow = { listen = [\"0.0.0.0:7000\"] }");
    let explained = WATTLE.run(&app, ["explain"]).stdout;
    assert!(
        explained.contains("\njob (service)\n") && explained.contains("  granted: listening at 0.0.0.0:7000\n"),
        "{explained}"
    );
    let json: Value = serde_json::from_str(&WATTLE.run(&app, ["explain", "--json"]).stdout).unwrap();
    let roles: Vec<_> = json["components"].as_array().unwrap().iter().map(|component| &component["service"]).collect();
    assert_eq!(roles, [&Value::from(false), &Value::from(true)]);
    assert_eq!(json["components"][1]["grants"]["listen"][0], "0.0.0.0:7000");
}
