//! Requests that a component sends, on connections that are kept, against a client of hyper that does the same.
//!
//! Both ask a bare hyper server, [`CLIENTS`] clients at a time on two threads, each one request after the other, and read
//! each answer to its end.

mod bare;

use std::sync::Arc;
use std::time::Duration;

use wattle_backend::memory::MemoryKeyValue;
use wattle_backend::stores::Stores;
use wattle_host::Host;
use wattle_testkit::figures::Table;
use wattle_testkit::guests;

use crate::lanes::{Lane, race};
use crate::load::closed;
use crate::servers::{Server, What};
use crate::serving::{REUSED, ROUTE, serve};

const CLIENTS: usize = 32;
/// How many requests a component sends for each that it gets.
const COUNT: u32 = 50;

pub(crate) fn run() -> Vec<Table> {
    let server = Server::start(What::Bare);
    let address = server.address();
    let component = |name, instances: &str| {
        let allow = "allow = { http = [\"http://127.0.0.1:*\"], networks = [\"loopback\"] }";
        let stores = Stores { key_value: Some(Arc::new(MemoryKeyValue::default())), ..Stores::default() };
        let serving = serve(Host::builder(), &guests::mill(), &format!("{instances}\n{allow}\n{ROUTE}"), stores);
        let path = format!("/ask/{COUNT}?{address}");
        let ask = move |round: Duration| closed::run(serving.address(), &path, CLIENTS, round) * f64::from(COUNT);
        Lane::new(name, ask)
    };
    let bare = Lane::new("a bare client", move |round| {
        let _alive = &server;
        bare::run(address, CLIENTS, round)
    });
    let lanes =
        vec![bare, component("a component, reused instance", REUSED), component("a component, fresh instance", "")];
    vec![race("outgoing requests", "requests/s", lanes)]
}
