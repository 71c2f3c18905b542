//! From what a person names on the command line to an app that can be resolved: the manifest, the bytes of its
//! components and the host that it is meant for.

mod shipped;
mod snapshot;
mod text;
mod to_push;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use wattle_artifact::folder::HeldFolder;
use wattle_artifact::format::folder_path::FolderPath;
use wattle_spec::app::App;
use wattle_spec::cron::CronTrigger;
use wattle_spec::digest::Digest;
use wattle_spec::fault::{Fault, FaultyFile, in_order};
use wattle_spec::host_file::HostSpec;
use wattle_spec::manifest::{
    ComponentEntry, CronEntry, HttpTrigger, Manifest, MessageEntry, Pull, Source, TriggerTarget, Written,
};
use wattle_spec::message::MessageTrigger;
use wattle_spec::name::{AppId, ComponentName, Namespace};
use wattle_spec::policy::Asks;
use wattle_spec::reference::Reference;
use wattle_spec::resolve::{Behind, Explained, Found, FoundComponents, Grants, explain, resolve};
use wattle_spec::shape::Shape;

pub(crate) use self::shipped::reference;
pub(crate) use self::snapshot::{Parts, Snapshot, is_reference};
use self::text::{bare, base, host_file, manifest_path, parsed};
pub(crate) use self::text::{file_in, host, manifest};
use crate::artifacts::{self, Asking, Errand, LockIn, Locked};
use crate::cli::What;
use crate::input::{self, Ending};
use crate::policy::{Signers, approval};
use crate::problem::{Exit, FaultyText, Problem};
use crate::{host_files, kept, report};

/// A manifest with everything that it names.
pub(crate) struct AppFile {
    /// The manifest's file; for a bare component, the component's.
    pub(crate) file: PathBuf,
    /// The directory that paths in it start from.
    pub(crate) base: PathBuf,
    text: String,
    manifest: Manifest,
    found: FoundComponents,
    /// The components' bytes.
    pub(crate) bytes: BTreeMap<Digest, bytes::Bytes>,
    /// What is wrong with the texts: what of them is sound is not the whole.
    text_faults: Vec<Fault>,
    /// What is wrong with the files and directories that it names.
    faults: Vec<Fault>,
    /// Whether it came from a registry as a whole.
    is_shipped: bool,
    /// The folders that came with it: nobody removes them before it ends.
    held: Vec<HeldFolder>,
    /// The archives of its folders, if they were pushed with it.
    archives: BTreeMap<FolderPath, bytes::Bytes>,
    /// What of it came from registries, with the digests that it had there.
    pinned: Vec<Reference>,
    /// What its tags lead to, if that is to be kept.
    locked: Option<Locked>,
    /// What was approved of it, if somebody looked.
    pub(crate) approved: Option<approval::Kept>,
    /// The host.
    pub(crate) host: HostSpec,
    host_text: HostText,
}

/// A host as its file says, with what is wrong in that.
#[derive(Default, Clone)]
pub(crate) struct ReadHost {
    pub(crate) spec: HostSpec,
    text: HostText,
    faults: Vec<Fault>,
}

/// The host's file, if there is one.
#[derive(Default, Clone)]
struct HostText {
    file: PathBuf,
    text: String,
}

/// One component of an app: what provides its imports, and what it is granted beside them.
pub(crate) struct ExplainedComponent {
    pub(crate) name: ComponentName,
    pub(crate) is_service: bool,
    pub(crate) imports: Vec<Explained>,
    pub(crate) grants: Grants,
}

/// One component of an app, as far as it is known without a host.
pub(crate) struct Part<'a> {
    pub(crate) digest: Digest,
    /// How many bytes it has.
    pub(crate) size: usize,
    pub(crate) shape: &'a Shape,
    pub(crate) grants: Grants,
}

impl AppFile {
    /// Reads what `what` names.
    ///
    /// # Errors
    ///
    /// If there is nothing, or if it cannot be understood. Faults of the components' files wait for
    /// [`AppFile::resolve`], so that they come together with the others.
    pub(crate) fn read(what: &What, asking: Asking) -> Result<Self, Problem> {
        Self::read_on(&what.path, ReadHost::of(what.config.as_deref())?, asking)
    }

    /// The same for a host that is known.
    pub(crate) fn read_on(path: &Path, host: ReadHost, errand: impl Into<Errand>) -> Result<Self, Problem> {
        let errand = errand.into();
        match shipped::reference(path) {
            Some(reference) => Self::read_shipped(&reference, host, errand),
            None => Self::read_file(manifest_path(path)?, host, &errand, |_| Ok(())),
        }
    }

