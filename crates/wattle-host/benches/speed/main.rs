//! What Wattle costs: the work of a component against the same work without Wattle, in the same run.
//!
//! `cargo bench --workspace --bench speed` prints tables of figures and fails where one is not what is promised; names of
//! benchmarks behind `--` choose some of them, and `WATTLE_BENCH_RESULTS` names a file to which each table is added as a
//! line of JSON (`cargo xtask bench` keeps them). Whoever makes the load is part of this process, and takes its share of
//! the cores.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark tells people")]

mod calls;
mod fairness;
mod hello;
mod key_value;
mod lanes;
mod load;
mod messages;
mod outgoing;
mod running;
mod servers;
mod serving;

use std::process::ExitCode;

use wattle_testkit::figures::Table;

use crate::running::BE;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Benchmark = fn() -> Vec<Table>;

const BENCHMARKS: [(&str, Benchmark); 7] = [
    ("hello", hello::run),
    ("fairness", fairness::run),
    ("calls", calls::run),
    ("outgoing", outgoing::run),
    ("key-value", key_value::run),
    ("jetstream", messages::jetstream),
    ("core-nats", messages::core),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [BE, messages::WORKER, worker] => messages::be(worker),
        [BE, server] => servers::be(server),
        _ => return measure(&arguments),
    }
    ExitCode::SUCCESS
}

/// Measures what is named, or all.
fn measure(arguments: &[&str]) -> ExitCode {
    let chosen: Vec<&str> = arguments.iter().copied().filter(|name| !name.starts_with('-')).collect();
    if let Some(unknown) = chosen.iter().find(|name| BENCHMARKS.iter().all(|(known, _)| known != *name)) {
        eprintln!("there is no benchmark {unknown:?}");
        return ExitCode::FAILURE;
    }
    let is_chosen = |name: &str| chosen.is_empty() || chosen.contains(&name);
    let mut broken = Vec::new();
    for (_, benchmark) in BENCHMARKS.iter().filter(|(name, _)| is_chosen(name)) {
        for table in benchmark() {
            table.tell();
            broken.extend(table.broken());
        }
    }
    broken.iter().for_each(|broken| eprintln!("{broken}"));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
