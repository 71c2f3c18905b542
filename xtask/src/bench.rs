//! `cargo xtask bench`: measures what Wattle costs, side by side with the same work without it, and keeps the results with
//! the machine that they are of: `benches/results/DATE-COMMIT.json` for programs, `.md` for people.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use chrono::Utc;
use serde::{Deserialize, Serialize};

use crate::{process, root, target_directory};

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

/// As the benchmark writes it.
#[derive(Serialize, Deserialize)]
struct Table {
    title: String,
    unit: String,
    lanes: Vec<Lane>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promised: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct Lane {
    name: String,
    per_second: f64,
    ratio: f64,
}

/// Runs the benchmarks of these names, or all. They are kept also where one is below what is promised, which fails.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    let written = target_directory().join("bench.json");
    // Nothing of an earlier run is taken for this one's.
    let _ = fs::remove_file(&written);
    let mut bench = Command::new("cargo");
    bench.args(["bench", "--workspace", "--bench", "speed", "--"]).args(names);
    let ran = process::run(bench.env("WATTLE_BENCH_RESULTS", &written).current_dir(root()));
    let Ok(text) = fs::read(&written) else { return ran.and(Err(anyhow::anyhow!("the benchmark wrote no results"))) };
    let results = Results {
        date: Utc::now().format("%Y-%m-%d").to_string(),
        commit: commit()?,
        machine: Machine::here()?,
        tables: serde_json::from_slice(&text).context("read the results")?,
    };
    let directory = root().join("benches/results");
    fs::create_dir_all(&directory).with_context(|| format!("make {}", directory.display()))?;
    let name = format!("{}-{}", results.date, results.commit);
    write(&directory.join(format!("{name}.json")), &format!("{}\n", serde_json::to_string_pretty(&results)?))?;
    write(&directory.join(format!("{name}.md")), &results.page())?;
    ran
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
             machine.\nRates are medians of the rounds, ratios medians of the ratios of each round to the first lane in it.\n",
            self.date, self.commit
        );
        for Table { title, unit, lanes, promised } in &self.tables {
            let promise = promised.map(|ratio| format!("; promised of the second: {ratio:.2}")).unwrap_or_default();
            let _ = write!(page, "\n## {title}\n\n| | {unit}/s | ratio{promise} |\n|---|---|---|\n");
            for Lane { name, per_second, ratio } in lanes {
                let _ = writeln!(page, "| {name} | {per_second:.0} | {ratio:.2} |");
            }
        }
        page
    }
}