    /// Reads `file`, a manifest or a component, for a host whose own file is `config`, with a manifest that `change`
    /// has changed.
    ///
    /// # Errors
    ///
    /// As [`AppFile::read`], and those of `change`.
    pub(crate) fn read_changed(
        file: PathBuf,
        config: Option<&Path>,
        asking: Asking,
        change: impl FnOnce(&mut Manifest) -> Result<(), Problem>,
    ) -> Result<Self, Problem> {
        Self::read_file(file, ReadHost::of(config)?, &asking.into(), change)
    }

    fn read_file(
        file: PathBuf,
        host: ReadHost,
        errand: &Errand,
        change: impl FnOnce(&mut Manifest) -> Result<(), Problem>,
    ) -> Result<Self, Problem> {
        let mut text_faults = Vec::new();
        let is_manifest = Ending::of(&file) == Some(Ending::Manifest);
        let (text, mut manifest) = match is_manifest {
            true => parsed(&file, &mut text_faults)?,
            false => (String::new(), bare(&file)?),
        };
        change(&mut manifest)?;
        errand.pulls.is_for(&manifest.name.value);
        let signers = Signers::of(&host.spec.policy)?;
        let base = base(&file)?;
        let lock = is_manifest.then(|| artifacts::lock_of(&file));
        let mut app = Self::new(file, base, text, manifest, host);
        app.text_faults.extend(text_faults);
        app.find_components(is_manifest, &signers)?;
        if let Some(lock) = lock {
            app.fetch_components(LockIn::File(lock), errand, &signers)?;
        }
        app.find_mounts();
        app.find_folders();
        Ok(app)
    }

    /// One of which nothing was looked at yet.
    fn new(file: PathBuf, base: PathBuf, text: String, manifest: Manifest, host: ReadHost) -> Self {
        let ReadHost { spec, text: host_text, faults } = host;
        Self {
            file,
            base,
            text,
            manifest,
            found: BTreeMap::new(),
            bytes: BTreeMap::new(),
            text_faults: faults,
            faults: Vec::new(),
            is_shipped: false,
            held: Vec::new(),
            archives: BTreeMap::new(),
            pinned: Vec::new(),
            locked: None,
            approved: None,
            host: spec,
            host_text,
        }
    }

    fn find_components(&mut self, is_manifest: bool, signers: &Signers) -> Result<(), Problem> {
        for (name, entry) in self.manifest.entries() {
            let Source::File(path) = &entry.source.value else { continue };
            let path = self.base.join(path);
            let component = signers.check_file(&path);
            match component.and_then(|()| input::component(&path, self.host.limits.compile_size)) {
                Ok((bytes, shape)) => found(&mut self.found, &mut self.bytes, &name.value, bytes, shape),
                Err(problem) if !is_manifest => return Err(problem),
                Err(problem) => {
                    let fault = fault(&name.value, &problem).at(entry.source.span.clone());
                    let can_be_built = entry.build.is_some() && problem.is_missing_file();
                    self.faults.push(if can_be_built { fault.hint("run `wattle build` first") } else { fault });
                }
            }
        }
        Ok(())
    }

    /// Has the components that lie in registries, from there or from what is kept of them here.
    fn fetch_components(&mut self, lock: LockIn, errand: &Errand, signers: &Signers) -> Result<(), Problem> {
        let mut wanted = BTreeMap::<Reference, Pull>::new();
        for (_, entry) in self.manifest.entries() {
            if let Source::Registry(reference) = &entry.source.value {
                let pull = wanted.entry(reference.clone()).or_insert(entry.pull);
                *pull = entry.pull.max(*pull);
            }
        }
        let (mut fetched, locked) = artifacts::fetch(&wanted, lock, errand, &self.host, signers)?;
        self.pinned.extend(wanted.keys().filter_map(|reference| locked.pinned(reference)));
        self.locked = matches!(errand.asking, Asking::Registries { .. }).then_some(locked);
        for (name, entry) in self.manifest.entries() {
            let Source::Registry(reference) = &entry.source.value else { continue };
            let component = match fetched.get_mut(reference) {
                Some(Ok(bytes)) => Shape::read(bytes)
                    .map(|shape| (bytes.clone(), shape))
                    .map_err(|source| Problem::NoComponent { reference: reference.clone(), source }),
                // What is in the way of one is told once.
                Some(_) => match fetched.remove(reference) {
                    Some(Err(problem)) => Err(problem),
                    _ => continue,
                },
                None => continue,
            };
            match component {
                Ok((bytes, shape)) => found(&mut self.found, &mut self.bytes, &name.value, bytes, shape),
                // No fault of the manifest.
                Err(problem) if problem.exit_code() == Exit::Blocked => return Err(problem),
                Err(problem) => self.faults.push(fault(&name.value, &problem).at(entry.source.span.clone())),
            }
        }
        Ok(())
    }

