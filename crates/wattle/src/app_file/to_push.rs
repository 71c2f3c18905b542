//! What of an app is pushed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use wattle_artifact::format::folder_path::FolderPath;
use wattle_spec::fault::Fault;
use wattle_spec::manifest::{Source, TriggerTarget};
use wattle_spec::name::{AppName, ComponentName};
use wattle_spec::shape::Shape;

use super::AppFile;
use crate::problem::Problem;

/// What of an app is pushed. What lies in registries stays there.
pub(crate) struct ToPush<'a> {
    pub(crate) name: &'a AppName,
    pub(crate) version: Option<String>,
    pub(crate) manifest: &'a str,
    /// What its tags lead to.
    pub(crate) lock: Option<String>,
    pub(crate) components: BTreeMap<ComponentName, Component<'a>>,
    /// The folders whose files are served, by the paths in the manifest.
    pub(crate) folders: BTreeMap<FolderPath, PathBuf>,
}

/// A component that comes from a file.
pub(crate) struct Component<'a> {
    pub(crate) file: PathBuf,
    pub(crate) bytes: Bytes,
    pub(crate) shape: &'a Shape,
}

impl AppFile {
    /// What of it is pushed. Whether a host has what it links to is found out where it runs.
    ///
    /// # Errors
    ///
    /// Every fault of the manifest and of what it names, and every part that cannot be pushed.
    pub(crate) fn to_push(&self) -> Result<ToPush<'_>, Problem> {
        let mut faults: Vec<Fault> = self.faults.iter().chain(&self.text_faults).cloned().collect();
        faults.extend(self.relative_places());
        let mut components = BTreeMap::new();
        for (name, entry) in self.manifest.entries() {
            let (Source::File(path), Some(found)) = (&entry.source.value, self.found.get(&name.value)) else {
                continue;
            };
            let bytes = self.bytes[&found.digest].clone();
            let component = Component { file: self.base.join(path), bytes, shape: &found.shape };
            components.insert(name.value.clone(), component);
        }
        let mut folders = BTreeMap::new();
        for trigger in &self.manifest.triggers.http {
            let TriggerTarget::Files(folder) = &trigger.target else { continue };
            let directory = self.base.join(&folder.value.0);
            let path = folder.value.0.parse::<FolderPath>().map_err(|error| error.to_string());
            match path.and_then(|path| is_below(&self.base, &directory).map(|()| path)) {
                Ok(path) => {
                    folders.insert(path, directory);
                }
                Err(reason) => {
                    let message = format!("the route `{}`: its folder cannot be pushed: {reason}", trigger.path);
                    let hint = "keep it below the manifest, and name it by that path";
                    faults.push(Fault::new(message).at(folder.span.clone()).hint(hint));
                }
            }
        }
        if !faults.is_empty() {
            return Err(self.refused(faults));
        }
        Ok(ToPush {
            name: &self.manifest.name.value,
            version: self.version(),
            manifest: &self.text,
            lock: self.locked.as_ref().and_then(|locked| locked.text()),
            components,
            folders,
        })
    }
}

/// Whether a folder is below the manifest and no link leads out of there. One that is missing is a fault by itself.
fn is_below(base: &Path, directory: &Path) -> Result<(), String> {
    match (base.canonicalize(), directory.canonicalize()) {
        (Ok(base), Ok(found)) if !found.starts_with(&base) => Err(format!("a link leads to {}", found.display())),
        _ => Ok(()),
    }
}
