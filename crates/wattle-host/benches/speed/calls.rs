//! What single steps take: a call of the host, a call of another component, and finding out where a request leads.
//!
//! Calls are made by a component, many in a row on each of two cores at once, and timed by itself.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use tokio::runtime;
use wattle_backend::memory::MemoryKeyValue;
use wattle_backend::stores::Stores;
use wattle_host::Host;
use wattle_spec::route::RouteTable;
use wattle_testkit::figures::{Bound, Table};
use wattle_testkit::{Connection, guests};

use crate::lanes::median;
use crate::servers::Alone;
use crate::serving::{Serving, serve_all};

/// How often each step is done in a row.
const COUNT: u32 = 20_000;
/// How often that is done; the median counts.
const ROUNDS: usize = 9;
/// As many as there are cores.
const AT_ONCE: usize = 2;
/// How many routes there are.
const ROUTES: u32 = 10_000;

const EACH: &str = "each, ns";

const ALONE: &str = "the engine alone: a store, an instance, a call, their end";
/// The most that this should take, in nanoseconds: 7 us, and what runs beside it on this machine.
const ALONE_MAX: f64 = 8_000.0;

pub(crate) fn run() -> Vec<Table> {
    let apart = |more: &str| serve("", more);
    let steps = [
        ("a call of the host (the clock)", "nows", apart("")),
        ("a component, together", "adds", serve(", mode = \"together\"", "")),
        ("a component, its instance reused", "adds", apart("instances.reuse = 4294967295")),
        ("a component, a fresh instance", "adds", apart("")),
    ];
    let table = Table::new(format!("single steps, {AT_ONCE} at once"));
    let table = steps.into_iter().fold(table, |table, (name, work, serving)| {
        table.row(name, [(EACH, each(serving.address(), &format!("/{work}/{COUNT}")))])
    });
    let table = table.row(ALONE, [(EACH, alone())]).promise(ALONE, EACH, Bound::AtMost(ALONE_MAX));
    vec![table.row(format!("a route of {ROUTES}"), [(EACH, route())])]
}

/// What a store, an instance in it, a call and the end of them take, in nanoseconds: with the limits that a host sets, and
/// nothing else of it.
fn alone() -> f64 {
    let engine = Arc::new(Alone::new(&guests::callee()));
    let threads: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let engine = engine.clone();
            thread::spawn(move || {
                let runtime = runtime::Builder::new_current_thread().build().expect("a runtime");
                let round = async || {
                    let started = Instant::now();
                    for _ in 0..COUNT {
                        assert_eq!(engine.add(1, 2).await, 3);
                    }
                    started.elapsed().as_secs_f64() * 1e9 / f64::from(COUNT)
                };
                runtime.block_on(round());
                (0..ROUNDS).map(|_| runtime.block_on(round())).collect::<Vec<f64>>()
            })
        })
        .collect();
    median(threads.into_iter().flat_map(|thread| thread.join().expect("a thread does not panic")))
}

/// A component that calls another one as the link says, which is described by `more`.
fn serve(link: &str, more: &str) -> Serving {
    let (caller, callee) = (guests::caller(), guests::callee());
    let manifest = format!(
        "name = \"bench\"\n\
         [components.caller]\nsource = {caller:?}\ninstances.reuse = 4294967295\n\
         links = {{ \"wattle:crossing\" = {{ to = \"callee\"{link} }} }}\n\
         [components.callee]\nsource = {callee:?}\n{more}\n\
         [[triggers.http]]\npath = \"/...\"\ncomponent = \"caller\"\n"
    );
    let stores = Stores { key_value: Some(Arc::new(MemoryKeyValue::default())), ..Stores::default() };
    serve_all(Host::builder(), &[manifest], stores)
}

/// What a step of `path` takes, in nanoseconds.
fn each(address: SocketAddr, path: &str) -> f64 {
    let clients: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let path = path.to_owned();
            thread::spawn(move || {
                let mut client = Connection::open(address);
                let mut ask = || client.call("GET", &path, b"").text().parse::<f64>().expect("nanoseconds");
                ask();
                (0..ROUNDS).map(|_| ask()).collect::<Vec<f64>>()
            })
        })
        .collect();
    let all = clients.into_iter().flat_map(|client| client.join().expect("a client does not panic"));
    median(all)
}

/// What it takes to find a route, in nanoseconds.
fn route() -> f64 {
    let mut routes = RouteTable::new();
    let hosts: Vec<String> = (0..ROUTES).map(|number| format!("app-{number}.example")).collect();
    for host in &hosts {
        let path = "/shop/...".parse().expect("a path");
        assert!(routes.insert(Some(host), &path, ()).is_ok(), "each has its own host");
    }
    let once = || {
        let started = Instant::now();
        for host in &hosts {
            black_box(routes.get(black_box(host), black_box("/shop/cart/1")));
        }
        started.elapsed().as_secs_f64() * 1e9 / f64::from(ROUTES)
    };
    once();
    median((0..ROUNDS).map(|_| once()))
}
