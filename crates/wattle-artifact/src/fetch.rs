//! Bringing artifacts here: out of the store if it has them, else out of their registry and into the store.
//!
//! What is once in the store is never asked for again: manifests and blobs are called by their digests. Only where a tag
//! points to has to be asked, and [`Pull`] says when.

mod app;
mod error;
mod keeping;
mod signed;
mod told;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use tokio::sync::OnceCell;
use wattle_spec::digest::Digest;
use wattle_spec::manifest::Pull;
use wattle_spec::reference::{Reference, Repository};

pub use self::app::{AppLimits, FetchedApp};
pub use self::error::FetchError;
use self::keeping::{Keeping, Kept};
use self::told::Told;
use crate::blocking::blocking;
use crate::format::form::Form;
use crate::format::image::{self, ImageError, InLayer};
use crate::format::manifest::{Descriptor, Document, Index, MANIFEST_MAX_LEN, Manifest};
use crate::format::{media_type, spin};
use crate::progress::Progress;
use crate::registry::{Registries, Settings};
use crate::store::{Begun, Noted, Store, StoreError};

/// How long somebody else who writes the same blob is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most bytes that a configuration or the lock of an app may have.
const CONFIG_MAX_LEN: u64 = 4 << 20;
/// The most layers of an image that are looked through.
const LAYERS_MAX: usize = 127;

/// The artifacts that can be had here.
#[derive(Clone)]
pub struct Artifacts {
    store: Store,
    /// `None`: nobody is asked.
    registries: Option<Arc<Asked>>,
    /// `None`: nobody wants to know.
    progress: Option<Progress>,
    /// Documents that came, and may not be in the store yet.
    told: Told,
}

/// The registries that may be asked, of whom nothing is set up before one is.
struct Asked {
    settings: Settings,
    client: OnceCell<Registries>,
}

/// Where a reference leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// To this manifest.
    pub digest: Digest,
    /// Who says so.
    pub by: By,
}

/// Who says where a reference leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// It says so itself, or a lock does.
    Writer,
    /// What was noted here when a registry said so.
    Store,
    /// Its registry, just now.
    Registry,
}

/// An artifact that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// What was asked for, with the digest that it led to.
    pub reference: Reference,
    /// The digest of the manifest with the Wasm: that of the reference, unless it leads to an index.
    pub manifest: Digest,
    /// The bytes of the component.
    pub wasm: Bytes,
}

/// Which part of an artifact is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The name of the component, for an artifact that has several.
    pub component: Option<&'a str>,
    /// How many bytes a component may have.
    pub max: u64,
}

impl Artifacts {
    /// Those in `store`, and those that registries have which are asked as `settings` say, if they may be asked.
    pub fn new(store: Store, settings: Option<Settings>) -> Self {
        let asked = |settings| Arc::new(Asked { settings, client: OnceCell::new() });
        Self { store, registries: settings.map(asked), progress: None, told: Told::default() }
    }

    /// Those that are here.
    #[must_use]
    pub fn offline(&self) -> Self {
        Self { registries: None, ..self.clone() }
    }

