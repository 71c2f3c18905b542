//! `wattle completions`: what a shell needs to complete our verbs and flags.

use clap::CommandFactory;

use super::print;
use crate::cli::{Cli, Completions};
use crate::problem::Problem;

pub(crate) fn run(arguments: &Completions) -> Result<(), Problem> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "wattle", &mut script);
    print(&String::from_utf8_lossy(&script))
}
