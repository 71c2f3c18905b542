//! Whole apps, and single components out of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use wattle_spec::digest::Digest;
use wattle_spec::name::ComponentName;
use wattle_spec::reference::Reference;

use super::keeping::Keeping;
use super::{Artifacts, FetchError, Resolved, Wanted, note};
use crate::folder::ARCHIVE_MAX_LEN;
use crate::format::app::{self, APP_MAX_LEN, AppForm, AppFormError, MEMBERS_MAX_LEN, component_layer, is_app, total};
use crate::format::folder_path::FolderPath;
use crate::format::manifest::{Descriptor, Document, Index, Manifest};

/// How many manifests or blobs of an app are asked for at a time.
const AT_A_TIME: usize = 4;

/// How much an app may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppLimits {
    /// How many bytes a component may have.
    pub component: u64,
    /// How many bytes the archive of a folder may have.
    pub folder: u64,
    /// How many bytes all its parts may have together: components, texts, archives of folders.
    pub total: u64,
}

impl AppLimits {
    /// As much as anybody publishes, of components of at most `component` bytes.
    pub fn with_components_of(component: u64) -> Self {
        Self { component, folder: ARCHIVE_MAX_LEN, total: APP_MAX_LEN }
    }
}

/// An app that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedApp {
    /// What was asked for, with the digest that it led to.
    pub reference: Reference,
    /// The text of its `wattle.toml`.
    pub manifest: String,
    /// The text of its `wattle.lock`, if it has one.
    pub lock: Option<String>,
    /// The bytes of its components from files, by the names in the manifest.
    pub components: BTreeMap<ComponentName, Bytes>,
    /// The archives of its folders, by the paths in the manifest: for [`folder::unpack`](crate::folder::unpack), which
    /// finds out what they are worth.
    pub folders: BTreeMap<FolderPath, Bytes>,
}

/// The Wasm of each component, and all that there is to fetch.
struct Parts {
    form: AppForm,
    wasm: BTreeMap<ComponentName, Descriptor>,
}

impl Artifacts {
    /// Whether `reference`, which leads where `resolved` says, is a whole app. Only manifests are fetched for that.
    ///
    /// # Errors
    ///
    /// If that cannot be had, or is no artifact.
    pub async fn is_app(&self, reference: &Reference, resolved: Resolved) -> Result<bool, FetchError> {
        let keeping = Keeping::new(&self.store);
        let found = async {
            match self.document(&keeping, reference, resolved.digest).await? {
                (Document::Index(index), _) => self.as_app(&keeping, reference, &index).await.map(|app| app.is_some()),
                (Document::Manifest(_), _) => Ok(false),
            }
        };
        let found = found.await;
        keeping.finish(found).await
    }

    /// `index`, if it is that of an app. One whose types a tool has left out when it copied it has them again: its own
    /// manifest, which is brought here for that, still says what it is.
    pub(super) async fn as_app(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        index: &Index,
    ) -> Result<Option<Index>, FetchError> {
        if is_app(index) {
            return Ok(Some(index.clone()));
        }
        let Some(own) = app::untyped(index) else { return Ok(None) };
        Ok(match self.document(keeping, reference, own.digest).await? {
            (Document::Manifest(manifest), _) => app::typed(index, &manifest),
            (Document::Index(_), _) => None,
        })
    }

    /// The app at `reference`, which leads where `resolved` says, in full. That it is here is noted as
    /// [`Artifacts::component`] does it.
    ///
    /// # Errors
    ///
    /// If it cannot be had, is no app, holds something that is not known, or is more than `limits` say.
    pub async fn app(
        &self,
        reference: &Reference,
        resolved: Resolved,
        limits: AppLimits,
    ) -> Result<FetchedApp, FetchError> {
        let keeping = Keeping::new(&self.store);
        let fetched = self.fetch_app(&keeping, reference, resolved, limits).await;
        keeping.finish(fetched).await
    }

    async fn fetch_app(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        resolved: Resolved,
        limits: AppLimits,
    ) -> Result<FetchedApp, FetchError> {
        let pinned = reference.pinned(resolved.digest);
        let (top, kind) = self.document(keeping, reference, resolved.digest).await?;
        let app = match &top {
            Document::Index(index) => self.as_app(keeping, &pinned, index).await?,
            Document::Manifest(_) => None,
        };
        let Some(index) = app else { return Err(FetchError::NoApp(pinned)) };
        note(keeping, reference, resolved, kind);
        let parts = self.parts(keeping, &pinned, &index).await?;
        self.all(keeping, &pinned, parts, limits).await
    }

    /// The manifest of the component that is wanted of an app, or of its only one.
    pub(super) async fn member(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        index: &Index,
        wanted: Wanted<'_>,
    ) -> Result<(Digest, Manifest), FetchError> {
        let components = app::components(index).map_err(unusable(reference))?;
        let names = || components.keys().map(ToString::to_string).collect();
        let chosen = match wanted.component {
            None if components.len() == 1 => components.values().next(),
            Some(name) => components.iter().find(|(known, _)| known.as_str() == name).map(|(_, chosen)| chosen),
            None => None,
        };
        let Some(chosen) = chosen else {
            let reference = reference.clone();
            return Err(match wanted.component {
                None => FetchError::App { reference, components: names() },
                Some(name) => FetchError::NoSuchComponent { reference, component: name.into(), components: names() },
            });
        };
        let manifest = self.listed(keeping, reference, chosen).await?;
        layer(reference, chosen, &manifest)?;
        Ok((chosen.digest, manifest))
    }