    /// The same, and `progress` is told of what comes from registries.
    #[must_use]
    pub fn observed(&self, progress: Progress) -> Self {
        Self { progress: Some(progress), ..self.clone() }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Which manifest `reference` leads to: what is `locked`, if it is, before what is known here.
    ///
    /// # Errors
    ///
    /// If that has to be asked, and cannot be.
    pub async fn resolve(
        &self,
        reference: &Reference,
        pull: Pull,
        locked: Option<Digest>,
    ) -> Result<Resolved, FetchError> {
        if let Some(digest) = reference.digest().or(locked) {
            return Ok(Resolved { digest, by: By::Writer });
        }
        let noted = match self.noted(reference).await {
            // What cannot be read is written anew.
            Err(_) if pull == Pull::Always => None,
            noted => noted?,
        };
        match (noted, pull) {
            (Some(noted), Pull::Missing | Pull::Never) => Ok(Resolved { digest: noted.digest, by: By::Store }),
            (None, Pull::Never) => Err(FetchError::NotHere(reference.clone())),
            (noted, _) => {
                let digest = self.ask(reference, noted.is_some()).await?;
                Ok(Resolved { digest, by: By::Registry })
            }
        }
    }

    /// Where its registry says that `reference` leads. If that is likely to be here, it alone is asked for, as that costs
    /// a registry less, and some count it less; else the manifest comes with the answer.
    async fn ask(&self, reference: &Reference, is_noted: bool) -> Result<Digest, FetchError> {
        let registries = self.registries(reference).await?;
        let failed = |source| FetchError::of_registry(reference.clone(), source);
        if is_noted {
            return Ok(registries.resolve(reference).await.map_err(failed)?.digest);
        }
        let manifest = registries.manifest(&reference.repository, &reference.which).await.map_err(failed)?;
        self.told.add(manifest.digest, manifest.bytes);
        Ok(manifest.digest)
    }

    /// The component at `reference`, which leads where `resolved` says.
    ///
    /// That it is here is noted under its digest, so that it stays; and under its tag if the registry said where that
    /// leads. What somebody wrote into a lock says nothing to others.
    ///
    /// # Errors
    ///
    /// If it cannot be had, or holds none.
    pub async fn component(
        &self,
        reference: &Reference,
        resolved: Resolved,
        wanted: Wanted<'_>,
    ) -> Result<Fetched, FetchError> {
        let keeping = Keeping::new(&self.store);
        let fetched = self.fetch_component(&keeping, reference, resolved, wanted).await;
        keeping.finish(fetched).await
    }

    async fn fetch_component(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        resolved: Resolved,
        wanted: Wanted<'_>,
    ) -> Result<Fetched, FetchError> {
        let digest = resolved.digest;
        let pinned = reference.pinned(digest);
        let (top, kind) = self.document(keeping, reference, digest).await?;
        note(keeping, reference, resolved, kind);
        let (manifest_digest, manifest) = match top {
            Document::Manifest(manifest) => (digest, manifest),
            Document::Index(index) => match self.as_app(keeping, reference, &index).await? {
                Some(app) => self.member(keeping, &pinned, &app, wanted).await?,
                None => self.platform(keeping, reference, digest, &index).await?,
            },
        };
        let wasm = self.wasm(keeping, &pinned, &manifest, wanted).await?;
        Ok(Fetched { reference: pinned, manifest: manifest_digest, wasm })
    }

    /// The manifest for Wasm of the `index` that has this digest.
    async fn platform(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        digest: Digest,
        index: &Index,
    ) -> Result<(Digest, Manifest), FetchError> {
        let no_wasm = || FetchError::Index { reference: reference.clone(), digest };
        let chosen = for_wasm(index).ok_or_else(no_wasm)?;
        match self.document(keeping, reference, chosen.digest).await? {
            (Document::Manifest(manifest), _) => Ok((chosen.digest, manifest)),
            (Document::Index(_), _) => {
                let (reference, inner) = (reference.clone(), chosen.digest);
                Err(FetchError::IndexInIndex { reference, digest, inner })
            }
        }
    }

    async fn noted(&self, reference: &Reference) -> Result<Option<Noted>, StoreError> {
        let reference = reference.clone();
        self.in_store(move |store| store.noted(&reference)).await
    }

    /// The manifest or index `digest`, which is asked for because of `reference`, and its media type.
    async fn document(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        digest: Digest,
    ) -> Result<(Document, &'static str), FetchError> {
        let bytes = self.document_bytes(keeping, &reference.repository, digest).await?;
        let unread = |source| FetchError::Manifest { reference: reference.clone(), digest, source };
        let document = Document::read(&bytes, None).map_err(unread)?;
        let kind = match document {
            Document::Manifest(_) => media_type::MANIFEST,
            Document::Index(_) => media_type::INDEX,
        };
        Ok((document, kind))
    }

    async fn document_bytes(
        &self,
        keeping: &Keeping,
        repository: &Repository,
        digest: Digest,
    ) -> Result<Bytes, FetchError> {
        let here = self.in_store(move |store| store.read(&digest, MANIFEST_MAX_LEN as u64)).await;
        if let Some(bytes) = healed(here)? {
            return Ok(bytes);
        }
        let bytes = match self.told.find(&digest) {
            Some(bytes) => bytes,
            None => {
                let reference = repository.at(digest);
                let registries = self.registries(&reference).await?;
                let fetched = registries.manifest(repository, &reference.which).await;
                let bytes = fetched.map_err(|source| FetchError::of_registry(reference, source))?.bytes;
                self.told.add(digest, bytes.clone());
                bytes
            }
        };
        keeping.put(digest, bytes.clone()).await?;
        Ok(bytes)
    }

    /// The Wasm in what has this `manifest`.
    async fn wasm(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        manifest: &Manifest,
        wanted: Wanted<'_>,
    ) -> Result<Bytes, FetchError> {
        let Wanted { component, max } = wanted;
        let config = match Form::needs_config(manifest) {
            true => self.blob(keeping, reference, &manifest.config, CONFIG_MAX_LEN).await?,
            false => Bytes::new(),
        };
        let form = Form::of(manifest, &config);
        match form.map_err(|source| FetchError::Form { reference: reference.clone(), source })? {
            Form::Layer(layer) => self.blob(keeping, reference, &layer, max).await,
            Form::Image { layers, entrypoint } => self.in_layers(keeping, reference, (&layers, &entrypoint), max).await,
            Form::Spin { lock, layers } => {
                let lock = self.blob(keeping, reference, &lock, CONFIG_MAX_LEN).await?;
                let components = spin::components(&lock, &layers);
                let components =
                    components.map_err(|source| FetchError::Spin { reference: reference.clone(), source })?;
                let layer = one_of(reference, &components, component)?;
                self.blob(keeping, reference, layer, max).await
            }
        }
    }

    /// The file `entrypoint` in the layers of an image.
    async fn in_layers(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        image: (&[Descriptor], &str),
        max: u64,
    ) -> Result<Bytes, FetchError> {
        let (layers, entrypoint) = image;
        let failed = |source| FetchError::Image { reference: reference.clone(), source };
        for layer in layers.iter().rev().take(LAYERS_MAX) {
            let bytes = self.blob(keeping, reference, layer, max).await?;
            let (kind, path) = (layer.media_type.clone(), entrypoint.to_owned());
            let found = blocking(move || image::file(&bytes, &kind, &path, max)).await.map_err(failed)?;
            match found {
                InLayer::File(file) => return Ok(file.into()),
                InLayer::Removed => break,
                InLayer::Nothing => {}
            }
        }
        Err(failed(ImageError::Missing(entrypoint.into())))
    }

    /// The bytes of a blob of at most `max` bytes.
    async fn blob(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        blob: &Descriptor,
        max: u64,
    ) -> Result<Bytes, FetchError> {
        let Descriptor { digest, size, .. } = *blob;
        if size > max {
            return Err(FetchError::TooLarge { reference: reference.clone(), size, max });
        }
        let read = move |store: &Store| store.read(&digest, max);
        if let Some(bytes) = healed(self.in_store(read).await)? {
            return Ok(bytes);
        }
        let registries = self.registries(reference).await?;
        let begin = move |store: &Store| store.begin_copied(&digest, size, PATIENCE);
        if let Begun::Missing(writer) = self.in_store(begin).await? {
            let progress = self.progress.clone().inspect(|progress| progress.expect(blob));
            let kept = Kept { writer, failed: None, digest, progress };
            let (Kept { writer, failed, .. }, fetched) = registries.fetch(&reference.repository, blob, kept).await;
            if let Some(error) = failed {
                return Err(error.into());
            }
            fetched.map_err(|source| FetchError::of_registry(reference.clone(), source))?;
            let (bytes, whole) = writer.complete()?;
            keeping.publish(whole).await?;
            return Ok(bytes.expect("invariant: it was begun with a copy"));
        }
        let bytes = self.in_store(read).await?;
        bytes.ok_or(FetchError::Gone(digest))
    }

    /// Who may be asked for `reference`.
    async fn registries(&self, reference: &Reference) -> Result<&Registries, FetchError> {
        let asked = self.registries.as_ref().ok_or_else(|| FetchError::NotHere(reference.clone()))?;
        let settings = asked.settings.clone();
        let client = asked.client.get_or_try_init(|| blocking(move || Registries::new(settings))).await;
        client.map_err(FetchError::Settings)
    }

    async fn in_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.store.clone();
        blocking(move || work(&store)).await
    }
}

