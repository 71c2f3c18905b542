//! What a request costs, in numbers that a busy machine does not move: instructions (callgrind), system calls (strace) and
//! minor page faults, each of this build, which is not optimised.
//!
//! `baseline.json` has what they were. A rise of more than [`TOLERANCE`] fails; whoever means it writes them anew with
//! `WATTLE_BLESS=1 cargo test --workspace --test cost`, and the file's history says which commit moved them.
//! `cargo test --release --workspace --test cost -- show` prints those of an optimised build, beside no baseline.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that tells what it measures"
)]

mod gauge;
mod lanes;
#[path = "../../benches/speed/serving.rs"]
mod serving;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use gauge::Cost;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much more than the baseline a number may be.
const TOLERANCE: f64 = 0.03;
/// What is as good as nothing: the allocator asks for memory now and then.
const NOTHING: f64 = 0.05;
/// Rewrites the baseline.
const WATTLE_BLESS: &str = "WATTLE_BLESS";

/// The costs of a request, by lane.
type Costs = BTreeMap<String, Cost>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("cost: test");
        return ExitCode::SUCCESS;
    }
    let chosen = arguments.iter().map(String::as_str).filter(|argument| !argument.starts_with('-'));
    match chosen.collect::<Vec<_>>()[..] {
        ["run", cache] => {
            lanes::run(cache.as_ref());
            ExitCode::SUCCESS
        }
        ["show"] => gauge::measure().map_or(ExitCode::SUCCESS, |costs| {
            print(&costs);
            ExitCode::SUCCESS
        }),
        [] => gauge::measure().map_or(ExitCode::SUCCESS, |costs| {
            print(&costs);
            compare(&costs)
        }),
        // A filter that chooses tests of other programs.
        _ => ExitCode::SUCCESS,
    }
}

fn print(costs: &Costs) {
    println!("\n{:26} {:>14} {:>14} {:>14}", "per request", "instructions", "system calls", "page faults");
    for (lane, cost) in costs {
        println!("{lane:26} {:14.0} {:14} {:14.2}", cost.instructions, cost.system_calls, cost.page_faults);
    }
}

fn compare(costs: &Costs) -> ExitCode {
    let file: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/cost/baseline.json"].iter().collect();
    if std::env::var_os(WATTLE_BLESS).is_some() {
        std::fs::write(&file, serde_json::to_string_pretty(costs).unwrap() + "\n").unwrap();
        return ExitCode::SUCCESS;
    }
    let baseline: Costs = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let risen: Vec<String> = costs.iter().flat_map(|(lane, cost)| risen(lane, cost, baseline.get(lane))).collect();
    risen.iter().for_each(|risen| eprintln!("{risen}"));
    match risen.is_empty() {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!("if that is meant: {WATTLE_BLESS}=1 cargo test --workspace --test cost");
            ExitCode::FAILURE
        }
    }
}

/// What has risen of the costs of a request, each as a line.
fn risen(lane: &str, now: &Cost, before: Option<&Cost>) -> Vec<String> {
    let Some(before) = before else { return vec![format!("{lane}: the baseline does not have it")] };
    let numbers = now.numbers().into_iter().zip(before.numbers());
    let risen = numbers.filter(|((_, now), (_, before))| *now > before * (1.0 + TOLERANCE) + NOTHING);
    risen.map(|((what, now), (_, before))| format!("{lane}: {now:.2} {what} per request, {before:.2} before")).collect()
}