    /// Where everything of an app is; its manifests are here then.
    async fn parts(&self, keeping: &Keeping, reference: &Reference, index: &Index) -> Result<Parts, FetchError> {
        let size = total(&index.manifests).map_err(unusable(reference))?;
        if size > MEMBERS_MAX_LEN {
            return Err(FetchError::MembersTooLarge { reference: reference.clone(), size, max: MEMBERS_MAX_LEN });
        }
        let own = AppForm::own(index).map_err(unusable(reference))?;
        let own = self.listed(keeping, reference, own).await?;
        let form = AppForm::of(index, &own).map_err(unusable(reference))?;
        let one = async |(name, descriptor): (&ComponentName, &Descriptor)| {
            let manifest = self.listed(keeping, reference, descriptor).await?;
            Ok::<_, FetchError>((name.clone(), layer(reference, descriptor, &manifest)?))
        };
        let wasm = stream::iter(&form.components).map(one).buffer_unordered(AT_A_TIME).try_collect().await?;
        Ok(Parts { wasm, form })
    }

    /// The blobs of an app, each once, however many components are the same.
    async fn all(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        parts: Parts,
        limits: AppLimits,
    ) -> Result<FetchedApp, FetchError> {
        let Parts { form, wasm } = &parts;
        if let Some(size) = wasm.values().map(|wasm| wasm.size).find(|size| *size > limits.component) {
            return Err(FetchError::TooLarge { reference: reference.clone(), size, max: limits.component });
        }
        if let Some((path, blob)) = form.folders.iter().find(|(_, blob)| blob.size > limits.folder) {
            let (reference, size, max) = (reference.clone(), blob.size, limits.folder);
            return Err(FetchError::FolderTooLarge { reference, path: path.clone(), size, max });
        }
        let others = [&form.manifest].into_iter().chain(&form.lock).chain(form.folders.values());
        let all = others.chain(wasm.values());
        let size = total(all.clone()).map_err(unusable(reference))?;
        let blobs: BTreeMap<Digest, &Descriptor> = all.map(|blob| (blob.digest, blob)).collect();
        if size > limits.total {
            return Err(FetchError::AppTooLarge { reference: reference.clone(), size, max: limits.total });
        }
        self.announce(&blobs).await?;
        let one = async |(digest, blob): (Digest, &Descriptor)| {
            Ok::<_, FetchError>((digest, self.blob(keeping, reference, blob, blob.size).await?))
        };
        let bytes: BTreeMap<Digest, Bytes> =
            stream::iter(blobs).map(one).buffer_unordered(AT_A_TIME).try_collect().await?;
        let of = |blob: &Descriptor| bytes[&blob.digest].clone();
        let text = |file, blob: &Descriptor| match std::str::from_utf8(&bytes[&blob.digest]) {
            Ok(text) => Ok(text.to_owned()),
            Err(source) => Err(FetchError::AppText { reference: reference.clone(), file, source }),
        };
        Ok(FetchedApp {
            reference: reference.clone(),
            manifest: text("wattle.toml", &form.manifest)?,
            lock: form.lock.as_ref().map(|lock| text("wattle.lock", lock)).transpose()?,
            components: wasm.iter().map(|(name, blob)| (name.clone(), of(blob))).collect(),
            folders: form.folders.iter().map(|(path, blob)| (path.clone(), of(blob))).collect(),
        })
    }

    /// Tells whoever wants to know how much there is to fetch, before the first of it comes.
    async fn announce(&self, blobs: &BTreeMap<Digest, &Descriptor>) -> Result<(), FetchError> {
        let Some(progress) = self.progress.clone() else { return Ok(()) };
        let blobs: Vec<Descriptor> = blobs.values().map(|blob| (*blob).clone()).collect();
        let announce = move |store: &crate::store::Store| {
            for blob in blobs {
                if !store.contains(&blob.digest)? {
                    progress.expect(&blob);
                }
            }
            Ok(())
        };
        Ok(self.in_store(announce).await?)
    }

    /// A manifest that an app lists. Another list in its place is never followed.
    async fn listed(
        &self,
        keeping: &Keeping,
        reference: &Reference,
        descriptor: &Descriptor,
    ) -> Result<Manifest, FetchError> {
        let Descriptor { digest, size, .. } = *descriptor;
        let bytes = self.document_bytes(keeping, &reference.repository, digest).await?;
        // What it said was added up before it came.
        if bytes.len() as u64 != size {
            return Err(unusable(reference)(AppFormError::Size { digest, size, found: bytes.len() as u64 }));
        }
        let unread = |source| FetchError::Manifest { reference: reference.clone(), digest, source };
        match Document::read(&bytes, None).map_err(unread)? {
            Document::Manifest(manifest) => Ok(manifest),
            Document::Index(_) => Err(unusable(reference)(AppFormError::List(digest))),
        }
    }
}

fn layer(reference: &Reference, descriptor: &Descriptor, manifest: &Manifest) -> Result<Descriptor, FetchError> {
    let member = || reference.repository.at(descriptor.digest);
    component_layer(manifest).map_err(|source| FetchError::Form { reference: member(), source })
}

fn unusable(reference: &Reference) -> impl FnOnce(AppFormError) -> FetchError {
    let reference = reference.clone();
    move |source| FetchError::AppForm { reference, source }
}
