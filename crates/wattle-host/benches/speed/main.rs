//! What Wattle costs: the work of a component against the same work without Wattle, in the same run.
//!
//! `cargo bench --workspace --bench speed` prints rates and ratios and fails where one is below what is promised, or
//! below `WATTLE_BENCH_FLOOR` if that is set; names of benchmarks behind `--` choose some of them, and `WATTLE_BENCH_RESULTS`
//! names a file for all tables as JSON (`cargo xtask bench` keeps them). Whoever makes the load
//! is part of the process or of its machine, and takes its share of the cores.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark tells people")]

mod hello;
mod key_value;
mod lanes;
mod load;
mod messages;
mod serving;

use std::process::ExitCode;

use lanes::Table;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Benchmark = fn() -> Vec<Table>;

const BENCHMARKS: [(&str, Benchmark); 3] =
    [("hello", hello::run), ("key-value", key_value::run), ("messages", messages::run)];

fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = chosen.iter().find(|name| BENCHMARKS.iter().all(|(known, _)| known != name)) {
        eprintln!("there is no benchmark {unknown:?}");
        return ExitCode::FAILURE;
    }
    let floor = std::env::var("WATTLE_BENCH_FLOOR").ok().and_then(|floor| floor.parse().ok());
    let chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|wanted| wanted == name);
    let tables: Vec<Table> = BENCHMARKS.iter().filter(|(name, _)| chosen(name)).flat_map(|(_, run)| run()).collect();
    if let Some(file) = std::env::var_os("WATTLE_BENCH_RESULTS") {
        let written = std::fs::write(&file, serde_json::to_vec(&tables).expect("tables are JSON"));
        written.expect("the file of the results can be written");
    }
    let missed: Vec<String> = tables.iter().filter_map(|table| table.shortfall(floor)).collect();
    missed.iter().for_each(|missed| eprintln!("{missed}"));
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
