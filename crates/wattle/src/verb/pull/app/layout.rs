//! Where the components of a pulled app go: where its manifest says, if that is a place of their own in its folder.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use wattle_artifact::fetch::FetchedApp;
use wattle_spec::manifest::{Manifest, Source};

/// The manifest, with other paths in the place of those that cannot be, and the files with their bytes.
pub(super) fn of<'a>(app: &'a FetchedApp, manifest: &Manifest) -> (String, Vec<(PathBuf, &'a [u8])>) {
    let mut files = BTreeMap::<PathBuf, &Bytes>::new();
    let mut changed = BTreeMap::new();
    for (name, entry) in manifest.entries() {
        let (Source::File(source), Some(bytes)) = (&entry.source.value, app.components.get(&name.value)) else {
            continue;
        };
        let is_free = |path: &Path| {
            let is_same = files.get(path).is_none_or(|other| *other == bytes);
            is_same && may_be_file(path, app) && !files.keys().any(|other| other != path && overlap(path, other))
        };
        let source = source.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>();
        let path = match is_free(&source) {
            true => source,
            false => {
                let other = |number: u32| PathBuf::from(format!("components/{name}-{number}.wasm"));
                let first = PathBuf::from(format!("components/{name}.wasm"));
                let mut others = std::iter::once(first).chain((2..).map(other));
                let path = others.find(|path| is_free(path)).expect("invariant: numbers do not end");
                changed.extend(entry.source.span.clone().map(|span| (span.start, (span, path.clone()))));
                path
            }
        };
        files.insert(path, bytes);
    }
    let mut text = app.manifest.clone();
    for (span, path) in changed.into_values().rev() {
        text.replace_range(span, &format!("\"{}\"", path.display()));
    }
    (text, files.into_iter().map(|(path, bytes)| (path, bytes.as_ref())).collect())
}

/// Whether a path leads to a place in the folder of an app that nothing else has. Hidden files are no components.
fn may_be_file(path: &Path, app: &FetchedApp) -> bool {
    let is_plain =
        |part: Component<'_>| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"."));
    let is_taken = ["wattle.toml", "wattle.lock"].iter().any(|name| overlap(path, Path::new(name)))
        || app.folders.keys().any(|folder| overlap(path, Path::new(folder.as_str())));
    path.components().next().is_some() && path.components().all(is_plain) && !is_taken
}

/// Whether one is the other, or a folder that the other is in.
fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}
