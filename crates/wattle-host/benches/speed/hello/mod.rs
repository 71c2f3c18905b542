//! Hello world with a fresh instance per request and all limits on, against a bare hyper server; and, if there is a
//! `wasmtime` on PATH, what its `serve` makes of the same component.

mod bare;
mod wasmtime;

use std::net::SocketAddr;
use std::time::Duration;

use wattle_backend::stores::Stores;
use wattle_host::Host;
use wattle_testkit::guests;

use crate::lanes::{Lane, Table};
use crate::load;
use crate::serving::{REUSED, ROUTE, Serving, serve};

const CONNECTIONS: usize = 32;
const PROMISED: f64 = 0.40;

fn load(address: SocketAddr, round: Duration) -> f64 {
    load::run(address, "/", CONNECTIONS, round)
}

fn lane(name: &'static str, serving: Serving) -> Lane {
    Lane::new(name, move |round| load(serving.address(), round))
}

pub(crate) fn run() -> Vec<Table> {
    let bare = bare::Server::start();
    let none = Stores::default;
    let reused = format!("{REUSED}\n{ROUTE}");
    let mut lanes = vec![
        Lane::new("bare hyper", move |round| load(bare.address, round)),
        lane("0.2, fresh instance", serve(Host::builder(), &guests::hello(), ROUTE, none())),
        lane("0.2, reused instance", serve(Host::builder(), &guests::hello(), &reused, none())),
        lane("0.3, shared instance", serve(Host::builder(), &guests::hello_p3(), &reused, none())),
    ];
    lanes.extend(
        wasmtime::Server::start(&guests::hello())
            .map(|server| Lane::new("0.2, `wasmtime serve`", move |round| load(server.address(), round))),
    );
    vec![Table::race("hello world", "requests", lanes).promising(PROMISED)]
}
