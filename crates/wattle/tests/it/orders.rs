//! The example `orders`, as it is: on disk, and on NATS by another host's file alone.

use std::fs;
use std::path::Path;

use serde_json::json;
use wattle_testkit::wait::until;
use wattle_testkit::{App, NatsServer, Server, guests};

use crate::WATTLE;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/orders");

/// A copy of the example, whose sources are where a clone has them.
fn example() -> App {
    let read = |name: &str| fs::read_to_string(Path::new(EXAMPLE).join(name)).expect("read the example");
    let text = read("wattle.toml").replace("../../guests/built/", "");
    let app = App::empty().file("wattle.toml", text).file("host-nats.toml", read("host-nats.toml"));
    app.guest(&guests::orders_api()).guest(&guests::orders_worker()).guest(&guests::orders_report())
}

fn start(app: &App, arguments: &[&str]) -> Server {
    let up = WATTLE.up(app).args(arguments.iter().copied());
    up.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).start()
}

/// Takes `count` orders; all are answered with their numbers.
fn take(server: &Server, count: u64) -> Vec<u64> {
    let order = json!({ "item": "teapot", "quantity": 2 }).to_string();
    let taken = (0..count).map(|_| {
        let answer = server.call("POST", "/orders", &order);
        assert_eq!(answer.status(), 201, "{}", answer.summary());
        answer.json()["number"].as_u64().expect("a number")
    });
    taken.collect()
}

/// Every order that was taken gets its receipt, and the report counts them all.
fn wait_for_report(server: &Server, orders: u64) {
    let expected = json!({ "orders": orders, "done": orders, "receipts": orders });
    until("all have a receipt", || {
        let report = server.get("/report");
        (report.status() == 200 && report.json() == expected).then_some(())
    });
}

#[test]
fn on_disk() {
    let app = example();
    let server = start(&app, &[]);
    assert_eq!(server.call("POST", "/orders", "{\"item\": \"\", \"quantity\": 1}").status(), 422);
    assert_eq!(take(&server, 20), (1..=20).collect::<Vec<_>>());
    // What is under way when the host is killed is done by the next one.
    server.kill();
    let server = start(&app, &[]);
    take(&server, 5);
    wait_for_report(&server, 25);
    assert_eq!(server.get("/orders/1").json()["status"], "done");
}

#[test]
fn on_nats() {
    let Some(mut nats) = NatsServer::builder().start() else { return };
    let app = example();
    let host = fs::read_to_string(app.join("host-nats.toml")).expect("read the host's file");
    let app = app.file("host-nats.toml", host.replace("nats://127.0.0.1:4222", &nats.url()));
    let server = start(&app, &["--config", "host-nats.toml"]);
    take(&server, 20);
    // NATS goes and comes back: what was answered is done.
    nats.restart();
    wait_for_report(&server, 20);
    assert!(!app.data_dir().join("state.redb").exists(), "nothing is kept on disk");
}
