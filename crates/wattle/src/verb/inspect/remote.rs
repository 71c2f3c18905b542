//! What a registry tells of an artifact, without its layers.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use wattle_artifact::format::annotation::TITLE;
use wattle_artifact::format::app::{COMPONENT, FOLDER};
use wattle_artifact::format::manifest::{Descriptor, Document};
use wattle_artifact::format::media_type;
use wattle_artifact::format::wasm_config::WasmConfig;
use wattle_artifact::look::{Looked, look};
use wattle_spec::reference::Reference;
use wattle_spec::shape::{ImportName, reach};

use super::{readable, section};
use crate::artifacts::registries;
use crate::cli::Inspect;
use crate::problem::Problem;
use crate::verb::{harmless, print, print_json, runtime};

/// What `--json` prints.
#[derive(Serialize)]
struct Inspected {
    reference: String,
    digest: String,
    media_type: &'static str,
    size_bytes: u64,
    artifact_type: Option<String>,
    annotations: BTreeMap<String, String>,
    /// Of an artifact.
    config: Option<Blob>,
    layers: Vec<Blob>,
    subject: Option<String>,
    /// Of an index.
    manifests: Vec<Blob>,
    /// Of a Wasm artifact.
    wasm: Option<Wasm>,
    /// Of an app, by their names.
    components: BTreeMap<String, Wasm>,
    referrers: Vec<Blob>,
    /// Which keys signatures say that they are of, by the digests of these. Nobody has checked it.
    keys: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Wasm {
    os: String,
    created: Option<String>,
    target: Option<String>,
    imports: Vec<String>,
    exports: Vec<String>,
    touches: Vec<String>,
}

#[derive(Serialize)]
struct Blob {
    media_type: String,
    digest: String,
    size_bytes: u64,
    artifact_type: Option<String>,
    title: Option<String>,
}

pub(super) fn run(arguments: &Inspect, reference: &Reference) -> Result<(), Problem> {
    let registries = registries(&arguments.reaching, reference)?;
    let inspected = inspected(runtime()?.block_on(look(&registries, reference))?);
    match arguments.json {
        true => print_json(&inspected),
        // It is made up by whoever pushed it.
        false => print(&page(&inspected).lines().map(|line| harmless(line) + "\n").collect::<String>()),
    }
}

fn inspected(looked: Looked) -> Inspected {
    let Looked { reference, size, document, config, components, referrers, keys } = looked;
    let mut inspected = Inspected {
        digest: reference.digest().map(|digest| digest.to_string()).unwrap_or_default(),
        reference: reference.to_string(),
        media_type: media_type::MANIFEST,
        size_bytes: size,
        artifact_type: None,
        annotations: BTreeMap::new(),
        config: None,
        layers: Vec::new(),
        subject: None,
        manifests: Vec::new(),
        wasm: config.map(wasm),
        components: components.into_iter().map(|(name, config)| (name, wasm(config))).collect(),
        referrers: referrers.into_iter().map(blob).collect(),
        keys: keys.into_iter().map(|(digest, key)| (digest.to_string(), key)).collect(),
    };
    match document {
        Document::Manifest(manifest) => {
            inspected.artifact_type = manifest.artifact_type;
            inspected.annotations = manifest.annotations;
            inspected.config = Some(blob(manifest.config));
            inspected.layers = manifest.layers.into_iter().map(blob).collect();
            inspected.subject = manifest.subject.map(|subject| subject.digest.to_string());
        }
        Document::Index(index) => {
            inspected.media_type = media_type::INDEX;
            inspected.artifact_type = index.artifact_type;
            inspected.annotations = index.annotations;
            inspected.manifests = index.manifests.into_iter().map(blob).collect();
        }
    }
    inspected
}

fn wasm(config: WasmConfig) -> Wasm {
    let world = config.component.unwrap_or_default();
    let name = |name: &String| name.parse().map_or_else(|_| ImportName::Plain(name.clone()), ImportName::Interface);
    let imports: Vec<_> = world.imports.iter().map(name).collect();
    Wasm {
        os: config.os,
        created: config.created,
        target: world.target,
        touches: reach(&imports),
        imports: world.imports,
        exports: world.exports,
    }
}

fn blob(descriptor: Descriptor) -> Blob {
    Blob {
        title: [TITLE, COMPONENT, FOLDER].iter().find_map(|name| descriptor.annotations.get(*name)).cloned(),
        media_type: descriptor.media_type,
        digest: descriptor.digest.to_string(),
        size_bytes: descriptor.size,
        artifact_type: descriptor.artifact_type,
    }
}

fn page(inspected: &Inspected) -> String {
    let Inspected {
        reference,
        size_bytes,
        artifact_type,
        annotations,
        layers,
        manifests,
        wasm,
        components,
        referrers,
        ..
    } = inspected;
    let mut page = String::new();
    let _ = writeln!(page, "artifact {reference}");
    let _ = writeln!(page, "manifest {size_bytes} bytes, {}", inspected.media_type);
    if let Some(kind) = artifact_type {
        let _ = writeln!(page, "type     {kind}");
    }
    if let Some(config) = &inspected.config {
        let _ = writeln!(page, "config   {}", config.media_type);
    }
    if let Some(subject) = &inspected.subject {
        let _ = writeln!(page, "about    {subject}");
    }
    if !manifests.is_empty() {
        section(&mut page, "lists", manifests.iter().map(line));
    }
    if !layers.is_empty() {
        section(&mut page, "layers", layers.iter().map(line));
    }
    if let Some(wasm) = wasm {
        add_wasm(&mut page, wasm);
    }
    for (name, wasm) in components {
        let _ = writeln!(page, "has      {name}");
        add_wasm(&mut page, wasm);
    }
    section(&mut page, "says", annotations.iter().map(|(name, value)| format!("{name} = {value}")));
    let referrer = |blob: &Blob| {
        let kind = blob.artifact_type.as_ref().unwrap_or(&blob.media_type);
        let key = inspected.keys.get(&blob.digest).map(|key| format!(", which says that it is of the key {key}"));
        format!("{kind} {}{}", blob.digest, key.unwrap_or_default())
    };
    section(&mut page, "with it", referrers.iter().map(referrer));
    page
}

fn add_wasm(page: &mut String, wasm: &Wasm) {
    let Wasm { os, target, imports, exports, touches, .. } = wasm;
    let target = target.as_ref().map(|target| format!(", made for {target}"));
    let _ = writeln!(page, "wasm     {os}{}", target.unwrap_or_default());
    for (title, items) in [("imports", imports), ("exports", exports), ("touches", touches)] {
        section(page, title, items.iter().cloned());
    }
}

fn line(blob: &Blob) -> String {
    let Blob { media_type, digest, size_bytes, title, .. } = blob;
    let title = title.as_ref().map(|title| format!(" {title}")).unwrap_or_default();
    format!("{media_type} {digest} {size_bytes} bytes{}{title}", readable(*size_bytes))
}
