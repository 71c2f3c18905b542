//! The project's automation: `cargo xtask VERB`.
//!
//! Everything that has to be done the same way by people and by CI is a verb here.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line")]

mod bench;
mod ci;
mod dist;
mod embed;
mod guests;
mod process;
mod serve;
mod templates;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const HELP: &str = "\
Usage: cargo xtask VERB

  bench [NAME..]        Measure against the same work without Wattle, and keep the results
  ci                    Run every check in order and stop at the first failure
  dist                  Build the self-contained binary target/dist/wattle
  embed [--alone]       Build the example examples/embed and ask it for an answer
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
        ["bench", names @ ..] => bench::run(names),
        ["ci"] => ci::run(),
        ["dist"] => dist::run().map(drop),
        ["embed"] => embed::run(&root().join("guests/built"), embed::Build::Here),
        ["embed", "--alone"] => embed::run(&root().join("guests/built"), embed::Build::Alone),
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

/// Where the programs of a profile are: beside those of this one's.
fn programs(profile: &str) -> Result<PathBuf> {
    let program = std::env::current_exe().context("find this program")?;
    let ours = program.parent().and_then(Path::parent).context("this program is in no directory of a profile")?;
    Ok(ours.join(profile))
}

/// Where cargo puts what it builds.
fn target_directory() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}
