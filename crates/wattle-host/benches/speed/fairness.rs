//! An app that has little to do, while another one computes on every core.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use wattle_backend::memory::MemoryKeyValue;
use wattle_backend::stores::Stores;
use wattle_host::Host;
use wattle_testkit::figures::{Bound, Table};
use wattle_testkit::guests;

use crate::lanes::median;
use crate::load::open::Latencies;
use crate::load::{closed, open};
use crate::servers::{Server, What};
use crate::serving::{Serving, serve_all};

/// Requests per second for the one that has little to do, from so many clients.
const RATE: u32 = 500;
const CLIENTS: u32 = 32;
const ROUNDS: u32 = 5;
const ROUND: Duration = Duration::from_secs(2);
/// How long they come before any is timed.
const BEFORE: Duration = Duration::from_millis(500);
/// How many requests the other one computes for at a time: several on every core of a small machine.
const SPINNING: usize = 8;
/// How long it computes for each.
const SPIN_MS: u32 = 250;

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
    let light = || {
        // The first of them warm up, and pass until the other app computes.
        open::run(server.address(), "/light", CLIENTS, RATE, BEFORE);
        open::run(server.address(), "/light", CLIENTS, RATE, ROUND)
    };
    // In turns: what else goes on here disturbs both.
    let rounds = (0..ROUNDS).map(|_| (light(), while_the_other_computes(server.address(), light)));
    let (alone, beside): (Vec<_>, Vec<_>) = rounds.unzip();
    let alone_p99 = median(alone.iter().map(|round| round.all_but(0.01).as_secs_f64() * 1e3));
    let most = 2.0 * alone_p99 + 10.0;
    let table = Table::new(format!("hello world, {RATE} requests/s, fresh instances, the median of {ROUNDS} rounds"));
    let table = table.row(ALONE, figures(&alone)).row(BESIDE, figures(&beside));
    vec![table.promise(BESIDE, P99, Bound::AtMost(most)).promise(BESIDE, ERRORS, Bound::AtMost(0.0))]
}

/// Of each figure the median, and all the errors.
fn figures(rounds: &[Latencies]) -> Vec<(&'static str, f64)> {
    let all: Vec<_> = rounds.iter().map(Latencies::figures).collect();
    let of_one = |figure: usize| {
        let name = all[0][figure].0;
        let values = all.iter().map(|figures| figures[figure].1);
        (name, if name == ERRORS { values.sum() } else { median(values) })
    };
    (0..all[0].len()).map(of_one).collect()
}

fn while_the_other_computes<T>(address: SocketAddr, measure: impl Fn() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                closed::run(address, &format!("/spin?ms={SPIN_MS}"), SPINNING, Duration::from_secs(1));
            }
        });
        let _over = Over(&over);
        measure()
    })
}

/// Ends what runs beside it, also when nothing could be measured.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