/// Begins to note that what `reference` leads to is here: under its digest, and under its tag if the registry said so.
fn note(keeping: &Keeping, reference: &Reference, resolved: Resolved, kind: &str) {
    let Resolved { digest, by } = resolved;
    let noted = |reference: Reference| Noted { reference, digest, media_type: kind.into(), pulled_at: Utc::now() };
    let mut notes = vec![noted(reference.repository.at(digest))];
    if by == By::Registry {
        notes.push(noted(reference.clone()));
    }
    keeping.note(notes);
}

/// What was damaged is not here any more, and can be fetched again.
fn healed(read: Result<Option<Bytes>, StoreError>) -> Result<Option<Bytes>, StoreError> {
    match read {
        Err(StoreError::Damaged { digest, path }) => {
            tracing::warn!(%digest, path = %path.display(), "a damaged blob was removed and is fetched again");
            Ok(None)
        }
        read => read,
    }
}

/// The manifest for Wasm in an index for several platforms, or the only one.
fn for_wasm(index: &Index) -> Option<&Descriptor> {
    let is_wasm = |descriptor: &&Descriptor| {
        descriptor.platform.as_ref().is_some_and(|platform| platform.architecture.starts_with("wasm"))
    };
    match index.manifests.as_slice() {
        [only] => Some(only),
        several => several.iter().find(is_wasm),
    }
}

/// The component that is wanted, or the only one.
fn one_of<'a>(
    reference: &Reference,
    components: &'a BTreeMap<String, Descriptor>,
    wanted: Option<&str>,
) -> Result<&'a Descriptor, FetchError> {
    let names = || components.keys().cloned().collect();
    match wanted {
        Some(name) => components.get(name).ok_or_else(|| FetchError::NoSuchComponent {
            reference: reference.clone(),
            component: name.into(),
            components: names(),
        }),
        None => match components.iter().next() {
            Some((_, only)) if components.len() == 1 => Ok(only),
            _ => Err(FetchError::Several { reference: reference.clone(), components: names() }),
        },
    }
}
