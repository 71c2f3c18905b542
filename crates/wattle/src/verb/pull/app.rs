//! A whole app that is pulled: kept, and if somebody wants it, as a folder that runs as any other.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use wattle_artifact::fetch::{Artifacts, FetchedApp, Resolved};
use wattle_artifact::folder::{self, FolderLimits};
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::{Manifest, Source};

use super::super::{print, print_json, runtime};
use crate::artifacts::{app_limits, fetch_tagged};
use crate::cli::Pull;
use crate::policy::Signers;
use crate::problem::{FaultyText, Problem};
use crate::whole_file;

/// What `--json` prints.
#[derive(Serialize)]
struct Pulled {
    reference: String,
    app: String,
    components: Vec<String>,
    /// The folders whose files it serves.
    folders: Vec<String>,
}

pub(super) fn pull(
    arguments: &Pull,
    artifacts: &Artifacts,
    resolved: Resolved,
    host: &HostSpec,
) -> Result<(), Problem> {
    let app = runtime()?.block_on(artifacts.app(&arguments.reference, resolved, app_limits(host)))?;
    let file = PathBuf::from(app.reference.to_string());
    let manifest = Manifest::parse(&app.manifest);
    let manifest =
        manifest.map_err(|faults| Problem::Faults(vec![FaultyText { file, text: app.manifest.clone(), faults }]))?;
    fetch_tagged(&manifest, app.lock.as_deref(), host, &Signers::of(&host.policy)?)?;
    if let Some(target) = &arguments.output {
        write(&app, &manifest, target)?;
    }
    match arguments.json {
        true => print_json(&Pulled {
            reference: app.reference.to_string(),
            app: manifest.name.to_string(),
            components: app.components.keys().map(ToString::to_string).collect(),
            folders: app.folders.keys().map(ToString::to_string).collect(),
        }),
        false => print(&format!("{}\n", app.reference)),
    }
}

/// Writes the app into a folder that is not there yet, or is empty.
fn write(app: &FetchedApp, manifest: &Manifest, target: &Path) -> Result<(), Problem> {
    let failed = |operation, path: &Path| {
        let path = path.to_path_buf();
        move |source| Problem::File { operation, path, source }
    };
    fs::create_dir_all(target).map_err(failed("create", target))?;
    if fs::read_dir(target).map_err(failed("read", target))?.next().is_some() {
        return Err(Problem::Occupied(target.into()));
    }
    // What else there is may lie in one of them.
    for (path, archive) in &app.folders {
        let folder = target.join(path.as_str());
        fs::create_dir_all(folder.parent().unwrap_or(target)).map_err(failed("create", &folder))?;
        folder::unpack(archive, &folder, FolderLimits::default()).map_err(Problem::Folder)?;
    }
    let put = |path: &Path, bytes: &[u8]| {
        let path = target.join(path);
        let folder = path.parent().unwrap_or(target);
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        whole_file::write(&path, bytes).map_err(failed("write", &path))
    };
    let mut sources = BTreeMap::new();
    for (name, entry) in manifest.entries() {
        let (Source::File(path), Some(bytes)) = (&entry.source.value, app.components.get(&name.value)) else {
            continue;
        };
        let path = match is_below(path) {
            true => path.clone(),
            false => {
                let path = PathBuf::from(format!("{name}.wasm"));
                sources.extend(entry.source.span.clone().map(|span| (span.start, (span, path.clone()))));
                path
            }
        };
        put(&path, bytes)?;
    }
    if let Some(lock) = &app.lock {
        put(Path::new("wattle.lock"), lock.as_bytes())?;
    }
    put(Path::new("wattle.toml"), rewritten(&app.manifest, sources.into_values()).as_bytes())
}

/// Whether a path stays in the folder that it starts from.
fn is_below(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// The manifest with other paths in the place of those that lead out of its folder.
fn rewritten(text: &str, sources: impl DoubleEndedIterator<Item = (Range<usize>, PathBuf)>) -> String {
    let mut text = text.to_owned();
    for (span, path) in sources.rev() {
        text.replace_range(span, &format!("\"{}\"", path.display()));
    }
    text
}
