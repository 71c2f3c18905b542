//! The texts of an app and of its host: finding, reading and parsing them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wattle_spec::fault::{Fault, FaultyFile, nearest};
use wattle_spec::host_file::HostSpec;
use wattle_spec::interface::Interface;
use wattle_spec::label::LinkKey;
use wattle_spec::listen::CertificatePaths;
use wattle_spec::manifest::{Manifest, Source, Written};
use wattle_spec::name::ComponentName;
use wattle_spec::resolve::Offer;
use wattle_spec::shape::MessageHandler;

use super::HostText;
use crate::input::{self, Ending};
use crate::problem::{FaultyText, Input, Problem};

/// The name of a manifest in a folder.
pub(super) const MANIFEST: &str = "wattle.toml";

/// The file that a person means: the manifest of a folder, else the path itself, if it can be one.
pub(super) fn manifest_path(path: &Path) -> Result<PathBuf, Problem> {
    let path = &file_in(path)?;
    match Ending::of(path) {
        Some(_) => Ok(path.into()),
        None => Err(Problem::UnknownFile(path.into())),
    }
}

/// The manifest of a folder, else the file itself, which is there.
pub(crate) fn file_in(path: &Path) -> Result<PathBuf, Problem> {
    let unreadable = |source| Problem::Unreadable { what: input_of(path), path: path.into(), source };
    let manifest = path.join(MANIFEST);
    match fs::metadata(path).map_err(unreadable)?.is_dir() {
        true if manifest.exists() => Ok(manifest),
        true => Err(Problem::NoManifest(path.into())),
        false => Ok(path.into()),
    }
}

/// What somebody who names `path` as an app most likely means.
fn input_of(path: &Path) -> Input {
    match Ending::of(path) {
        Some(Ending::Wasm | Ending::Wat) => Input::Component,
        Some(Ending::Manifest) | None => Input::App,
    }
}

/// The manifest that `path` names, and the directory that paths in it start from.
///
/// # Errors
///
/// If there is none, or if there are faults in it.
pub(crate) fn manifest(path: &Path) -> Result<(PathBuf, Manifest), Problem> {
    let file = manifest_path(path)?;
    let base = base(&file)?;
    if Ending::of(&file) != Some(Ending::Manifest) {
        return Ok((base, bare(&file)?));
    }
    let mut faults = Vec::new();
    match parsed(&file, &mut faults)? {
        (_, manifest) if faults.is_empty() => Ok((base, manifest)),
        (text, _) => Err(Problem::Faults(vec![FaultyText::manifest(file, &text, faults)])),
    }
}

pub(super) fn base(file: &Path) -> Result<PathBuf, Problem> {
    Ok(absolute(file)?.parent().map_or_else(PathBuf::new, Into::into))
}

fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|source| Problem::NoPlace { path: path.into(), source })
}

/// What is sound of the manifest in `file`.
pub(super) fn parsed(file: &Path, faults: &mut Vec<Fault>) -> Result<(String, Manifest), Problem> {
    let text = input::text(file, Input::App)?;
    Ok((text.clone(), sound(file, text, faults)?))
}

/// What is sound of the manifest `text`, which is in `file`.
pub(super) fn sound(file: &Path, text: String, faults: &mut Vec<Fault>) -> Result<Manifest, Problem> {
    match Manifest::parse_lenient(&text) {
        (Some(manifest), found) => {
            faults.extend(found);
            Ok(manifest)
        }
        (None, faults) => Err(Problem::Faults(vec![FaultyText::manifest(file.into(), &text, faults)])),
    }
}

/// A host's file, for a verb that runs nothing.
///
/// # Errors
///
/// If it cannot be read, or if there are faults in it.
pub(crate) fn host(file: &Path) -> Result<HostSpec, Problem> {
    match host_file(file)? {
        (host, _, faults) if faults.is_empty() => Ok(host),
        (_, HostText { file, text }, faults) => Err(Problem::Faults(vec![FaultyText::host_file(file, &text, faults)])),
    }
}

/// What is sound of the host's file, its text, and its faults.
pub(super) fn host_file(file: &Path) -> Result<(HostSpec, HostText, Vec<Fault>), Problem> {
    let text = input::text(file, Input::HostFile)?;
    let (host, mut faults) = HostSpec::parse_lenient(&text);
    let Some(mut host) = host else {
        return Err(Problem::Faults(vec![FaultyText::host_file(file.into(), &text, faults)]));
    };
    faults.extend(host.off.iter().filter_map(unknown_off));
    faults.extend(host.links.keys().filter_map(unknown_link));
    // Paths in a file start from the file.
    let base = file.parent().unwrap_or(Path::new(""));
    for registry in host.registries.values_mut() {
        registry.ca = registry.ca.take().map(|path| base.join(path));
    }
    for key in host.policy.signed.iter_mut().flat_map(|rule| &mut rule.keys) {
        *key = base.join(&key);
    }
    host.data_dir = host.data_dir.map(|directory| base.join(directory));
    host.backends = host.backends.into_iter().map(|(name, spec)| (name, spec.based(base))).collect();
    let control = host.control.as_mut();
    for paths in host.tls.iter_mut().chain(control.map(|control| &mut control.certificate)) {
        *paths = CertificatePaths::new(base.join(&paths.cert), base.join(&paths.key));
    }
    if let Some(control) = &mut host.control {
        control.token_file = base.join(&control.token_file);
    }
    Ok((host, HostText { file: file.into(), text }, faults))
}

/// What a host has not cannot be switched off: whoever wrote so meant something else.
fn unknown_off(off: &Interface) -> Option<Fault> {
    unknown("off", off)
}

/// Nor can it be linked, unless it is a component's that hears of messages.
fn unknown_link(key: &Written<LinkKey>) -> Option<Fault> {
    let interface = &key.value.interface;
    let handlers = [MessageHandler::Wasi, MessageHandler::Wasmcloud];
    if handlers.iter().any(|handler| interface.covers(&handler.interface())) {
        return None;
    }
    Some(unknown("links", interface)?.at(key.span.clone()))
}

/// What the list or table `place` says of an interface or package that the host does not have.
fn unknown(place: &str, named: &Interface) -> Option<Fault> {
    if wattle_host::offers().iter().any(|offer| named.covers(&offer.interface)) {
        return None;
    }
    let form = "packages are written as in \"wasi:keyvalue\", interfaces as in \"wasi:config/store\"";
    let known = known(named);
    let hint = match nearest(&named.to_string(), known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => form.into(),
    };
    let fault = Fault::new(format!("`{place}` names {named}, which the host does not have"));
    Some(fault.within(FaultyFile::Host).hint(hint))
}

/// What the host has, named as closely as `like` names something.
fn known(like: &Interface) -> BTreeSet<String> {
    let alike = |offer: &Offer| Interface {
        name: like.name.as_ref().and(offer.interface.name.clone()),
        version: like.version.as_ref().and(offer.interface.version.clone()),
        ..offer.interface.clone()
    };
    wattle_host::offers().iter().map(|offer| alike(offer).to_string()).collect()
}

/// The manifest of a component that has none.
pub(super) fn bare(file: &Path) -> Result<Manifest, Problem> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("app");
    let name = ComponentName::resembling(stem);
    Ok(Manifest::for_component(&name, Source::File(absolute(file)?)))
}
