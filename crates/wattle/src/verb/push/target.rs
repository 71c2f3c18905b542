//! The world that a component was made for, as its package says where `cargo component` reads it:
//! `[package.metadata.component.target]` in `Cargo.toml`.

use std::fs;
use std::path::Path;

use toml::Value;

/// The most bytes of a `Cargo.toml` that is looked at.
const MAX_LEN: u64 = 1 << 20;

/// The world, as `namespace:package/world@version`, if a package above the file at `path` names one of a package.
pub(super) fn of(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let manifest = path.ancestors().skip(1).map(|folder| folder.join("Cargo.toml")).find(|file| file.is_file())?;
    if fs::metadata(&manifest).ok()?.len() > MAX_LEN {
        return None;
    }
    let manifest: toml::Table = fs::read_to_string(manifest).ok()?.parse().ok()?;
    let target = manifest.get("package")?.get("metadata")?.get("component")?.get("target")?;
    match target {
        Value::String(world) => Some(world.clone()),
        target => {
            let (package, world) = (target.get("package")?.as_str()?, target.get("world")?.as_str()?);
            Some(match package.split_once('@') {
                Some((package, version)) => format!("{package}/{world}@{version}"),
                None => match target.get("version").and_then(Value::as_str) {
                    Some(version) => format!("{package}/{world}@{version}"),
                    None => format!("{package}/{world}"),
                },
            })
        }
    }
}
