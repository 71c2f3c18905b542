//! From what a person names on the command line to an app that can be resolved: the manifest, the bytes of its
//! components and the host that it is meant for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use wattle_spec::app::App;
use wattle_spec::digest::Digest;
use wattle_spec::fault::Fault;
use wattle_spec::host_file::HostSpec;
use wattle_spec::listen::CertificatePaths;
use wattle_spec::manifest::{Manifest, Source};
use wattle_spec::name::ComponentName;
use wattle_spec::resolve::{Explained, Found, FoundComponents, links, resolve};
use wattle_spec::shape::Shape;
use wattle_spec::units::ByteSize;

use crate::cli::What;
use crate::problem::Problem;

/// The name of a manifest in a folder.
const MANIFEST: &str = "wattle.toml";

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
    /// What is wrong with the text: what of it is sound is not the whole app.
    text_faults: Vec<Fault>,
    /// What is wrong with the files and directories that it names.
    faults: Vec<Fault>,
    /// The host.
    pub(crate) host: HostSpec,
}

impl AppFile {
    /// Reads what `what` names.
    ///
    /// # Errors
    ///
    /// If there is nothing, or if it cannot be understood. Faults of the components' files wait for
    /// [`AppFile::resolve`], so that they come together with the others.
    pub(crate) fn read(what: &What) -> Result<Self, Problem> {
        let host = match &what.config {
            Some(file) => host_file(file)?,
            None => HostSpec::default(),
        };
        let file = manifest_path(&what.path)?;
        let is_manifest = file.extension().is_some_and(|extension| extension == "toml");
        let (text, (manifest, text_faults)) = match is_manifest {
            true => parsed(&file)?,
            false => (String::new(), (bare(&file)?, Vec::new())),
        };
        let base = std::path::absolute(&file).map_err(|source| Problem::File {
            operation: "find",
            path: file.clone(),
            source,
        })?;
        let base = base.parent().map_or_else(PathBuf::new, Into::into);
        let mut app = Self {
            file,
            base,
            text,
            manifest,
            found: BTreeMap::new(),
            bytes: BTreeMap::new(),
            text_faults,
            faults: Vec::new(),
            host,
        };
        app.find_components(is_manifest)?;
        app.find_mounts();
        Ok(app)
    }

    fn find_components(&mut self, is_manifest: bool) -> Result<(), Problem> {
        for (name, entry) in &self.manifest.components {
            let Source::File(path) = &entry.source.value;
            let path = self.base.join(path);
            match component(&path, self.host.limits.compile_size) {
                Ok((bytes, shape)) => {
                    let digest = Digest::of(&bytes);
                    self.bytes.insert(digest, bytes);
                    self.found.insert(name.value.clone(), Found { digest, shape });
                }
                Err(problem) if !is_manifest => return Err(problem),
                Err(problem) => self.faults.push(fault(&name.value, &problem).at(entry.source.span.clone())),
            }
        }
        Ok(())
    }

