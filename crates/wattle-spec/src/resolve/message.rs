//! Message triggers: the component must take messages, and its handler is linked like an import.

use std::collections::BTreeSet;

use super::FoundComponents;
use crate::document::Written;
use crate::fault::{Fault, listed};
use crate::interface::Interface;
use crate::manifest::Manifest;
use crate::name::ComponentName;
use crate::shape::Shape;

/// Components of triggers that take no messages.
pub(super) fn faults(manifest: &Manifest, found: &FoundComponents) -> Vec<Fault> {
    let mut seen = BTreeSet::new();
    let called = manifest.triggers.message.iter().map(|entry| &entry.component);
    let deaf = |name: &Written<ComponentName>| {
        let shape = &found.get(&name.value).filter(|_| !manifest.services.contains_key(&name.value))?.shape;
        shape.message_handler().is_none().then(|| no_handler(name, shape))
    };
    called.filter(|name| seen.insert(&name.value)).filter_map(deaf).collect()
}

/// The interface through which a component takes messages, if a trigger calls it.
pub(super) fn handler(manifest: &Manifest, name: &ComponentName, shape: &Shape) -> Option<Interface> {
    let is_called = manifest.triggers.message.iter().any(|entry| entry.component.value == *name);
    shape.message_handler().filter(|_| is_called).map(|handler| handler.interface())
}

fn no_handler(name: &Written<ComponentName>, shape: &Shape) -> Fault {
    let exports = if shape.exports.is_empty() { "nothing".into() } else { listed(&shape.exports) };
    Fault::new(format!("component `{name}` does not take messages")).at(name.span.clone()).hint(format!(
        "it must export wasi:messaging/incoming-handler@0.2.0-draft or wasmcloud:messaging/handler@0.2; it exports {exports}"
    ))
}
