//! Hello world with a fresh instance per request and all limits on, against a bare hyper server in the same run.
//!
//! `cargo bench -p wattle-host` prints requests per second and ratios; below `WATTLE_BENCH_FLOOR` (0.40 unless set) it
//! fails. Rounds of the servers alternate, so that a noisy machine treats them alike; the median of each counts. The
//! load generator is part of the process and takes its share of the cores.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark tells people")]

mod bare;
mod load;
mod ours;

use std::net::SocketAddr;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(3);
const CONNECTIONS: usize = 32;

struct Lane {
    name: &'static str,
    address: SocketAddr,
    rates: Vec<f64>,
}

impl Lane {
    fn new(name: &'static str, address: SocketAddr) -> Self {
        Self { name, address, rates: Vec::new() }
    }

    fn median(&mut self) -> f64 {
        self.rates.sort_by(f64::total_cmp);
        self.rates[self.rates.len() / 2]
    }
}

fn main() {
    let bare = bare::Server::start();
    let ours = ours::Servers::start();
    let mut lanes = vec![
        Lane::new("bare hyper", bare.address),
        Lane::new("0.2, fresh instance", ours.fresh),
        Lane::new("0.2, reused instance", ours.reused),
        Lane::new("0.3, shared instance", ours.shared),
    ];
    for round in 0..=ROUNDS {
        for lane in &mut lanes {
            let rate = load::run(lane.address, CONNECTIONS, ROUND);
            // The first round warms up.
            if round > 0 {
                lane.rates.push(rate);
            }
        }
    }
    let floor = std::env::var("WATTLE_BENCH_FLOOR").ok().and_then(|floor| floor.parse().ok()).unwrap_or(0.40);
    let reference = lanes[0].median();
    println!("{:22}  {:>10}  {:>6}", "", "requests/s", "ratio");
    for lane in &mut lanes {
        let rate = lane.median();
        println!("{:22}  {rate:>10.0}  {:>6.2}", lane.name, rate / reference);
    }
    let fresh = lanes[1].median() / reference;
    if fresh < floor {
        eprintln!("a fresh instance per request reaches {fresh:.2} of bare hyper, the floor is {floor:.2}");
        std::process::exit(1);
    }
}
