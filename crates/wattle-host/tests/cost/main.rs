//! What a request costs, in numbers that a busy machine does not move: instructions (callgrind), system calls (strace) and
//! minor page faults, each of this build, which is not optimised.
//!
//! They are those of x86-64, of this toolchain, and of a Linux that has `PAGEMAP_SCAN` (6.7). `baseline.json` has what they were. A rise of more than [`TOLERANCE`] fails; whoever means it writes them anew with
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
/// How often it is measured while something has risen. How often the clock interrupts a guest is the affair of the machine, and
/// each time costs instructions: the least of what was measured counts.
const TRIES: usize = 3;
/// Rewrites the baseline.
const WATTLE_BLESS: &str = "WATTLE_BLESS";

/// The costs of a request, by lane.
type Costs = BTreeMap<String, Cost>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["run", cache] => {
            lanes::run(cache.as_ref());
            ExitCode::SUCCESS
        }
        ["show"] => measured(false),
        [] => measured(true),
        // Whoever lists tests, or chooses some of them by name, means those of other programs.
        _ => ExitCode::SUCCESS,
    }
}

/// Measures, tells what came out, and compares that if it `is_compared` and of the build that the baseline is of.
fn measured(is_compared: bool) -> ExitCode {
    let Some(costs) = gauge::measure() else { return ExitCode::SUCCESS };
    print(&costs);
    match is_compared && cfg!(all(debug_assertions, target_arch = "x86_64")) {
        true => compare(costs),
        false => ExitCode::SUCCESS,
    }
}

fn print(costs: &Costs) {
    println!("\n{:26} {:>14} {:>14} {:>14}", "per request", "instructions", "system calls", "page faults");
    for (lane, cost) in costs {
        println!("{lane:26} {:14.0} {:14} {:14.2}", cost.instructions, cost.system_calls, cost.page_faults);
    }
}

fn compare(mut costs: Costs) -> ExitCode {
    let file: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/cost/baseline.json"].iter().collect();
    if std::env::var_os(WATTLE_BLESS).is_some() {
        std::fs::write(&file, serde_json::to_string_pretty(&costs).unwrap() + "\n").unwrap();
        return ExitCode::SUCCESS;
    }
    let baseline: Costs = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert!(costs.keys().eq(baseline.keys()), "the baseline has other lanes: {:?}", baseline.keys());
    let all_risen = |costs: &Costs| -> Vec<String> {
        costs.iter().flat_map(|(lane, cost)| risen(lane, cost, &baseline[lane])).collect()
    };
    for _ in 1..TRIES {
        if all_risen(&costs).is_empty() {
            break;
        }
        let again = gauge::measure().unwrap();
        print(&again);
        for (lane, cost) in &mut costs {
            cost.instructions = cost.instructions.min(again[lane].instructions);
        }
    }
    let risen = all_risen(&costs);
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
fn risen(lane: &str, now: &Cost, before: &Cost) -> Vec<String> {
    let numbers = now.numbers().into_iter().zip(before.numbers());
    let risen = numbers.filter(|((_, now), (_, before))| *now > before * (1.0 + TOLERANCE) + NOTHING);
    risen.map(|((what, now), (_, before))| format!("{lane}: {now:.2} {what} per request, {before:.2} before")).collect()
}
