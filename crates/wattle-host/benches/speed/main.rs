//! What Wattle costs: the work of a component against the same work without Wattle, in the same run.
//!
//! `cargo bench --workspace --bench speed` prints rates and ratios and fails where one is below what is promised, or
//! below `WATTLE_BENCH_FLOOR` if that is set; names of benchmarks behind `--` choose some of them. Whoever makes the load
//! is part of the process or of its machine, and takes its share of the cores.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark tells people")]

mod hello;
mod key_value;
mod lanes;
mod load;
mod messages;
mod serving;

use std::process::ExitCode;

use lanes::Result;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Benchmark = fn() -> Vec<Result>;

const BENCHMARKS: [(&str, Benchmark); 3] =
    [("hello", hello::run), ("key-value", key_value::run), ("messages", messages::run)];

fn main() -> ExitCode {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = chosen.iter().find(|name| BENCHMARKS.iter().all(|(known, _)| known != name)) {
        eprintln!("there is no benchmark {unknown:?}");
        return ExitCode::FAILURE;
    }
    let floor = std::env::var("WATTLE_BENCH_FLOOR").ok().and_then(|floor| floor.parse().ok());
    let mut exit = ExitCode::SUCCESS;
    for (name, run) in BENCHMARKS {
        if !chosen.is_empty() && !chosen.iter().any(|wanted| wanted == name) {
            continue;
        }
        for Result { what, ratio, promised } in run() {
            let floor = floor.unwrap_or(promised);
            if ratio < floor {
                eprintln!("{what}: {ratio:.2}, the floor is {floor:.2}");
                exit = ExitCode::FAILURE;
            }
        }
    }
    exit
}
