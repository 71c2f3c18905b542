//! Making the artifact of an app: bounded as reading it is, so that nothing is published that nobody can read. Only how
//! large one component may be is for each host to say.

use std::collections::BTreeMap;

use bytes::Bytes;
use wattle_spec::name::{AppName, ComponentName};

use super::read::total;
use super::{APP, APP_MAX_LEN, AppFormError, COMPONENT, COMPONENTS_MAX, FOLDER, FOLDERS_MAX, LOCK_TEXT, MANIFEST_TEXT};
use super::{MEMBERS_MAX_LEN, TEXT_MAX_LEN};
use crate::folder::ARCHIVE_MAX_LEN;
use crate::format::annotation::{CREATED, TITLE, VERSION};
use crate::format::component::Packed;
use crate::format::folder_path::FolderPath;
use crate::format::manifest::{Annotations, Descriptor, Index, MANIFEST_MAX_LEN, Manifest};
use crate::format::media_type;

/// What is told of an app beside what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppAbout {
    /// What it is called.
    pub name: AppName,
    /// Its version, if its manifest has one.
    pub version: Option<String>,
    /// When it was made (RFC 3339).
    pub created: String,
    /// More annotations; they go before the others.
    pub annotations: Annotations,
}

/// What an app is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppParts {
    /// The bytes of its `wattle.toml`, which is UTF-8.
    pub manifest: Bytes,
    /// The bytes of its `wattle.lock`, if it has one.
    pub lock: Option<Bytes>,
    /// The archives of its static folders, as [`folder::pack`](crate::folder::pack) makes them.
    pub folders: BTreeMap<FolderPath, Bytes>,
    /// Its components from files, each as [`component::pack`](crate::format::component::pack) makes it.
    pub components: BTreeMap<ComponentName, Packed>,
}

/// An app in full: what is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedApp {
    /// The bytes of its index.
    pub index: Bytes,
    /// What the index is called by.
    pub descriptor: Descriptor,
    /// What the index lists: its own manifest, then its components.
    pub members: Vec<Packed>,
}

impl PackedApp {
    /// The index alone, as what is tagged once all else is there.
    pub fn top(&self) -> Packed {
        Packed { manifest: self.index.clone(), descriptor: self.descriptor.clone(), blobs: Vec::new() }
    }
}

/// Makes the artifact of an app.
///
/// # Errors
///
/// If there is more of something than anybody reads.
pub fn pack(parts: AppParts, about: &AppAbout) -> Result<PackedApp, AppFormError> {
    check(&parts)?;
    let mut members = vec![own(&parts)];
    let mut listed = vec![members[0].descriptor.clone()];
    for (name, packed) in parts.components {
        let mut descriptor = packed.descriptor.clone();
        descriptor.annotations.insert(COMPONENT.into(), name.to_string());
        listed.push(descriptor);
        members.push(packed);
    }
    let size = total(listed.iter())?;
    few_bytes("manifests", size, MEMBERS_MAX_LEN)?;
    // With the configurations, which nobody who fetches an app asks for: they are small.
    let size = total(members.iter().flat_map(|member| &member.blobs).map(|(blob, _)| blob))?;
    few_bytes("parts", size, APP_MAX_LEN)?;
    let mut annotations = Annotations::from([(TITLE.into(), about.name.to_string())]);
    annotations.insert(CREATED.into(), about.created.clone());
    annotations.extend(about.version.clone().map(|version| (VERSION.into(), version)));
    annotations.extend(about.annotations.clone());
    let index = Bytes::from(Index { artifact_type: Some(APP.into()), manifests: listed, annotations }.to_bytes());
    fits("index", index.len() as u64, MANIFEST_MAX_LEN as u64)?;
    fits("own manifest", members[0].manifest.len() as u64, MANIFEST_MAX_LEN as u64)?;
    let mut descriptor = Descriptor::of(media_type::INDEX, &index);
    descriptor.artifact_type = Some(APP.into());
    Ok(PackedApp { index, descriptor, members })
}

fn check(parts: &AppParts) -> Result<(), AppFormError> {
    few("components", parts.components.len(), COMPONENTS_MAX)?;
    few("folders", parts.folders.len(), FOLDERS_MAX)?;
    for archive in parts.folders.values() {
        fits("folder", archive.len() as u64, ARCHIVE_MAX_LEN)?;
    }
    fits("wattle.toml", parts.manifest.len() as u64, TEXT_MAX_LEN)?;
    fits("wattle.lock", parts.lock.as_ref().map_or(0, Bytes::len) as u64, TEXT_MAX_LEN)
}

/// The app's own manifest: its texts, then its folders.
fn own(parts: &AppParts) -> Packed {
    let empty = Bytes::from_static(b"{}");
    let mut blobs = vec![(Descriptor::of(media_type::EMPTY, &empty), empty)];
    let mut add = |kind: &str, annotation: &str, value: &str, bytes: &Bytes| {
        let mut layer = Descriptor::of(kind, bytes);
        layer.annotations.insert(annotation.into(), value.into());
        blobs.push((layer, bytes.clone()));
    };
    add(MANIFEST_TEXT, TITLE, "wattle.toml", &parts.manifest);
    if let Some(lock) = &parts.lock {
        add(LOCK_TEXT, TITLE, "wattle.lock", lock);
    }
    for (path, archive) in &parts.folders {
        add(media_type::TAR, FOLDER, path.as_str(), archive);
    }
    let manifest = Manifest {
        artifact_type: Some(APP.into()),
        config: blobs[0].0.clone(),
        layers: blobs[1..].iter().map(|(layer, _)| layer.clone()).collect(),
        subject: None,
        annotations: Annotations::new(),
    };
    let mut packed = Packed::new(&manifest, blobs);
    packed.descriptor.artifact_type = Some(APP.into());
    packed
}

/// Refuses more than `max` of something.
pub(super) fn few(what: &'static str, count: usize, max: usize) -> Result<(), AppFormError> {
    match count > max {
        true => Err(AppFormError::TooMany { what, count, max }),
        false => Ok(()),
    }
}

fn few_bytes(what: &'static str, size: u64, max: u64) -> Result<(), AppFormError> {
    match size > max {
        true => Err(AppFormError::Total { what, size, max }),
        false => Ok(()),
    }
}

/// Refuses more than `max` bytes of something.
pub(super) fn fits(what: &'static str, size: u64, max: u64) -> Result<(), AppFormError> {
    match size > max {
        true => Err(AppFormError::TooLong { what, size, max }),
        false => Ok(()),
    }
}
