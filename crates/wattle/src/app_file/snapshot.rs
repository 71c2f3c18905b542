//! An app as it was when somebody applied it: what a host keeps of it, so that it runs again whatever has become of the
//! files and the registries that it came from.
//!
//! Its components and the folders below its manifest whose files it serves are kept as bytes, by their digests. Folders that
//! are elsewhere, directories that it mounts, and files that its backends name, are the machine's and are where they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use wattle_artifact::folder::{self, FolderLimits};
use wattle_artifact::format::folder_path::FolderPath;
use wattle_spec::digest::Digest;
use wattle_spec::fault::Fault;
use wattle_spec::manifest::{Manifest, Source, TriggerTarget};
use wattle_spec::name::{ComponentName, Namespace};
use wattle_spec::reference::Reference;
use wattle_spec::resolve::Found;
use wattle_spec::shape::Shape;

use super::{AppFile, ReadHost, text};
use crate::artifacts;
use crate::policy::Signers;
use crate::problem::Problem;

/// What is kept of an app beside bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// The file of its manifest, or of the component that has none; or the reference that it was had from.
    pub(crate) file: PathBuf,
    /// The directory that paths in the manifest start from.
    base: PathBuf,
    #[serde(default)]
    namespace: Namespace,
    /// The text of the manifest. Absent: a component alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manifest: Option<String>,
    pub(crate) components: BTreeMap<ComponentName, Digest>,
    /// The archives of folders, by their paths in the manifest.
    #[serde(default)]
    folders: BTreeMap<String, Digest>,
    /// What of it came from registries, with the digests of then.
    #[serde(default)]
    pinned: Vec<Reference>,
    /// Whether it came from a registry as a whole.
    #[serde(default)]
    is_shipped: bool,
}

/// Bytes by their digests.
pub(crate) type Parts = BTreeMap<Digest, Bytes>;

impl Snapshot {
    /// All bytes that it needs.
    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.components.values().chain(self.folders.values()).copied()
    }

    /// Whether folders are kept with it, which then are served from what is kept.
    pub(crate) fn has_folders(&self) -> bool {
        !self.folders.is_empty()
    }

    /// The manifest, as far as it is sound, and its faults: it had none for the release that wrote it.
    ///
    /// # Errors
    ///
    /// If nothing of it is sound.
    pub(crate) fn parsed(&self) -> Result<(Manifest, Vec<Fault>), Problem> {
        let mut faults = Vec::new();
        let mut manifest = match (&self.manifest, self.components.keys().next()) {
            (Some(manifest), _) => text::sound(&self.file, manifest.clone(), &mut faults)?,
            (None, Some(name)) => Manifest::for_component(name, self.only_source()),
            (None, None) => return Err(Problem::NoManifest(self.file.clone())),
        };
        for (name, entry) in manifest.entries().filter(|(name, _)| !self.components.contains_key(&name.value)) {
            let message = format!("component `{name}` was not kept with the app");
            faults.push(Fault::new(message).at(entry.source.span.clone()).hint("apply it again"));
        }
        manifest.namespace = self.namespace.clone();
        Ok((manifest, faults))
    }

    /// Where the only component came from, if there is no manifest.
    fn only_source(&self) -> Source {
        match self.pinned.first() {
            Some(reference) => Source::Registry(reference.clone()),
            None => Source::File(self.file.clone()),
        }
    }
}

impl AppFile {
    /// What is to be kept of it, and the bytes that belong to it.
    ///
    /// # Errors
    ///
    /// If a folder cannot be read as a whole.
    pub(crate) fn snapshot(&self) -> Result<(Snapshot, Parts), Problem> {
        let mut parts = self.bytes.clone();
        let mut folders = BTreeMap::new();
        for (path, archive) in self.archives()? {
            let digest = Digest::of(&archive);
            folders.insert(path, digest);
            parts.insert(digest, archive);
        }
        let snapshot = Snapshot {
            file: self.place()?,
            base: self.base.clone(),
            namespace: self.manifest.namespace.clone(),
            manifest: (!self.text.is_empty()).then(|| self.text.clone()),
            components: self.found.iter().map(|(name, found)| (name.clone(), found.digest)).collect(),
            folders,
            pinned: self.pinned.clone(),
            is_shipped: self.is_shipped,
        };
        Ok((snapshot, parts))
    }

