//! `cargo xtask dist`: one self-contained, stripped binary at `target/dist/wattle`.
//!
//! How it is linked is the same for every build (`.cargo/config.toml`).

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{process, programs, root, target_directory};

/// The most that it has, in bytes.
const SIZE_MAX: u64 = 60_000_000;

/// Makes it, and says where it is.
pub(crate) fn run() -> Result<PathBuf> {
    process::run(
        Command::new("cargo").args(["build", "--profile", "shipped", "--package", "wattle"]).current_dir(root()),
    )?;
    let name = format!("wattle{}", env::consts::EXE_SUFFIX);
    let built = programs("shipped")?.join(&name);
    let dist = target_directory().join("dist").join(&name);
    fs::create_dir_all(dist.parent().unwrap_or(root())).context("create target/dist")?;
    strip(&built, &dist)?;
    let size = fs::metadata(&dist).with_context(|| format!("look at {}", dist.display()))?.len();
    ensure!(size <= SIZE_MAX, "{} has {size} bytes, more than {SIZE_MAX}", dist.display());
    eprintln!("dist: {}, {:.1} MB", dist.display(), size as f64 / 1e6);
    Ok(dist)
}

/// Copies a program without its symbols. Windows has them in files of their own.
fn strip(built: &Path, dist: &Path) -> Result<()> {
    if cfg!(windows) {
        return fs::copy(built, dist).map(drop).with_context(|| format!("copy {}", built.display()));
    }
    let arguments: [&OsStr; 3] = ["-o".as_ref(), dist.as_ref(), built.as_ref()];
    process::run(Command::new("strip").args(arguments))
}
