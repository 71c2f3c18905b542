//! `cargo xtask dist`: one self-contained, stripped binary at `target/dist/wattle`.
//!
//! On Linux it is linked statically, the C library included, so that it runs in an empty root.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, root, target_directory};

const STATIC: &str = "-C target-feature=+crt-static";
/// A static program finds the system call for randomness by no name, and there may be no `/dev/urandom`: say that the
/// call is there (it is since Linux 3.17).
const LINUX: &str = "-C target-feature=+crt-static --cfg getrandom_backend=\"linux_getrandom\"";

/// Makes it, as it is shipped.
pub(crate) fn run() -> Result<()> {
    make(&mut cargo_build(&["--release", "--package", "wattle"])?)
}

/// Makes it without optimising across crates, which takes minutes and changes nothing but speed.
pub(crate) fn run_sooner() -> Result<()> {
    let mut build = cargo_build(&["--release", "--package", "wattle"])?;
    make(build.env("CARGO_PROFILE_RELEASE_LTO", "off"))
}

fn make(build: &mut Command) -> Result<()> {
    let target = host_target()?;
    process::run(build)?;
    let name = format!("wattle{}", env::consts::EXE_SUFFIX);
    let built = target_directory().join(&target).join("release").join(&name);
    let dist = binary();
    fs::create_dir_all(dist.parent().unwrap_or(root())).context("create target/dist")?;
    strip(&built, &dist)?;
    let size = fs::metadata(&dist).with_context(|| format!("look at {}", dist.display()))?.len();
    eprintln!("dist: {} for {target}, {:.1} MB", dist.display(), size as f64 / 1e6);
    Ok(())
}

/// Where the binary lies.
pub(crate) fn binary() -> PathBuf {
    target_directory().join("dist").join(format!("wattle{}", env::consts::EXE_SUFFIX))
}

/// A `cargo` that builds what is shipped: for this machine's target by name, statically where that can be had. The name
/// of the target keeps the flags away from what runs while building.
fn cargo_build(arguments: &[&str]) -> Result<Command> {
    let target = host_target()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--target", &target]).args(arguments).current_dir(root());
    let flags = match target.as_str() {
        linux if linux.ends_with("-linux-gnu") => LINUX,
        windows if windows.ends_with("-windows-msvc") => STATIC,
        _ => "",
    };
    cargo.env("RUSTFLAGS", flags);
    Ok(cargo)
}

fn host_target() -> Result<String> {
    let said = Command::new("rustc").arg("-vV").output().context("run rustc")?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say for which target it compiles")
}

/// Copies a program without its symbols. Windows has them in files of their own.
fn strip(built: &PathBuf, dist: &PathBuf) -> Result<()> {
    if cfg!(windows) {
        return fs::copy(built, dist).map(drop).with_context(|| format!("copy {}", built.display()));
    }
    let arguments: [&OsStr; 3] = ["-o".as_ref(), dist.as_ref(), built.as_ref()];
    process::run(Command::new("strip").args(arguments))
}
