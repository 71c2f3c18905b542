//! What runs by itself, at the times of a schedule or for as long as its app does, must be a command; a service that others
//! call need not run anything else.

use std::collections::BTreeSet;

use super::FoundComponents;
use crate::document::Written;
use crate::fault::{Fault, listed};
use crate::manifest::Manifest;
use crate::name::ComponentName;
use crate::shape::Shape;

/// Components of schedules that cannot be run, and services that cannot and are not `called` by others.
pub(super) fn faults(manifest: &Manifest, found: &FoundComponents, called: &BTreeSet<&ComponentName>) -> Vec<Fault> {
    let lacks_entry = |name: &Written<ComponentName>| {
        let shape = &found.get(&name.value)?.shape;
        (!shape.is_command()).then(|| no_command(name, shape))
    };
    let mut seen = BTreeSet::new();
    let scheduled = manifest.triggers.cron.iter().map(|entry| &entry.component);
    let scheduled = scheduled.filter(|name| seen.insert(&name.value)).filter_map(lacks_entry);
    let services = manifest.services.keys().filter(|name| !called.contains(&name.value));
    scheduled.chain(services.filter_map(lacks_entry)).collect()
}

fn no_command(name: &Written<ComponentName>, shape: &Shape) -> Fault {
    let exports = if shape.exports.is_empty() { "nothing".into() } else { listed(&shape.exports) };
    Fault::new(format!("`{name}` is no command, and only a command can run by itself"))
        .at(name.span.clone())
        .hint(format!("it must export wasi:cli/run, or as a core module `_start`; it exports {exports}"))
}
