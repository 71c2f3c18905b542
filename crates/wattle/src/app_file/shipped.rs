//! Apps out of registries: run as they were pushed, by a reference in the place of a path.
//!
//! Their components are those that were pushed with them, whatever paths the manifest has; folders are unpacked into the
//! cache of this user. Directories of the host that a manifest mounts have to be absolute: nobody pushes these.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use wattle_artifact::fetch::FetchedApp;
use wattle_artifact::folder::{FolderLimits, Folders};
use wattle_artifact::format::folder_path::FolderPath;
use wattle_spec::fault::Fault;
use wattle_spec::manifest::{HostPath, Manifest, Source, TriggerTarget};
use wattle_spec::name::ComponentName;
use wattle_spec::reference::Reference;
use wattle_spec::shape::Shape;

use super::{AppFile, ReadHost, fault, found, text};
use crate::artifacts::{self, Asking, Errand, LockIn, Shipped};
use crate::kept;
use crate::policy::Signers;
use crate::problem::Problem;

/// The settings of backends that name files of the host, beside those that end in `file`.
const HOST_FILES: [&str; 5] = ["credentials", "nkey", "directory", "tls.ca", "tls.cert"];

/// The reference that somebody means, if there is no such file.
pub(crate) fn reference(path: &Path) -> Option<Reference> {
    match path.to_str().filter(|_| !path.exists())?.parse() {
        Ok(Source::Registry(reference)) => Some(reference),
        Ok(Source::File(_)) | Err(_) => None,
    }
}

impl AppFile {
    /// Reads the app or the component at `reference`.
    ///
    /// # Errors
    ///
    /// As [`AppFile::read`], and if it cannot be had, or the policy of the host refuses it.
    pub(super) fn read_shipped(reference: &Reference, host: ReadHost, errand: Errand) -> Result<Self, Problem> {
        let signers = Signers::of(&host.spec.policy)?;
        let here = std::env::current_dir().map_err(|source| Problem::NoPlace { path: ".".into(), source })?;
        match artifacts::shipped(reference, &errand, &host.spec, &signers)? {
            Shipped::App(app) => Self::of_app(app, here, host, &signers, errand),
            Shipped::Component(pinned) => {
                let stem = reference.repository.path.rsplit('/').next().unwrap_or("app");
                let manifest = Manifest::for_component(&ComponentName::resembling(stem), Source::Registry(pinned));
                errand.pulls.is_for(&manifest.name.value);
                let mut app = Self::new(reference.to_string().into(), here, String::new(), manifest, host);
                app.is_shipped = true;
                app.fetch_components(LockIn::Nowhere, &errand, &signers)?;
                Ok(app)
            }
        }
    }

    fn of_app(
        shipped: FetchedApp,
        here: PathBuf,
        host: ReadHost,
        signers: &Signers,
        mut errand: Errand,
    ) -> Result<Self, Problem> {
        let FetchedApp { reference, manifest, lock, components, folders } = shipped;
        let file = PathBuf::from(reference.to_string());
        let mut text_faults = Vec::new();
        let parsed = text::sound(&file, manifest.clone(), &mut text_faults)?;
        errand.pulls.is_for(&parsed.name.value);
        let mut app = Self::new(file, here, manifest, parsed, host);
        app.text_faults.extend(text_faults);
        app.is_shipped = true;
        app.pinned.push(reference.clone());
        app.take_components(&components);
        // What it was pushed with is what runs.
        if let Asking::Registries { pull } = errand.asking {
            errand.asking = Asking::Locked { pull };
        }
        app.fetch_components(LockIn::App { reference, text: lock }, &errand, signers)?;
        app.faults.extend(app.relative_places());
        app.find_mounts();
        app.unpack_folders(folders)?;
        Ok(app)
    }

    fn take_components(&mut self, components: &BTreeMap<ComponentName, Bytes>) {
        for (name, entry) in self.manifest.entries() {
            let Source::File(path) = &entry.source.value else { continue };
            match components.get(&name.value).map(|bytes| (bytes, Shape::read(bytes))) {
                Some((bytes, Ok(shape))) => {
                    found(&mut self.found, &mut self.bytes, &name.value, bytes.clone(), shape);
                }
                Some((_, Err(source))) => {
                    let problem = Problem::Shape { path: path.clone(), source };
                    self.faults.push(fault(&name.value, &problem).at(entry.source.span.clone()));
                }
                None => {
                    let message = format!("component `{name}`: it was not pushed with the app");
                    self.faults.push(Fault::new(message).at(entry.source.span.clone()).hint("push the app again"));
                }
            }
        }
    }

    /// What the manifest names of the host has to be named by where it is there: nothing of it is pushed.
    pub(super) fn relative_places(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (name, entry) in self.manifest.entries() {
            let relative = entry.mounts.iter().filter(|mount| Path::new(&mount.host.value.0).is_relative());
            faults.extend(relative.map(|mount| {
                let message = format!("component `{name}`: {} is not pushed with the app", mount.host.value.0);
                let hint = "mount an absolute path, which is there where the app runs, or keep it in a blobstore";
                Fault::new(message).at(mount.host.span.clone()).hint(hint)
            }));
        }
        // Relative to nothing, what is relative stays so.
        let backends = self.manifest.own_backends(Path::new(""));
        for name in self.manifest.backends.keys() {
            let settings = backends.get(&name.value).map(|spec| spec.settings()).unwrap_or_default();
            let of_host = |key: &str| key.ends_with("file") || HOST_FILES.contains(&key);
            let relative = settings.into_iter().filter(|(key, path)| of_host(key) && Path::new(path).is_relative());
            faults.extend(relative.map(|(key, path)| {
                let message = format!("backend `{name}`: the {key} {path} is not pushed with the app");
                let hint = "name it by an absolute path, or leave the backend to `host.toml`";
                Fault::new(message).at(name.span.clone()).hint(hint)
            }));
        }
        faults
    }

    /// Puts the folders whose files are served where they can be served from.
    pub(super) fn unpack_folders(&mut self, folders: BTreeMap<FolderPath, Bytes>) -> Result<(), Problem> {
        let unpacked = match folders.is_empty() {
            true => None,
            false => Some(Folders::open(kept::folders().ok_or(Problem::NoCacheDir)?).map_err(Problem::Folder)?),
        };
        for trigger in &mut self.manifest.triggers.http {
            let TriggerTarget::Files(path) = &mut trigger.target else { continue };
            let archive = path.value.0.parse::<FolderPath>().ok().and_then(|path| folders.get(&path));
            let (Some(archive), Some(unpacked)) = (archive, &unpacked) else {
                if !self.is_shipped {
                    continue;
                }
                let message = format!("the route `{}`: its folder was not pushed with the app", trigger.path);
                self.faults.push(Fault::new(message).at(path.span.clone()).hint("push the app again"));
                continue;
            };
            let held = unpacked.get_or_unpack(archive, FolderLimits::default()).map_err(Problem::Folder)?;
            path.value = HostPath(held.path().display().to_string());
            self.held.push(held);
        }
        self.archives = folders;
        Ok(())
    }
}