    /// Records that `app`, which it is, runs, and so may ask for what it asks for.
    pub(crate) fn runs(&self, app: &App) -> Result<(), Problem> {
        self.approved.as_ref().map_or(Ok(()), |approved| approved.runs(app, self.asks(app)))
    }

    /// What `app`, which it is, asks for. Folders below the manifest are its own, as are those that were pushed with it.
    pub(crate) fn asks(&self, app: &App) -> Asks {
        let pushed = kept::folders();
        Asks::of(app, |folder| {
            let is_up = folder.components().any(|part| part == Component::ParentDir);
            !is_up && (folder.starts_with(&self.base) || pushed.as_ref().is_some_and(|all| folder.starts_with(all)))
        })
    }

    /// Keeps what the tags in it lead to.
    pub(crate) fn keep_lock(&self) {
        if let Some(locked) = &self.locked {
            locked.keep();
        }
    }

    /// Looks for the directories that the components shall see.
    fn find_mounts(&mut self) {
        for (name, entry) in self.manifest.entries() {
            for mount in &entry.mounts {
                let path = self.base.join(&mount.host.value.0);
                if !path.is_dir() {
                    let message = format!("component `{name}`: there is no directory {}", path.display());
                    self.faults
                        .push(Fault::new(message).at(mount.host.span.clone()).hint("make it, or correct the path"));
                }
            }
        }
    }

    /// Looks for the folders whose files shall be served.
    fn find_folders(&mut self) {
        for trigger in &self.manifest.triggers.http {
            let TriggerTarget::Files(folder) = &trigger.target else { continue };
            let path = self.base.join(&folder.value.0);
            if !path.is_dir() {
                let message = format!("the route `{}`: there is no folder {}", trigger.path, path.display());
                self.faults.push(Fault::new(message).at(folder.span.clone()).hint("make it, or correct the path"));
            }
        }
    }

    /// The folders whose files are served: the path of each, with its host, and the folder.
    pub(crate) fn served_folders(&self) -> Vec<(String, PathBuf)> {
        let served = |trigger: &HttpTrigger| match &trigger.target {
            TriggerTarget::Files(folder) => {
                let host = trigger.host.as_ref().map_or("", |host| host.value.as_str());
                Some((format!("{host}{}", trigger.path), self.base.join(&folder.value.0)))
            }
            TriggerTarget::Component(_) => None,
        };
        self.manifest.triggers.http.iter().filter_map(served).collect()
    }

    /// The schedules.
    pub(crate) fn schedules(&self) -> Vec<CronTrigger> {
        self.manifest.triggers.cron.iter().map(CronEntry::resolved).collect()
    }

    /// The message triggers, each with the name of its group, if it has one.
    pub(crate) fn messages(&self) -> Vec<(MessageTrigger, Option<String>)> {
        let app = self.app();
        let triggers = self.manifest.triggers.message.iter().map(MessageEntry::resolved);
        triggers.map(|trigger| (trigger.clone(), trigger.group(&app))).collect()
    }

    /// What provides each import and what else is granted, component by component, refused imports included.
    ///
    /// # Errors
    ///
    /// If there are faults in the texts, or if a component's file cannot be used.
    pub(crate) fn explain(&self) -> Result<Vec<ExplainedComponent>, Problem> {
        if !self.faults.is_empty() || !self.text_faults.is_empty() {
            self.resolve()?;
        }
        let mut explained = explain(&self.manifest, &self.found, wattle_host::offers(), &self.host);
        let component = |(name, entry): (&Written<ComponentName>, &ComponentEntry)| ExplainedComponent {
            imports: explained.extract_if(.., |import| import.component == name.value).collect(),
            name: name.value.clone(),
            is_service: self.manifest.services.contains_key(&name.value),
            grants: Grants::of(entry, &self.base),
        };
        Ok(self.manifest.entries().map(component).collect())
    }

    /// The same, if nothing is wrong with its text nor with what it names: whatever a host says to it.
    ///
    /// # Errors
    ///
    /// Every fault of the texts and of the files that they name.
    pub(crate) fn sound(self) -> Result<Self, Problem> {
        match self.faults.is_empty() && self.text_faults.is_empty() {
            true => Ok(self),
            false => Err(self.refused(self.faults.iter().chain(&self.text_faults).cloned().collect())),
        }
    }

