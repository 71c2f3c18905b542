//! The world that a component was made for: as somebody says, or as its package says where `cargo component` reads it,
//! `[package.metadata.component]` in `Cargo.toml`. It is only told: nothing goes by it, so what is odd is a warning.

mod package;
mod wit;

use std::path::{Path, PathBuf};

use toml::{Table, Value};
use wattle_spec::interface::Interface;
use wattle_spec::shape::{ImportName, Shape};

use crate::verb::tell;

/// Worlds that are known, and what a component exports that was made for one.
const KNOWN: [(&str, &str); 3] = [
    ("wasi:http/proxy", "wasi:http/incoming-handler"),
    ("wasi:http/service", "wasi:http/handler"),
    ("wasi:cli/command", "wasi:cli/run"),
];

/// Why it cannot be told which world a package names.
#[derive(Debug, thiserror::Error)]
enum TargetError {
    #[error("it cannot be read: {0}")]
    Unread(String),
    #[error("its target {0:?} is no world, as in wasi:http/proxy@0.2.0")]
    Name(String),
    #[error("{} has no world {world:?}", path.display())]
    NoWorld { path: PathBuf, world: String },
    #[error("the WIT in {} cannot be read: {reason}", path.display())]
    Wit { path: PathBuf, reason: String },
}

/// The world of the component in the file at `path`, which has this `shape`, as `namespace:package/world@version`.
pub(super) fn of(path: &Path, said: Option<&str>, shape: &Shape) -> Option<String> {
    let world = said.map(ToOwned::to_owned).or_else(|| of_package(path))?;
    if let Some(lacking) = lacking(&world, shape) {
        let path = path.display();
        tell(&format!("warning: {path} is said to be made for {world} and does not export {lacking}\n"));
    }
    Some(world)
}

/// Whether `text` names a world, with the package that it is in.
pub(crate) fn is_world(text: &str) -> bool {
    text.parse::<Interface>().is_ok_and(|name| name.name.is_some())
}

fn of_package(path: &Path) -> Option<String> {
    let found = package::of(path)?;
    let manifest = found.as_ref().map_or_else(|(manifest, _)| manifest, |(manifest, _)| manifest).clone();
    let world = match found {
        Ok((manifest, package)) => world(manifest.parent().unwrap_or(Path::new("")), &package),
        Err((_, error)) => Err(error),
    };
    world.unwrap_or_else(|error| {
        tell(&format!("warning: which world was meant is not known from {}: {error}\n", manifest.display()));
        None
    })
}

/// The world that the table `package` of a `Cargo.toml` in `folder` names.
fn world(folder: &Path, package: &Table) -> Result<Option<String>, TargetError> {
    let metadata = package.get("metadata").and_then(|metadata| metadata.get("component"));
    let Some(metadata) = metadata else { return Ok(None) };
    match metadata.get("target") {
        Some(Value::String(text)) => named(text).map(Some),
        Some(Value::Table(target)) => in_table(folder, target, metadata),
        Some(other) => Err(TargetError::Name(other.type_str().into())),
        // As cargo component has it: the only world of the package in this folder, if there is one.
        None if folder.join(wit::FOLDER).exists() => wit::world(&folder.join(wit::FOLDER), None).map(Some),
        None => Ok(None),
    }
}

/// The forms `{ package, version, world }`, `{ path, world }` and `{ world }`.
fn in_table(folder: &Path, target: &Table, metadata: &Value) -> Result<Option<String>, TargetError> {
    let text = |key| target.get(key).and_then(Value::as_str);
    let (version, world) = (text("version"), text("world"));
    if let Some(full) = world.filter(|world| is_world(world)) {
        return Ok(Some(versioned(full, version)));
    }
    if let Some(package) = text("package") {
        let (package, own) = package.split_once('@').map_or((package, None), |(name, version)| (name, Some(version)));
        // Without a world it is the only one of the package, whose name only a registry knows.
        let Some(world) = world else { return Ok(None) };
        return named(&versioned(&format!("{package}/{world}"), own.or(version))).map(Some);
    }
    let path = folder.join(text("path").unwrap_or(wit::FOLDER));
    match (wit::world(&path, world), world, metadata.get("package").and_then(Value::as_str)) {
        // Nobody keeps WIT that says which package it is: then it is the component's own.
        (Err(TargetError::Wit { .. }), Some(world), Some(package)) => {
            let (package, version) = package.split_once('@').map_or((package, None), |(name, it)| (name, Some(it)));
            named(&versioned(&format!("{package}/{world}"), version)).map(Some)
        }
        (world, ..) => world.map(Some),
    }
}

fn named(text: &str) -> Result<String, TargetError> {
    match is_world(text) {
        true => Ok(text.to_owned()),
        false => Err(TargetError::Name(text.to_owned())),
    }
}

fn versioned(world: &str, version: Option<&str>) -> String {
    match version {
        Some(version) if !world.contains('@') => format!("{world}@{version}"),
        _ => world.to_owned(),
    }
}

/// What a component made for `world` would export and this one does not, if the world is known.
fn lacking(world: &str, shape: &Shape) -> Option<&'static str> {
    let is_of = |name: &str, known: &str| name.split('@').next() == Some(known);
    let (_, export) = KNOWN.iter().find(|(known, _)| is_of(world, known))?;
    let exports = |name: &ImportName| is_of(&name.to_string(), export);
    (!shape.exports.iter().any(exports)).then_some(export)
}
