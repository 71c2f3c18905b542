//! How it is measured: this program runs itself once under each of the tools, and once alone.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use wattle_testkit::tools;

use crate::Costs;
use crate::lanes::{BEGINS, ENDS, REQUESTS};

/// What a request costs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Of the whole process, its client included.
    pub(crate) instructions: f64,
    /// Of the thread that serves, as the next; those that wait left out.
    pub(crate) system_calls: u64,
    pub(crate) page_faults: f64,
}

impl Cost {
    pub(crate) fn numbers(&self) -> [(&'static str, f64); 3] {
        let Cost { instructions, system_calls, page_faults } = *self;
        [("instructions", instructions), ("system calls", system_calls as f64), ("page faults", page_faults)]
    }
}

/// Measures all lanes. `None` without the tools, which has been said.
pub(crate) fn measure() -> Option<Costs> {
    let (valgrind, strace) = (tools::valgrind()?, tools::strace()?);
    let dir = tempfile::tempdir().unwrap();
    let faults = run(&mut Command::new(std::env::current_exe().unwrap()), &dir);
    let system_calls = system_calls(strace, &dir);
    let instructions = instructions(valgrind, &dir);
    let lanes: Vec<(&str, &str)> = faults.lines().map(|line| line.split_once('\t').unwrap()).collect();
    let told = (lanes.len(), system_calls.len(), instructions.len());
    assert!(!lanes.is_empty() && told.0 == told.1 && told.0 == told.2, "not each tool told of each lane: {told:?}");
    let per_request = |count: u64| count as f64 / f64::from(REQUESTS);
    let costs =
        lanes.iter().zip(system_calls).zip(instructions).map(|(((lane, faults), system_calls), instructions)| {
            let page_faults = per_request(faults.parse().unwrap());
            ((*lane).to_owned(), Cost { instructions: per_request(instructions), system_calls, page_faults })
        });
    Some(costs.collect())
}

/// What this program prints when `command` runs its lanes.
fn run(command: &mut Command, dir: &TempDir) -> String {
    // Guests that were built elsewhere have other instructions.
    let ran = command.arg("run").arg(dir.path().join("code")).env_remove("WATTLE_GUESTS").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// How many system calls the core makes for a request, lane for lane: the median, as now and then the clock interrupts
/// one. Its requests lie between two looks at its directory.
fn system_calls(mut strace: Command, dir: &TempDir) -> Vec<u64> {
    let file = dir.path().join("strace");
    strace.args(["--follow-forks", "--quiet=all", "--output"]).arg(&file).arg(std::env::current_exe().unwrap());
    run(&mut strace, dir);
    let trace = fs::read_to_string(&file).unwrap();
    let mut medians = Vec::new();
    let mut core: Option<(&str, Vec<u64>)> = None;
    for (thread, call) in trace.lines().map(|line| line.split_once(' ').unwrap()) {
        let call = call.trim_start();
        match (looked_at(call), &mut core) {
            (Some(begins), None) => core = Some((begins, Vec::new())),
            (Some(_), Some((_, counts))) => {
                counts.sort_unstable();
                medians.push(counts[counts.len() / 2]);
                core = None;
            }
            (None, Some((core, counts))) if thread == *core && is_counted(call) => {
                if call.starts_with("recvfrom(") {
                    counts.push(0);
                }
                // What is left of the request before is not of this one.
                if let Some(count) = counts.last_mut() {
                    *count += 1;
                }
            }
            (None, _) => {}
        }
    }
    medians
}

/// The thread whose directory this `call` looks at.
fn looked_at(call: &str) -> Option<&str> {
    let (_, thread) = call.strip_prefix("statx(")?.split_once("\"/proc/self/task/")?;
    Some(thread.split_once('"')?.0)
}

/// How often a thread waits and wakes others is the affair of the machine. A call that others came between is told on
/// two lines, and signals have lines of their own.
fn is_counted(call: &str) -> bool {
    !call.starts_with("epoll_wait(") && !call.starts_with("futex(") && !call.starts_with(['<', '-', '+'])
}

/// The instructions from the beginning of each lane's requests to their end.
fn instructions(mut valgrind: Command, dir: &TempDir) -> Vec<u64> {
    let file = dir.path().join("callgrind");
    valgrind.args(["--tool=callgrind", &format!("--zero-before={BEGINS}"), &format!("--dump-before={ENDS}")]);
    valgrind.arg(format!("--callgrind-out-file={}", file.display())).arg(std::env::current_exe().unwrap());
    run(&mut valgrind, dir);
    // What is left at the end has no number.
    (1..)
        .map_while(|dump| fs::read_to_string(format!("{}.{dump}", file.display())).ok().as_deref().map(total))
        .collect()
}

fn total(dump: &str) -> u64 {
    let totals = dump.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    totals.trim().parse().unwrap()
}
