//! The package that a file was built from: the one whose folder it is in, or the member of a workspace that has its name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::TargetError;

/// The most bytes of a `Cargo.toml` that is looked at.
const MAX_LEN: u64 = 1 << 20;
/// The most members of a workspace that are looked at.
const MEMBERS_MAX: usize = 1000;

/// A `Cargo.toml` and its table `package`, or what is wrong with it.
pub(super) type Found = Result<(PathBuf, Table), (PathBuf, TargetError)>;

/// The package that the file at `path` was built from, if there is one.
pub(super) fn of(path: &Path) -> Option<Found> {
    let path = std::path::absolute(path).ok()?;
    let manifest = path.ancestors().skip(1).map(|folder| folder.join("Cargo.toml")).find(|file| file.is_file())?;
    let table = match read(&manifest) {
        Ok(table) => table,
        Err(error) => return Some(Err((manifest, error))),
    };
    let members = table.get("workspace").map(|workspace| members(&manifest, workspace)).unwrap_or_default();
    let own = |table: &Table| table.get("package").and_then(Value::as_table).cloned();
    if members.is_empty() {
        return own(&table).map(|package| Ok((manifest, package)));
    }
    let stem = path.file_stem()?.to_str()?;
    // One that is broken may be anybody's: it is passed over.
    let read_member = |member: PathBuf| Some((read(&member).ok()?, member));
    let mut all = [(table, manifest)].into_iter().chain(members.into_iter().filter_map(read_member));
    all.find(|(table, manifest)| names(table, manifest).contains(stem))
        .and_then(|(table, manifest)| Some(Ok((manifest, own(&table)?))))
}

fn read(manifest: &Path) -> Result<Table, TargetError> {
    let unread = |error: std::io::Error| TargetError::Unread(error.to_string());
    if fs::metadata(manifest).map_err(unread)?.len() > MAX_LEN {
        return Err(TargetError::Unread(format!("it has more than {MAX_LEN} bytes")));
    }
    let text = fs::read_to_string(manifest).map_err(unread)?;
    text.parse().map_err(|error: toml::de::Error| TargetError::Unread(error.message().to_owned()))
}

/// What the files are called that Cargo makes of a package, without their endings.
fn names(manifest: &Table, path: &Path) -> BTreeSet<String> {
    let name = |table: &Value| table.get("name").and_then(Value::as_str).map(ToOwned::to_owned);
    let mut names = BTreeSet::new();
    let Some(package) = manifest.get("package") else { return names };
    let own = name(package);
    let library = manifest.get("lib").and_then(&name).or_else(|| own.as_ref().map(|name| name.replace('-', "_")));
    let binaries = manifest.get("bin").and_then(Value::as_array).into_iter().flatten().filter_map(&name);
    names.extend(own.into_iter().chain(library).chain(binaries));
    // Each file there is a program of its own.
    let sources = path.parent().and_then(|folder| fs::read_dir(folder.join("src/bin")).ok());
    let stems = sources.into_iter().flatten().take(MEMBERS_MAX).flatten();
    names.extend(stems.filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned())));
    names
}

/// The manifests of the members of a workspace, whose root is `manifest`.
fn members(manifest: &Path, workspace: &Value) -> Vec<PathBuf> {
    let root = manifest.parent().unwrap_or(Path::new(""));
    let patterns = workspace.get("members").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut members = Vec::new();
    for pattern in patterns {
        let mut folders = vec![root.to_owned()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            folders = folders.iter().flat_map(|folder| matching(folder, part)).take(MEMBERS_MAX).collect();
        }
        members.extend(folders.into_iter().map(|folder| folder.join("Cargo.toml")).filter(|file| file.is_file()));
    }
    members.truncate(MEMBERS_MAX);
    members
}

/// What is in `folder` under a name like `part`, in which a `*` stands for anything.
fn matching(folder: &Path, part: &str) -> Vec<PathBuf> {
    let Some((before, after)) = part.split_once('*') else { return vec![folder.join(part)] };
    let fits = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(fits).take(MEMBERS_MAX).collect();
    paths.sort();
    paths
}
