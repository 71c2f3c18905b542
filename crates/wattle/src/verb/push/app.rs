//! A whole app as it is pushed.

use std::collections::BTreeMap;
use std::path::Path;

use wattle_artifact::folder::{self, FolderLimits};
use wattle_artifact::format::app::{self, AppAbout, AppParts, PackedApp};
use wattle_artifact::format::component::{About, Packed, pack};
use wattle_spec::policy::Policy;

use super::{created, target};
use crate::app_file::{AppFile, ReadHost};
use crate::artifacts::{Asking, reached};
use crate::cli::{Form, Push};
use crate::input::Ending;
use crate::problem::Problem;

pub(super) fn is_manifest(path: &Path) -> bool {
    Ending::of(path) == Some(Ending::Manifest)
}

pub(super) fn packed(arguments: &Push) -> Result<PackedApp, Problem> {
    let of_component = [(arguments.world.is_some(), "--world"), (arguments.form == Form::Image, "--as image")];
    if let Some((_, option)) = of_component.into_iter().find(|(is_given, _)| *is_given) {
        return Err(Problem::OfComponent { option });
    }
    let mut host = ReadHost::of(arguments.reaching.config.as_deref())?;
    // What may run here is not asked of what is shipped.
    host.spec.policy = Policy::default();
    reached(&mut host.spec, &arguments.reaching, &arguments.reference);
    let file = AppFile::read_on(&arguments.what, host, Asking::Registries { pull: None })?;
    let app = file.to_push()?;
    let created = created(arguments);
    let mut components = BTreeMap::<_, Packed>::new();
    for (name, component) in &app.components {
        let about = About {
            title: format!("{name}.wasm"),
            created: created.clone(),
            target: target::of(&component.file, None, component.shape),
            annotations: BTreeMap::new(),
        };
        components.insert(name.clone(), pack(component.bytes.clone(), component.shape, &about));
    }
    let mut folders = BTreeMap::new();
    for (path, directory) in &app.folders {
        let archive = folder::pack(directory, FolderLimits::default()).map_err(Problem::Folder)?;
        folders.insert(path.clone(), archive);
    }
    let parts = AppParts {
        manifest: app.manifest.to_owned().into(),
        lock: app.lock.clone().map(Into::into),
        folders,
        components,
    };
    let about = AppAbout {
        name: app.name.clone(),
        version: app.version.clone(),
        created,
        annotations: arguments.annotations.iter().cloned().collect(),
    };
    let packed = app::pack(parts, &about).map_err(|source| Problem::PackApp { path: file.file.clone(), source })?;
    file.keep_lock();
    Ok(packed)
}