    /// Where it is, wherever one stands.
    fn place(&self) -> Result<PathBuf, Problem> {
        if self.is_shipped {
            return Ok(self.file.clone());
        }
        std::path::absolute(&self.file).map_err(|source| Problem::NoPlace { path: self.file.clone(), source })
    }

    /// The archives of the folders that are kept with it: those that were pushed with it, and those below its manifest.
    fn archives(&self) -> Result<BTreeMap<String, Bytes>, Problem> {
        let mut archives: BTreeMap<_, _> =
            self.archives.iter().map(|(path, archive)| (path.to_string(), archive.clone())).collect();
        if self.is_shipped {
            return Ok(archives);
        }
        for trigger in &self.manifest.triggers.http {
            let TriggerTarget::Files(folder) = &trigger.target else { continue };
            let Ok(path) = folder.value.0.parse::<FolderPath>() else { continue };
            let archive = folder::pack(&self.base.join(&folder.value.0), FolderLimits::default());
            archives.insert(path.to_string(), archive.map_err(Problem::Folder)?);
        }
        Ok(archives)
    }

    /// The app of `snapshot`, whose bytes `part` has.
    ///
    /// # Errors
    ///
    /// If some of them cannot be had, or if the policy of the host does not let it run any more.
    pub(crate) fn of_snapshot(
        snapshot: &Snapshot,
        host: ReadHost,
        part: impl Fn(&Digest) -> Result<Bytes, Problem>,
    ) -> Result<Self, Problem> {
        let signers = Signers::of(&host.spec.policy)?;
        judge(snapshot, &host, &signers)?;
        let (file, base) = (snapshot.file.clone(), snapshot.base.clone());
        let text = snapshot.manifest.clone().unwrap_or_default();
        let (manifest, faults) = snapshot.parsed()?;
        let mut app = Self::new(file, base, text, manifest, host);
        app.text_faults.extend(faults);
        app.is_shipped = snapshot.is_shipped;
        for (name, digest) in &snapshot.components {
            let bytes = part(digest)?;
            // It was read when it was deployed, the store knows it by its digest, and whoever compiles it validates it.
            let shape =
                Shape::read_again(&bytes).map_err(|source| Problem::Shape { path: snapshot.file.clone(), source })?;
            // Who has bytes by their digest has compared them.
            app.bytes.insert(*digest, bytes);
            app.found.insert(name.clone(), Found { digest: *digest, shape });
        }
        let mut archives = BTreeMap::new();
        for (path, digest) in &snapshot.folders {
            if let Ok(path) = path.parse::<FolderPath>() {
                archives.insert(path, part(digest)?);
            }
        }
        app.find_mounts();
        app.unpack_folders(archives)?;
        app.find_folders();
        Ok(app)
    }
}

/// Whether the policy lets run what was had from registries and from files, as it is judged at each start. No registry is
/// asked.
fn judge(snapshot: &Snapshot, host: &ReadHost, signers: &Signers) -> Result<(), Problem> {
    let has_files = || {
        let (manifest, _) = snapshot.parsed()?;
        Ok::<_, Problem>(manifest.entries().any(|(_, entry)| matches!(entry.source.value, Source::File(_))))
    };
    if !snapshot.is_shipped && has_files()? {
        signers.check_file(&snapshot.file)?;
    }
    if snapshot.pinned.is_empty() {
        return Ok(());
    }
    let artifacts = artifacts::of_host(&host.spec)?.offline();
    crate::verb::runtime()?.block_on(async {
        for reference in &snapshot.pinned {
            let not_locked = || Problem::NotLocked { reference: reference.clone() };
            let digest = reference.digest().ok_or_else(not_locked)?;
            signers.check(&artifacts, reference, digest, Utc::now()).await?;
        }
        Ok(())
    })
}

/// Whether `path` is that of a registry's artifact, and not of a file.
pub(crate) fn is_reference(path: &Path) -> bool {
    super::shipped::reference(path).is_some()
}
