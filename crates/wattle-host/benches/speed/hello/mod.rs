//! Hello world with a fresh instance per request and all limits on, against a bare hyper server.

mod bare;

use std::net::SocketAddr;
use std::time::Duration;

use wattle_backend::stores::Stores;
use wattle_testkit::guests;

use crate::lanes::{Lane, Result, race};
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

pub(crate) fn run() -> Vec<Result> {
    let bare = bare::Server::start();
    let none = Stores::default;
    let reused = format!("{REUSED}\n{ROUTE}");
    let lanes = vec![
        Lane::new("bare hyper", move |round| load(bare.address, round)),
        lane("0.2, fresh instance", serve(&guests::hello(), ROUTE, none())),
        lane("0.2, reused instance", serve(&guests::hello(), &reused, none())),
        lane("0.3, shared instance", serve(&guests::hello_p3(), &reused, none())),
    ];
    let ratio = race("hello world", "requests", lanes);
    vec![Result { what: "a fresh instance per request".to_owned(), ratio, promised: PROMISED }]
}
