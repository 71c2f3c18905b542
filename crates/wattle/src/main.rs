//! `wattle`: builds, ships and runs WebAssembly applications.

mod app_file;
mod artifacts;
mod build_tool;
mod certificate_files;
mod child_compiler;
mod cli;
mod control;
mod daemon;
mod data_dir;
mod descriptors;
mod ending;
mod engines;
mod host_files;
mod input;
mod kept;
mod listeners;
mod log;
mod policy;
mod problem;
mod report;
mod ring;
mod scaffold;
mod template;
mod told;
mod verb;
mod whole_file;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Verb};
use problem::Problem;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match child_compiler::asked_for() {
        Some(arguments) => child_compiler::run_as_child(&arguments).map(|()| ExitCode::SUCCESS),
        None => run(Cli::parse()),
    };
    match done {
        Ok(code) => code,
        Err(problem) => {
            report::problem(&problem);
            problem.exit_code().into()
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Problem> {
    let done = match cli.verb {
        Verb::Run(arguments) => return verb::run::run(&arguments),
        Verb::New(arguments) => verb::new::run(&arguments),
        Verb::Build(arguments) => verb::build::run(&arguments),
        Verb::Up(arguments) => verb::up::run(arguments),
        Verb::Host(arguments) => verb::host::run(&arguments),
        Verb::Apply(arguments) => verb::apply::run(&arguments),
        Verb::Drain(arguments) => verb::drain::run(&arguments),
        Verb::Listener(arguments) => verb::listener::run(&arguments),
        Verb::Describe(arguments) => verb::describe::run(&arguments),
        Verb::Stop(arguments) => verb::lifecycle::stop(&arguments),
        Verb::Start(arguments) => verb::lifecycle::start(&arguments),
        Verb::Rm(arguments) => verb::lifecycle::remove(&arguments),
        Verb::Rollback(arguments) => verb::lifecycle::roll_back(&arguments),
        Verb::Ps(arguments) => verb::ps::run(&arguments),
        Verb::Events(arguments) => verb::events::run(&arguments),
        Verb::Logs(arguments) => verb::logs::run(&arguments),
        Verb::Link(arguments) => verb::link::run(&arguments),
        Verb::Cron(arguments) => verb::cron::run(&arguments),
        Verb::Approve(arguments) => verb::approve::run(&arguments),
        Verb::Push(arguments) => verb::push::run(&arguments),
        Verb::Pull(arguments) => verb::pull::run(&arguments),
        Verb::Login(arguments) => verb::login::run(&arguments),
        Verb::Logout(arguments) => verb::login::out(&arguments),
        Verb::Sign(arguments) => verb::signature::run(&arguments),
        Verb::Verify(arguments) => verb::signature::verify(&arguments),
        Verb::Key(arguments) => verb::signature::key(&arguments),
        Verb::Cache(arguments) => verb::cache::run(&arguments),
        Verb::Inspect(arguments) => verb::inspect::run(&arguments),
        Verb::Diff(arguments) => verb::diff::run(&arguments),
        Verb::Explain(arguments) => verb::explain::run(&arguments),
        Verb::Check(arguments) => verb::check::run(&arguments),
        Verb::Schema(arguments) => verb::schema::run(&arguments),
        Verb::Completions(arguments) => verb::completions::run(&arguments),
    };
    done.map(|()| ExitCode::SUCCESS)
}
