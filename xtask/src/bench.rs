//! `cargo xtask bench`: measures what Wattle costs, side by side with the same work without it, and keeps the results with
//! the machine that they are of: `benches/results/DATE-COMMIT.json` for programs, `.md` for people.

#[expect(dead_code, unreachable_pub, reason = "who measures makes the tables")]
#[path = "../../crates/wattle-testkit/src/figures.rs"]
mod figures;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use chrono::Utc;
use serde::Serialize;

use self::figures::Table;
use crate::{dist, process, root, target_directory};

/// All that was measured in one run.
#[derive(Serialize)]
struct Results {
    date: String,
    commit: String,
    machine: Machine,
    tables: Vec<Table>,
}

/// What it was measured on.
#[derive(Serialize)]
struct Machine {
    processor: String,
    cores: usize,
    memory: String,
    kernel: String,
    rust: String,
    /// The `wasmtime` on PATH, if there is one.
    wasmtime: Option<String>,
}

/// What `cargo xtask bench` calls the measurements of the binary that is shipped, beside the names of benchmarks.
const PACE: &str = "pace";
/// How much there is in them: apps on one host, and components that are asked for the first time.
const MUCH: [(&str, &str); 2] = [("WATTLE_DENSITY", "10000"), ("WATTLE_STANDING", "200")];

/// Runs the benchmarks of these names, or all. They are kept also where one is not what is promised, which fails.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    let written = target_directory().join("bench.jsonl");
    // Nothing of an earlier run is taken for this one's.
    let _ = fs::remove_file(&written);
    let benchmarks: Vec<&str> = names.iter().copied().filter(|name| *name != PACE).collect();
    let mut ran = Ok(());
    // Its build takes long, and may fail: before anything is measured.
    let shipped = (names.is_empty() || names.contains(&PACE)).then(dist::run).transpose()?;
    if names.is_empty() || !benchmarks.is_empty() {
        let speed = ["bench", "--workspace", "--bench", "speed", "--"];
        ran = ran.and(process::run(cargo(&written).args(speed).args(&benchmarks)));
    }
    if let Some(shipped) = shipped {
        let mut pace = cargo(&written);
        pace.args(["test", "--workspace", "--test", PACE]).envs(MUCH).env("WATTLE_DIST", shipped);
        ran = ran.and(process::run(&mut pace));
    }
    let Ok(text) = fs::read_to_string(&written) else {
        return ran.and(Err(anyhow::anyhow!("the benchmarks wrote no results")));
    };
    let results = Results {
        date: Utc::now().format("%Y-%m-%d").to_string(),
        commit: commit()?,
        machine: Machine::here()?,
        tables: text.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("read the results")?,
    };
    let directory = root().join("benches/results");
    fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
    let name = format!("{}-{}", results.date, results.commit);
    write(&directory.join(format!("{name}.json")), &format!("{}\n", serde_json::to_string_pretty(&results)?))?;
    write(&directory.join(format!("{name}.md")), &results.page())?;
    let broken: Vec<String> = results.tables.iter().flat_map(Table::broken).collect();
    ran.and_then(|()| match broken.is_empty() {
        true => Ok(()),
        false => bail!("{}", broken.join("\n")),
    })
}

/// Of which each table becomes a line of the file `written`.
fn cargo(written: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.env("WATTLE_BENCH_RESULTS", written).current_dir(root());
    cargo
}

fn write(path: &Path, text: &str) -> Result<()> {
    eprintln!("bench: {}", path.display());
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// Of which commit the benchmarks are, and whether something was changed since.
fn commit() -> Result<String> {
    let git = |arguments: &[&str]| process::read(Command::new("git").args(arguments).current_dir(root()));
    let commit = git(&["rev-parse", "--short=10", "HEAD"])?;
    let is_changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.trim().is_empty();
    Ok(format!("{}{}", commit.trim(), if is_changed { "-changed" } else { "" }))
}

impl Machine {
    fn here() -> Result<Self> {
        let of = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let value = text.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_prefix(':'));
            value.map_or("unknown".to_owned(), |value| value.trim().to_owned())
        };
        let version = |program: &str| process::read(Command::new(program).arg("--version"));
        Ok(Self {
            processor: of("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism()?.get(),
            memory: of("/proc/meminfo", "MemTotal"),
            kernel: process::read(Command::new("uname").args(["-s", "-r"]))?.trim().to_owned(),
            rust: version("rustc")?.trim().to_owned(),
            wasmtime: version("wasmtime").ok().map(|version| version.trim().to_owned()),
        })
    }
}

impl Results {
    fn page(&self) -> String {
        let Machine { processor, cores, memory, kernel, rust, wasmtime } = &self.machine;
        let wasmtime = wasmtime.as_deref().unwrap_or("no wasmtime on PATH");
        let mut page = format!(
            "# {} at {}\n\n{processor}, {cores} cores, {memory}; {kernel}; {rust}; {wasmtime}. The load is made on the same \
             machine.\nRates are medians of the rounds, ratios medians of the ratios of each round to the first lane in it, times of answers \
             those of one run. Benchmarks are built with the profile `release`, `pace` is of the binary that is shipped.\n",
            self.date, self.commit
        );
        for table in &self.tables {
            let _ = write!(page, "\n{}\n", table.markdown());
        }
        page
    }
}
