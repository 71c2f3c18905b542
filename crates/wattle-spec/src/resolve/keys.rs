//! Links that link nothing: keys that speak of no import are slips, not reserves.

use std::collections::BTreeSet;

use super::{FoundComponents, message};
use crate::document::Written;
use crate::fault::{Fault, listed, nearest};
use crate::interface::Interface;
use crate::manifest::Manifest;
use crate::name::ComponentName;
use crate::shape::Shape;

/// Keys of a component that match none of its imports, and keys of the app that match no import of any component.
pub(super) fn idle(manifest: &Manifest, found: &FoundComponents) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, entry) in manifest.entries() {
        let Some(found) = found.get(&name.value) else { continue };
        let idle = entry.links.keys().filter(|key| !is_used(key, manifest, &name.value, &found.shape));
        faults.extend(idle.map(|key| on_component(name, key, &found.shape)));
    }
    // A component that was not found could be the one that uses the key.
    if manifest.cut.components.is_empty() && manifest.entries().all(|(name, _)| found.contains_key(&name.value)) {
        let is_idle =
            |key: &&Written<Interface>| !found.iter().any(|(name, found)| is_used(key, manifest, name, &found.shape));
        faults.extend(manifest.links.keys().filter(is_idle).map(|key| on_app(key, found)));
    }
    faults
}

fn is_used(key: &Written<Interface>, manifest: &Manifest, name: &ComponentName, shape: &Shape) -> bool {
    let handler = message::handler(manifest, name, shape);
    shape.imported_interfaces().chain(&handler).any(|import| key.value.covers(import))
}

fn on_component(name: &Written<ComponentName>, key: &Written<Interface>, shape: &Shape) -> Fault {
    Fault::new(format!("component `{name}` imports nothing of `{key}`"))
        .at(key.span.clone())
        .hint(instead(key, shape.imported_interfaces()))
}

fn on_app(key: &Written<Interface>, found: &FoundComponents) -> Fault {
    Fault::new(format!("no component imports anything of `{key}`"))
        .at(key.span.clone())
        .hint(instead(key, found.values().flat_map(|found| found.shape.imported_interfaces())))
}

/// What the key could have been, or what there is to link.
fn instead<'a>(key: &Written<Interface>, imports: impl Iterator<Item = &'a Interface>) -> String {
    let imports: BTreeSet<&Interface> = imports.collect();
    let packages: BTreeSet<String> = imports.iter().map(|import| import.package_key().to_string()).collect();
    let own: Vec<_> = imports.iter().filter(|import| import.package_key() == key.value.package_key()).collect();
    match nearest(&key.to_string(), packages.iter().map(String::as_str)) {
        _ if packages.is_empty() => "it imports no interfaces at all; remove the link".into(),
        _ if !own.is_empty() => format!("of that package it imports {}", listed(own)),
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the imports are of {}", listed(packages)),
    }
}
