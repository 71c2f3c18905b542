//! From sources to `.wasm` files.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::source::{Guest, Source};
use crate::{process, root};

const TARGET: &str = "wasm32-wasip2";

/// Builds guests into a directory, as `NAME.wasm`.
pub(super) fn build(guests: &[Guest], directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let (packages, texts): (Vec<_>, Vec<_>) = guests.iter().partition(|guest| guest.source == Source::Rust);
    for guest in texts {
        let source = root().join(format!("guests/wat/{}.wat", guest.name));
        let binary = wat::parse_file(&source)?;
        let built = directory.join(format!("{}.wasm", guest.name));
        fs::write(&built, binary).with_context(|| format!("write {}", built.display()))?;
    }
    if packages.is_empty() {
        return Ok(());
    }
    compile(&packages)?;
    for guest in packages {
        let compiled = target_directory().join(TARGET).join("release").join(format!("{}.wasm", guest.identifier()));
        let built = directory.join(format!("{}.wasm", guest.name));
        fs::copy(&compiled, &built).with_context(|| format!("copy {} to {}", compiled.display(), built.display()))?;
    }
    Ok(())
}

/// Runs cargo in the environment of the guest toolchain, which is set up first.
fn compile(packages: &[&Guest]) -> Result<()> {
    let guests = root().join("guests");
    let toolchain = toolchain_directory()?;
    process::run(Command::new(guests.join("toolchain.sh")).arg(&toolchain))?;
    let mut cargo = Command::new("sh");
    cargo.args(["-c", r#". "$0" && exec cargo "$@""#]).arg(toolchain.join("env"));
    cargo.args(["build", "--release", "--target", TARGET]);
    cargo.arg("--target-dir").arg(target_directory());
    for package in packages {
        cargo.args(["--package", &package.name]);
    }
    process::run(cargo.current_dir(guests).env("CARGO_ENCODED_RUSTFLAGS", rustflags()?))
}

/// Paths of this machine do not get into the files, where panics would show them.
fn rustflags() -> Result<String> {
    let registry = match env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => home()?.join(".cargo"),
    };
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    Ok([remap(&registry.join("registry/src"), "registry"), remap(root(), "wattle")].join("\x1f"))
}

pub(crate) fn toolchain_directory() -> Result<PathBuf> {
    match env::var_os("WATTLE_GUEST_TOOLCHAIN") {
        Some(directory) => Ok(PathBuf::from(directory)),
        None => Ok(home()?.join(".cache/wattle/guest-toolchain")),
    }
}

pub(crate) fn home() -> Result<PathBuf> {
    match env::home_dir() {
        Some(home) => Ok(home),
        None => bail!("the home directory is unknown\nhint: set CARGO_HOME and WATTLE_GUEST_TOOLCHAIN"),
    }
}

/// Beside the host's own, as the two must not wait for each other's lock.
fn target_directory() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory).join("guests"),
        None => root().join("guests/target"),
    }
}
