//! Hello world with a fresh instance per request and all limits on, against a bare hyper server; beside it what the engine
//! makes of the same component without a host, and, if there is a `wasmtime` on PATH, its `serve`.

use std::time::Duration;

use wattle_testkit::figures::{Bound, Table};
use wattle_testkit::guests;

use crate::lanes::{Lane, RATIO, race};
use crate::load::{closed, open};
use crate::servers::{Server, What};

const CONNECTIONS: usize = 32;
const PROMISED: f64 = 0.40;

const BARE: &str = "bare hyper";
const FRESH: &str = "0.2, fresh instance";

/// Requests per second where they come when they come: some that each of the servers can answer.
const RATE: u32 = 5_000;
/// For so long.
const WHILE: Duration = Duration::from_secs(10);

/// Who serves, by the names of tables.
fn servers() -> Vec<(&'static str, Server)> {
    let own = [
        (BARE, What::Bare),
        (FRESH, What::Fresh),
        ("0.2, reused instance", What::Reused),
        ("0.3, shared instance", What::Shared),
        ("0.2, the engine alone, fresh", What::Engine),
        ("0.2, the engine alone, reused", What::EngineReused),
        ("0.3, the engine alone, shared", What::EngineShared),
    ];
    let own = own.into_iter().map(|(name, what)| (name, Server::start(what)));
    let others = [("0.2, `wasmtime serve`", guests::hello()), ("0.3, `wasmtime serve`", guests::hello_p3())];
    let others = others.into_iter().filter_map(|(name, guest)| Some((name, Server::wasmtime(&guest)?)));
    own.chain(others).collect()
}

fn lane(name: &'static str, server: Server) -> Lane {
    let process = server.process();
    Lane::new(name, move |round| closed::run(server.address(), "/", CONNECTIONS, round)).of(process)
}

pub(crate) fn run() -> Vec<Table> {
    vec![throughput(), limits(), latency()]
}

/// As fast as it goes.
fn throughput() -> Table {
    let lanes = servers().into_iter().map(|(name, server)| lane(name, server)).collect();
    race("hello world", "requests/s", lanes).promise(FRESH, RATIO, Bound::AtLeast(PROMISED))
}

/// What the limits cost the engine, all else being equal.
fn limits() -> Table {
    let lane = |name, what| lane(name, Server::start(what));
    let lanes = vec![lane("without limits", What::Engine), lane("with those of a host", What::EngineLimited)];
    race("the engine alone, hello world", "requests/s", lanes)
}

/// How long answers take while requests come at a rate that nobody has to exert himself for.
fn latency() -> Table {
    let table = Table::new(format!("hello world, {RATE} requests/s"));
    servers().into_iter().fold(table, |table, (name, server)| {
        open::run(server.address(), "/", CONNECTIONS as u32, RATE, WHILE / 10);
        table.row(name, open::run(server.address(), "/", CONNECTIONS as u32, RATE, WHILE).figures())
    })
}
