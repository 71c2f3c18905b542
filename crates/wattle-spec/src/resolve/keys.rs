//! Links that link nothing: keys that speak of no import are slips, not reserves.

use std::collections::BTreeSet;

use super::{FoundComponents, Offer, message};
use crate::document::Written;
use crate::fault::{Fault, listed, nearest};
use crate::interface::Interface;
use crate::label::{Label, LinkKey};
use crate::manifest::Manifest;
use crate::name::ComponentName;
use crate::shape::{ImportName, Shape};

/// Keys of a component that match none of its imports, and keys of the app that match no import of any component.
pub(super) fn idle(manifest: &Manifest, found: &FoundComponents, offers: &[Offer]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, entry) in manifest.entries() {
        let Some(found) = found.get(&name.value) else { continue };
        let idle = entry.links.keys().filter(|key| !is_used(key, &linked(manifest, &name.value, &found.shape), offers));
        faults.extend(idle.map(|key| on_component(name, key, &found.shape)));
    }
    // A component that was not found could be the one that uses the key.
    if manifest.cut.components.is_empty() && manifest.entries().all(|(name, _)| found.contains_key(&name.value)) {
        let all: Vec<_> = found.iter().flat_map(|(name, found)| linked(manifest, name, &found.shape)).collect();
        let is_idle = |key: &&Written<LinkKey>| !is_used(key, &all, offers);
        faults.extend(manifest.links.keys().filter(is_idle).map(|key| on_app(key, found)));
    }
    faults
}

/// What a component imports, and the handler of its messages.
fn linked(manifest: &Manifest, name: &ComponentName, shape: &Shape) -> Vec<ImportName> {
    let handler = message::handler(manifest, name, shape).map(ImportName::Interface);
    shape.imports.iter().cloned().chain(handler).collect()
}

fn is_used(key: &Written<LinkKey>, linked: &[ImportName], offers: &[Offer]) -> bool {
    let LinkKey { interface: key, label } = &key.value;
    let Some(label) = label else {
        return linked.iter().filter_map(ImportName::interface).any(|import| key.covers(import));
    };
    linked.iter().any(|import| match import {
        ImportName::Interface(import) => key.covers(import) && has_names(import, offers),
        ImportName::Labelled { label: own, interface } => own == label && key.covers(interface),
        ImportName::Plain(_) => false,
    })
}

/// Whether what is opened through an import has a name, which may be the label.
fn has_names(import: &Interface, offers: &[Offer]) -> bool {
    let offer = offers.iter().find(|offer| offer.interface.serves(import));
    offer.is_some_and(|offer| offer.state.is_some() && offer.has_names)
}

fn on_component(name: &Written<ComponentName>, key: &Written<LinkKey>, shape: &Shape) -> Fault {
    let message = format!("component `{name}` imports nothing of `{key}`");
    Fault::new(message).at(key.span.clone()).hint(instead(key, &shape.imports))
}

fn on_app(key: &Written<LinkKey>, found: &FoundComponents) -> Fault {
    let imports = found.values().flat_map(|found| &found.shape.imports);
    Fault::new(format!("no component imports anything of `{key}`")).at(key.span.clone()).hint(instead(key, imports))
}

/// What the key could have been, or what there is to link.
fn instead<'a>(key: &Written<LinkKey>, imports: impl IntoIterator<Item = &'a ImportName>) -> String {
    let imports: BTreeSet<&ImportName> = imports.into_iter().collect();
    let package = |import: &ImportName| import.interface().map(Interface::package_key);
    let packages: BTreeSet<String> =
        imports.iter().filter_map(|import| package(import)).map(|package| package.to_string()).collect();
    let LinkKey { interface, label } = &key.value;
    let own: Vec<_> =
        imports.iter().filter(|import| package(import).as_ref() == Some(&interface.package_key())).collect();
    let labels: BTreeSet<&str> = own.iter().filter_map(|import| import.label()).map(Label::as_str).collect();
    let has_no_names =
        labels.is_empty() && own.iter().any(|import| import.interface().is_some_and(|import| interface.covers(import)));
    match (label, nearest(&interface.to_string(), packages.iter().map(String::as_str))) {
        _ if packages.is_empty() => "it imports no interfaces at all; remove the link".into(),
        (Some(label), _) if has_no_names => {
            format!("nothing of `{interface}` has a name that could be `{label}`: write `{interface}`")
        }
        (Some(label), _) if !labels.is_empty() => match nearest(label.as_str(), labels.iter().copied()) {
            Some(near) => format!("did you mean `{interface}#{near}`?"),
            None => format!("what it imports of that package under a label is called {}", listed(labels)),
        },
        _ if !own.is_empty() => format!("of that package it imports {}", listed(own)),
        (_, Some(near)) => format!("did you mean `{near}`?"),
        (_, None) => format!("the imports are of {}", listed(packages)),
    }
}
