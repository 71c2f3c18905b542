//! An app that has little to do, while another one computes on every core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use wattle_backend::memory::MemoryKeyValue;
use wattle_backend::stores::Stores;
use wattle_host::Host;
use wattle_testkit::figures::{Bound, Table};
use wattle_testkit::guests;

use crate::load::{closed, open};
use crate::servers::{Server, What};
use crate::serving::{Serving, serve_all};

/// Requests per second for the one that has little to do, from so many clients.
const RATE: u32 = 500;
const CLIENTS: u32 = 32;
const WHILE: Duration = Duration::from_secs(10);
/// How many requests the other one computes for at a time: several on every core of a small machine.
const SPINNING: usize = 8;
/// How long it computes for each.
const SPIN_MS: u32 = 1_000;

const ALONE: &str = "alone";
const BESIDE: &str = "beside one that computes";
const P99: &str = "p99, ms";
const ERRORS: &str = "errors";

/// Both apps on one host.
pub(crate) fn serve() -> Serving {
    let app = |name: &str, guest: &std::path::Path, path: &str| {
        format!(
            "name = {name:?}\n[components.web]\nsource = {guest:?}\n\
             [[triggers.http]]\npath = {path:?}\ncomponent = \"web\"\n"
        )
    };
    let apps = [app("light", &guests::hello(), "/light"), app("heavy", &guests::misbehave(), "/spin")];
    let stores = Stores { key_value: Some(Arc::new(MemoryKeyValue::default())), ..Stores::default() };
    serve_all(Host::builder(), &apps, stores)
}

pub(crate) fn run() -> Vec<Table> {
    let server = Server::start(What::Neighbours);
    let address = server.address();
    let light = || open::run(address, "/light", CLIENTS, RATE, WHILE);
    light();
    let alone = light();
    let over = Arc::new(AtomicBool::new(false));
    let spinner = {
        let over = over.clone();
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                closed::run(address, &format!("/spin?ms={SPIN_MS}"), SPINNING, Duration::from_secs(1));
            }
        })
    };
    thread::sleep(Duration::from_secs(1));
    let beside = light();
    over.store(true, Ordering::Relaxed);
    spinner.join().expect("the other one is answered, too");
    let most = 2.0 * alone.all_but(0.01).as_secs_f64() * 1e3 + 10.0;
    let table = Table::new(format!("hello world, {RATE} requests/s, fresh instances"));
    let table = table.row(ALONE, alone.figures()).row(BESIDE, beside.figures());
    vec![table.promise(BESIDE, P99, Bound::AtMost(most)).promise(BESIDE, ERRORS, Bound::AtMost(0.0))]
}