    /// Its components by name.
    pub(crate) fn parts(&self) -> BTreeMap<ComponentName, Part<'_>> {
        let part = |(name, entry): (&Written<ComponentName>, &ComponentEntry)| {
            let Found { digest, shape } = self.found.get(&name.value)?;
            let size = self.bytes.get(digest).map_or(0, bytes::Bytes::len);
            Some((name.value.clone(), Part { digest: *digest, size, shape, grants: Grants::of(entry, &self.base) }))
        };
        self.manifest.entries().filter_map(part).collect()
    }

    /// What stands behind the providers that are named in it.
    pub(crate) fn behind(&self) -> Behind<'_> {
        Behind::of_manifest(&self.manifest, &self.found, &self.host.backends, &self.base)
    }

    /// The app that will run.
    ///
    /// # Errors
    ///
    /// Every fault of the texts, of the files that they name, and of the links; and if nobody approved what it asks for.
    pub(crate) fn resolve(&self) -> Result<App, Problem> {
        let app = self.resolve_unapproved()?;
        if let Some(approved) = &self.approved {
            approved.check(&app, &self.asks(&app), self.is_shipped, &self.file)?;
        }
        Ok(app)
    }

    /// The same, if the files are there, too, that its host's file names, and that its own backends are reached with.
    pub(crate) fn resolve_with_files(&mut self) -> Result<App, Problem> {
        self.faults.extend(host_files::faults(&self.host));
        let app = self.resolve()?;
        match host_files::faults_of_app(&app) {
            faults if faults.is_empty() => Ok(app),
            faults => Err(self.refused(faults)),
        }
    }

    /// The same as [`AppFile::resolve`], whatever it asks for.
    pub(crate) fn resolve_unapproved(&self) -> Result<App, Problem> {
        let resolved = resolve(&self.manifest, &self.found, wattle_host::offers(), &self.host, &self.base);
        match resolved {
            Ok(app) if self.faults.is_empty() && self.text_faults.is_empty() => Ok(app),
            resolved => {
                // What a component lacks follows from its file being unusable.
                let told: Vec<_> = self.faults.iter().map(|fault| (fault.file, &fault.span)).collect();
                let mut more = resolved.err().unwrap_or_default();
                more.retain(|fault| fault.span.is_none() || !told.contains(&(fault.file, &fault.span)));
                more.extend(self.faults.iter().chain(&self.text_faults).cloned());
                Err(self.refused(more))
            }
        }
    }

    /// The version that its manifest has.
    pub(crate) fn version(&self) -> Option<String> {
        self.manifest.version.as_ref().map(|version| version.value.0.to_string())
    }

    /// The folders that are served with it, for as long as somebody has this.
    pub(crate) fn held(self) -> Vec<HeldFolder> {
        self.held
    }

    /// Has its name count in `namespace`.
    pub(crate) fn in_namespace(mut self, namespace: Namespace) -> Self {
        self.manifest.namespace = namespace;
        self
    }

    /// Which app it is.
    pub(crate) fn app(&self) -> AppId {
        self.manifest.id()
    }

    /// The name of the app.
    pub(crate) fn name(&self) -> &str {
        self.manifest.name.value.as_str()
    }

    /// The faults, by the file that each is in.
    fn refused(&self, faults: Vec<Fault>) -> Problem {
        let (of_host, of_manifest): (Vec<_>, Vec<_>) =
            in_order(faults).into_iter().partition(|fault| fault.file == FaultyFile::Host);
        let HostText { file, text } = &self.host_text;
        let texts = [
            FaultyText::manifest(self.file.clone(), &self.text, of_manifest),
            FaultyText::host_file(file.clone(), text, of_host),
        ];
        Problem::Faults(texts.into_iter().filter(|text| !text.faults.is_empty()).collect())
    }
}

impl ReadHost {
    /// The host whose own file is `config`, if it has one.
    pub(crate) fn of(config: Option<&Path>) -> Result<Self, Problem> {
        let Some((spec, text, faults)) = config.map(host_file).transpose()? else { return Ok(Self::default()) };
        Ok(Self { spec, text, faults })
    }
}

fn found(
    all: &mut FoundComponents,
    bytes_of: &mut BTreeMap<Digest, bytes::Bytes>,
    name: &ComponentName,
    bytes: bytes::Bytes,
    shape: Shape,
) {
    let digest = Digest::of(&bytes);
    bytes_of.insert(digest, bytes);
    all.insert(name.clone(), Found { digest, shape });
}

fn fault(component: &ComponentName, problem: &Problem) -> Fault {
    let fault = Fault::new(format!("component `{component}`: {}", report::sentence(problem)));
    match problem.hint() {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}
