//! A whole app that is pulled: kept, and if somebody wants it, as a folder that runs as any other.

mod layout;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wattle_artifact::fetch::FetchedApp;
use wattle_artifact::folder::{self, FolderLimits};
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::Manifest;
use wattle_spec::shape::Shape;

use super::super::{print, print_json};
use crate::artifacts::{LockIn, fetch_tagged};
use crate::cli::Pull;
use crate::policy::Signers;
use crate::problem::{FaultyText, Problem};

/// What `--json` prints.
#[derive(Serialize)]
struct Pulled {
    reference: String,
    app: String,
    components: Vec<String>,
    /// The folders whose files it serves.
    folders: Vec<String>,
}

pub(super) fn pulled(arguments: &Pull, app: &FetchedApp, host: &HostSpec, signers: &Signers) -> Result<(), Problem> {
    let file = PathBuf::from(app.reference.to_string());
    let manifest = Manifest::parse(&app.manifest);
    let manifest =
        manifest.map_err(|faults| Problem::Faults(vec![FaultyText::manifest(file, &app.manifest, faults)]))?;
    let lock = LockIn::App { reference: app.reference.clone(), text: app.lock.clone() };
    fetch_tagged(&manifest, lock, host, signers)?;
    for wasm in app.components.values() {
        // What is no Wasm is not given out as such.
        let reference = app.reference.clone();
        Shape::read(wasm).map_err(|source| Problem::NoComponent { reference, source })?;
    }
    if let Some(target) = &arguments.output {
        write(app, &manifest, target)?;
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

/// Writes the app as a folder that is not there yet, or is empty: as a whole or not at all.
fn write(app: &FetchedApp, manifest: &Manifest, target: &Path) -> Result<(), Problem> {
    match fs::read_dir(target).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Ok(false) | Err(_) => return Err(Problem::NoRoomForApp(target.into())),
    }
    let target = std::path::absolute(target).map_err(failed("find", target))?;
    let parent = target.parent().unwrap_or(&target);
    let beside = parent.join(format!(".wattle-pull-{}", std::process::id()));
    fs::create_dir(&beside).map_err(failed("create", &beside))?;
    let written = fill(app, manifest, &beside);
    let moved = written.and_then(|()| fs::rename(&beside, &target).map_err(failed("create", &target)));
    moved.inspect_err(|_| {
        let _ = fs::remove_dir_all(&beside);
    })
}

fn fill(app: &FetchedApp, manifest: &Manifest, target: &Path) -> Result<(), Problem> {
    for (path, archive) in &app.folders {
        let folder = target.join(path.as_str());
        let parent = folder.parent().unwrap_or(target);
        fs::create_dir_all(parent).map_err(failed("create", parent))?;
        folder::unpack(archive, &folder, FolderLimits::default()).map_err(Problem::Folder)?;
    }
    let (text, files) = layout::of(app, manifest);
    let texts = [("wattle.toml", Some(text.as_str())), ("wattle.lock", app.lock.as_deref())];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((PathBuf::from(name), text?.as_bytes())));
    for (path, bytes) in texts.chain(files) {
        let path = target.join(path);
        let folder = path.parent().unwrap_or(target);
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        fs::write(&path, bytes).map_err(failed("write", &path))?;
    }
    Ok(())
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Problem + use<> {
    let path = path.to_path_buf();
    move |source| Problem::File { operation, path, source }
}
