//! The project's automation: `cargo xtask VERB`.
//!
//! Everything that has to be done the same way by people and by CI is a verb here.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line")]

mod ci;
mod dist;
mod guests;
mod process;
mod templates;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
Usage: cargo xtask VERB

  ci                    Run every check in order and stop at the first failure
  dist                  Build the self-contained binary target/dist/wattle
  guests [NAME..]       Rebuild the guests whose sources changed
  guests --all          Rebuild them all
  guests --check        Fail if one was changed and not rebuilt (needs no compiler)
  guests --fresh DIR    Build them all into DIR and leave the committed ones alone
  templates [NAME..]    Make an app from each template, test, build and serve it
  tidy                  Check the rules of the source tree
  help                  Print this
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["ci"] => ci::run(),
        ["dist"] => dist::run(),
        ["guests", options @ ..] => guests::run(options),
        ["templates", names @ ..] => templates::run(names),
        ["tidy"] => tidy::run(),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        [] => bail!("a verb is missing\nhint: cargo xtask help"),
        [verb, ..] => bail!("the verb `{verb}` is unknown or takes other arguments\nhint: cargo xtask help"),
    }
}

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a directory of the repository")
}
