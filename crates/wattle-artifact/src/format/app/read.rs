//! Reading the index of an app and its own manifest: what is where, and nothing that is not known.

use std::collections::BTreeMap;

use wattle_spec::digest::Digest;
use wattle_spec::name::ComponentName;

use super::pack::{few, fits};
use super::{APP, APP_FAMILY, AppFormError, COMPONENT, COMPONENTS_MAX, FOLDER, FOLDERS_MAX};
use super::{LOCK_TEXT, MANIFEST_TEXT, TEXT_MAX_LEN};
use crate::format::folder_path::FolderPath;
use crate::format::form::{Form, FormError};
use crate::format::manifest::{Descriptor, Index, Manifest};
use crate::format::media_type;

/// Where the parts of an app are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppForm {
    /// The text of its manifest.
    pub manifest: Descriptor,
    /// The text of its lock.
    pub lock: Option<Descriptor>,
    /// The archives of its folders.
    pub folders: BTreeMap<FolderPath, Descriptor>,
    /// The manifests of its components.
    pub components: BTreeMap<ComponentName, Descriptor>,
}

/// Whether an index is that of an app, of this format or a later one.
pub fn is_app(index: &Index) -> bool {
    index.artifact_type.as_deref().is_some_and(|kind| kind.starts_with(APP_FAMILY))
}

/// What would be the own manifest of an app if `index` were one whose types somebody left out, as tools do that know of
/// none in an index when they copy it: the first of its list, with components behind it and for no platform.
pub fn untyped(index: &Index) -> Option<&Descriptor> {
    let is_component = |listed: &Descriptor| listed.annotations.contains_key(COMPONENT);
    let (first, others) = index.manifests.split_first()?;
    let may_be_own = first.media_type == media_type::MANIFEST && first.platform.is_none() && !is_component(first);
    let is_untyped = index.artifact_type.is_none() && first.artifact_type.is_none();
    (is_untyped && may_be_own && others.iter().all(is_component)).then_some(first)
}

/// `index` with the types that its own `manifest` says, if that is one of an app.
pub fn typed(index: &Index, manifest: &Manifest) -> Option<Index> {
    let kind = manifest.artifact_type.as_ref().filter(|kind| kind.starts_with(APP_FAMILY))?;
    let mut typed = Index { artifact_type: Some(kind.clone()), ..index.clone() };
    typed.manifests.first_mut()?.artifact_type = Some(kind.clone());
    Some(typed)
}

/// The manifests of the components that the `index` of an app lists.
///
/// # Errors
///
/// If it is no app, or holds something that is not known.
pub fn components(index: &Index) -> Result<BTreeMap<ComponentName, Descriptor>, AppFormError> {
    AppForm::own(index)?;
    few("components", index.manifests.len() - 1, COMPONENTS_MAX)?;
    let mut components = BTreeMap::new();
    for descriptor in &index.manifests[1..] {
        let name = descriptor.annotations.get(COMPONENT).ok_or(AppFormError::Unnamed(descriptor.digest))?;
        let parsed: ComponentName = name.parse().map_err(|source| AppFormError::Name { name: name.clone(), source })?;
        if descriptor.media_type != media_type::MANIFEST {
            return Err(AppFormError::Member { name: name.clone(), media_type: descriptor.media_type.clone() });
        }
        if components.insert(parsed, descriptor.clone()).is_some() {
            return Err(AppFormError::Twice(format!("the component `{name}`")));
        }
    }
    Ok(components)
}

/// How many bytes these have together, each counted once.
///
/// # Errors
///
/// If one of them is said to have two sizes.
pub(crate) fn total<'a>(parts: impl IntoIterator<Item = &'a Descriptor>) -> Result<u64, AppFormError> {
    let mut sizes: BTreeMap<Digest, u64> = BTreeMap::new();
    for Descriptor { digest, size, .. } in parts {
        match sizes.insert(*digest, *size) {
            Some(other) if other != *size => {
                return Err(AppFormError::TwoSizes { digest: *digest, size: other, other: *size });
            }
            _ => {}
        }
    }
    Ok(sizes.values().fold(0, |sum, size| sum.saturating_add(*size)))
}

/// The Wasm of a component of an app, which has this `manifest`. Other forms are not looked for: nobody writes them
/// there.
///
/// # Errors
///
/// If it is no component as apps have them.
pub fn component_layer(manifest: &Manifest) -> Result<Descriptor, FormError> {
    match Form::of(manifest, b"") {
        Ok(Form::Layer(layer)) if manifest.config.media_type == media_type::WASM_CONFIG => Ok(layer),
        Err(error) if manifest.config.media_type == media_type::WASM_CONFIG => Err(error),
        _ => Err(FormError::NoComponent(manifest.config.media_type.clone())),
    }
}

impl AppForm {
    /// What the `index` of an app calls its own manifest.
    ///
    /// # Errors
    ///
    /// If it is no app that can be read.
    pub fn own(index: &Index) -> Result<&Descriptor, AppFormError> {
        is_known(index.artifact_type.as_deref())?;
        let first = index.manifests.first().ok_or(AppFormError::Empty)?;
        let is_own = first.media_type == media_type::MANIFEST && !first.annotations.contains_key(COMPONENT);
        match is_own && first.artifact_type.as_deref() == Some(APP) {
            true => Ok(first),
            false => Err(AppFormError::NotOwn(first.digest)),
        }
    }

    /// What is where in the app with this `index` and this `manifest` of its own.
    ///
    /// # Errors
    ///
    /// If it is no app, or holds something that is not known, twice, too much or by a name that cannot be.
    pub fn of(index: &Index, manifest: &Manifest) -> Result<Self, AppFormError> {
        let components = components(index)?;
        is_known(manifest.artifact_type.as_deref())?;
        // Before anything is looked for among them.
        few("folders", manifest.layers.len().saturating_sub(2), FOLDERS_MAX)?;
        let (mut text, mut lock, mut folders) = (None, None, BTreeMap::new());
        for layer in &manifest.layers {
            match layer.media_type.as_str() {
                MANIFEST_TEXT => once(&mut text, "wattle.toml", layer)?,
                LOCK_TEXT => once(&mut lock, "wattle.lock", layer)?,
                media_type::TAR => {
                    let path = folder_of(layer)?;
                    if folders.insert(path.clone(), layer.clone()).is_some() {
                        return Err(AppFormError::Twice(format!("the folder `{path}`")));
                    }
                }
                other => return Err(AppFormError::Layer(other.into())),
            }
        }
        Ok(Self { manifest: text.ok_or(AppFormError::NoText)?, lock, folders, components })
    }
}

fn is_known(kind: Option<&str>) -> Result<(), AppFormError> {
    match kind.unwrap_or_default() {
        APP => Ok(()),
        later if later.starts_with(APP_FAMILY) => Err(AppFormError::Later(later.into())),
        other => Err(AppFormError::Type(other.into())),
    }
}

fn once(place: &mut Option<Descriptor>, what: &'static str, layer: &Descriptor) -> Result<(), AppFormError> {
    fits(what, layer.size, TEXT_MAX_LEN)?;
    match place.replace(layer.clone()) {
        None => Ok(()),
        Some(_) => Err(AppFormError::Twice(what.into())),
    }
}

fn folder_of(layer: &Descriptor) -> Result<FolderPath, AppFormError> {
    let path = layer.annotations.get(FOLDER).ok_or(AppFormError::NoFolder(layer.digest))?;
    path.parse().map_err(|source| AppFormError::Folder { path: path.clone(), source })
}
