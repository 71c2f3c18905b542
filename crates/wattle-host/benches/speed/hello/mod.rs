//! Hello world with a fresh instance per request and all limits on, against a bare hyper server.

mod bare;

use std::net::SocketAddr;

use wattle_backend::stores::Stores;
use wattle_testkit::guests;

use crate::lanes::{Lane, Result, race};
use crate::load;
use crate::serving::{REUSED, serve};

const CONNECTIONS: usize = 32;
const PROMISED: f64 = 0.40;

fn lane(name: &'static str, address: SocketAddr) -> Lane {
    Lane::new(name, move |round| load::run(address, "/", CONNECTIONS, round))
}

pub(crate) fn run() -> Vec<Result> {
    let none = Stores::default;
    let lanes = vec![
        lane("bare hyper", bare::Server::start().address),
        lane("0.2, fresh instance", serve(&guests::hello(), "", none())),
        lane("0.2, reused instance", serve(&guests::hello(), REUSED, none())),
        lane("0.3, shared instance", serve(&guests::hello_p3(), REUSED, none())),
    ];
    let ratio = race("hello world", "requests", lanes);
    vec![Result { what: "a fresh instance per request".to_owned(), ratio, promised: PROMISED }]
}