    /// Looks for the directories that the components shall see.
    fn find_mounts(&mut self) {
        for (name, entry) in &self.manifest.components {
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

    /// What provides each import, refused ones included.
    ///
    /// # Errors
    ///
    /// If a component's file cannot be used.
    pub(crate) fn explain(&self) -> Result<Vec<Explained>, Problem> {
        let unusable = self.faults.iter().chain(&self.text_faults).next().is_some();
        match unusable {
            false => Ok(links::explain(&self.manifest, &self.found, &wattle_host::offers(), &self.host)),
            true => Err(self.refused(self.text_faults.iter().chain(&self.faults).cloned().collect())),
        }
    }

    /// The app that will run.
    ///
    /// # Errors
    ///
    /// Every fault of the manifest, its components and its links.
    pub(crate) fn resolve(&self) -> Result<App, Problem> {
        if !self.text_faults.is_empty() {
            return Err(self.refused(self.text_faults.iter().chain(&self.faults).cloned().collect()));
        }
        let resolved = resolve(&self.manifest, &self.found, &wattle_host::offers(), &self.host, &self.base);
        match resolved {
            Ok(app) if self.faults.is_empty() => Ok(app),
            resolved => {
                let mut faults = self.faults.clone();
                let told: Vec<_> = faults.iter().filter_map(|fault| fault.span.clone()).collect();
                // What a component lacks follows from its file being unusable.
                let more = resolved.err().unwrap_or_default();
                faults.extend(
                    more.into_iter().filter(|fault| !fault.span.as_ref().is_some_and(|span| told.contains(span))),
                );
                Err(self.refused(faults))
            }
        }
    }

    /// The name of the app.
    pub(crate) fn name(&self) -> &str {
        self.manifest.name.value.as_str()
    }

    fn refused(&self, mut faults: Vec<Fault>) -> Problem {
        faults.sort_by_key(|fault| fault.span.as_ref().map(|span| span.start));
        Problem::Faults { file: self.file.clone(), text: self.text.clone(), faults }
    }
}

fn manifest_path(path: &Path) -> Result<PathBuf, Problem> {
    let metadata =
        fs::metadata(path).map_err(|source| Problem::File { operation: "read", path: path.into(), source })?;
    if metadata.is_dir() {
        let manifest = path.join(MANIFEST);
        return if manifest.exists() { Ok(manifest) } else { Err(Problem::NoManifest(path.into())) };
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml" | "wasm" | "wat") => Ok(path.into()),
        _ => Err(Problem::UnknownFile(path.into())),
    }
}

fn read_text(path: &Path) -> Result<String, Problem> {
    fs::read_to_string(path).map_err(|source| Problem::File { operation: "read", path: path.into(), source })
}

fn parsed(file: &Path) -> Result<(String, (Manifest, Vec<Fault>)), Problem> {
    let text = read_text(file)?;
    match Manifest::parse_lenient(&text) {
        (Some(manifest), faults) => Ok((text, (manifest, faults))),
        (None, faults) => Err(Problem::Faults { file: file.into(), text, faults }),
    }
}

fn host_file(file: &Path) -> Result<HostSpec, Problem> {
    let text = read_text(file)?;
    let mut host = HostSpec::parse(&text).map_err(|faults| Problem::Faults { file: file.into(), text, faults })?;
    // Paths in a file start from the file.
    let base = file.parent().unwrap_or(Path::new(""));
    host.data_dir = host.data_dir.map(|directory| base.join(directory));
    for paths in &mut host.tls {
        *paths = CertificatePaths::new(base.join(&paths.cert), base.join(&paths.key));
    }
    Ok(host)
}

/// The manifest of a component that has none.
fn bare(file: &Path) -> Result<Manifest, Problem> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("app");
    let name = ComponentName::resembling(stem);
    let path =
        std::path::absolute(file).map_err(|source| Problem::File { operation: "find", path: file.into(), source })?;
    Ok(Manifest::for_component(&name, Source::File(path)))
}

/// The bytes of the Wasm file at `path`, from its text if it is one, and what they are.
pub(crate) fn component(path: &Path, limit: ByteSize) -> Result<(bytes::Bytes, Shape), Problem> {
    let unreadable = |source| Problem::File { operation: "read", path: path.into(), source };
    if fs::metadata(path).map_err(unreadable)?.len() > limit.0 {
        return Err(Problem::TooLarge { path: path.into(), limit });
    }
    let mut bytes = fs::read(path).map_err(unreadable)?;
    if path.extension().is_some_and(|extension| extension == "wat") {
        bytes = wat::Parser::new()
            .parse_bytes(Some(path), &bytes)
            .map_err(|error| Problem::Text { path: path.into(), reason: error.to_string() })?
            .into_owned();
    }
    let shape = Shape::read(&bytes).map_err(|source| Problem::Shape { path: path.into(), source })?;
    Ok((bytes.into(), shape))
}

fn fault(component: &ComponentName, problem: &Problem) -> Fault {
    let mut message = format!("component `{component}`: {problem}");
    let mut cause = std::error::Error::source(problem);
    while let Some(error) = cause {
        message.push_str(&format!(": {error}"));
        cause = error.source();
    }
    let fault = Fault::new(message);
    match problem.hint() {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}
