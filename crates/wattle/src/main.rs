//! `wattle`: builds, ships and runs WebAssembly applications.

mod app_file;
mod certificate_files;
mod child_compiler;
mod cli;
mod log;
mod problem;
mod report;
mod verb;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Verb};
use problem::Problem;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match child_compiler::asked_for() {
        Some(arguments) => child_compiler::run_as_child(&arguments),
        None => run(Cli::parse()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            report::problem(&problem);
            problem.exit_code().into()
        }
    }
}

fn run(cli: Cli) -> Result<(), Problem> {
    match cli.verb {
        Verb::Up(arguments) => verb::up::run(arguments),
        Verb::Inspect(arguments) => verb::inspect::run(&arguments),
        Verb::Explain(arguments) => verb::explain::run(&arguments),
        Verb::Check(arguments) => verb::check::run(&arguments),
        Verb::Schema(arguments) => verb::schema::run(&arguments),
        Verb::Completions(arguments) => verb::completions::run(&arguments),
    }
}
