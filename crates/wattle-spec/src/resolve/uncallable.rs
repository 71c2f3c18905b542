//! The words for components that cannot provide an import.

use std::collections::BTreeSet;

use super::links::{Ground, Importer, Wanted, WrittenLink};
use crate::fault::{Fault, listed, nearest};
use crate::interface::Interface;
use crate::label::Label;
use crate::name::ComponentName;
use crate::shape::{Handle, Shape};

/// The fault of a link, where its provider is named.
fn at(link: &WrittenLink<'_>, message: impl Into<String>) -> Fault {
    Fault::new(message).within(link.file()).at(link.entry.to.span.clone())
}

/// A name that means two things.
pub(super) fn two_meanings(link: &WrittenLink<'_>) -> Fault {
    let to = &link.entry.to;
    at(link, format!("`{to}` is a component and a backend, and a link to it could mean either"))
        .hint("give one of the two another name")
}

/// A link from a component to itself.
pub(super) fn itself(link: &WrittenLink<'_>) -> Fault {
    at(link, format!("component `{}` cannot be linked to itself", link.entry.to))
        .hint("link to a backend, or to another component")
}

/// A link of messages that shall come in.
pub(super) fn messages(link: &WrittenLink<'_>) -> Fault {
    at(link, format!("messages of a trigger come from a backend, and `{}` is a component", link.entry.to))
        .hint(format!("link `{}` to a backend, or only the interface that the component imports", link.key))
}

/// A link for what is opened by a name.
pub(super) fn opened(link: &WrittenLink<'_>, label: &Label) -> Fault {
    at(
        link,
        format!("what is opened by the name `{label}` is kept in a backend, and `{}` is a component", link.entry.to),
    )
    .hint("link the name to a backend")
}

/// A service that would become a part of another component.
pub(super) fn composed_service(name: &ComponentName) -> Fault {
    Fault::new(format!(
        "`{name}` is a service with an instance of its own, and cannot be called together with its caller"
    ))
    .hint("write `mode = \"apart\"`, or leave it away")
}

/// A component that needs more of the engine than its caller.
pub(super) fn composed_kinds(name: &ComponentName, wanted: &Wanted<'_, '_>) -> Fault {
    let importer = wanted.importer.name;
    Fault::new(format!("`{name}` is of WASI 0.3 and `{importer}` of 0.2, and such two cannot be called together"))
        .hint("write `mode = \"apart\"`, or build both for the same version")
}

/// A mode for what is not called.
pub(super) fn mode_of_backend(link: &WrittenLink<'_>) -> Fault {
    let span = link.entry.mode.as_ref().and_then(|mode| mode.span.clone());
    Fault::new(format!("`{}` is a backend, and only components are called in a mode", link.entry.to))
        .at(span)
        .hint("remove `mode`")
}

/// A link to a component that is nowhere.
pub(super) fn nowhere<'a>(link: &WrittenLink<'_>, names: impl Iterator<Item = &'a str>) -> Fault {
    let to = &link.entry.to;
    let names: BTreeSet<&str> = names.collect();
    let hint = match nearest(to.value.as_str(), names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("to have one, add:\n[components.{to}]\nsource = \"{to}.wasm\""),
    };
    at(link, format!("there is no component `{to}`")).hint(hint)
}

/// A link to a backend of what no host implements.
pub(super) fn not_of_host(ground: &Ground<'_>, link: &WrittenLink<'_>, wanted: &Wanted<'_, '_>) -> Fault {
    let (key, to, interface) = (link.key, &link.entry.to, wanted.interface);
    let exporter = ground.siblings(wanted.importer).find(|(_, found)| found.shape.export_for(interface).is_some());
    let hint = match exporter {
        Some((name, _)) => format!("`{name}` exports it: link to that"),
        None => "link to a component that exports it".into(),
    };
    at(link, format!("`{key}` cannot be linked to backend `{to}`: the host implements nothing of it")).hint(hint)
}

/// A component that does not export what it shall provide.
pub(super) fn not_exported(
    name: &ComponentName,
    (importer, interface): (&ComponentName, &Interface),
    shape: &Shape,
) -> Fault {
    let exports: BTreeSet<&Interface> = shape.exported_interfaces().collect();
    let texts: Vec<String> = exports.iter().map(ToString::to_string).collect();
    let same = |other: &&&Interface| (&other.name, other.package_key()) == (&interface.name, interface.package_key());
    let hint = match nearest(&interface.to_string(), texts.iter().map(String::as_str)) {
        _ if exports.is_empty() => "it exports no interfaces".to_owned(),
        _ if exports.iter().any(|other| same(&other)) => {
            let versions = listed(exports.iter().filter(same));
            format!("it exports {versions}: build one of the two for the version of the other")
        }
        Some(near) => format!("did you mean `{near}`? it exports {}", listed(&exports)),
        None => format!("it exports {}", listed(&exports)),
    };
    Fault::new(format!("component `{name}` does not export `{interface}`, which `{importer}` imports")).hint(hint)
}

/// An interface that passes what cannot leave its instance.
pub(super) fn handles(name: &ComponentName, wanted: &Interface, export: &Interface, handle: Handle) -> Fault {
    let key = Interface { version: None, ..wanted.clone() };
    Fault::new(format!(
        "`{export}` of component `{name}` passes {handle}, and only plain values go from one instance to another"
    ))
    .hint(format!("let them share one, as in\nlinks = {{ \"{key}\" = {{ to = \"{name}\", mode = \"together\" }} }}"))
}

/// A service that has no time to answer.
pub(super) fn busy_service(name: &ComponentName, export: &Interface) -> Fault {
    Fault::new(format!("the service `{name}` cannot be called for `{export}`: it runs, and of WASI 0.2 an instance does one thing at a time"))
        .hint("build it for WASI 0.3, or export the interface from a component that is no service")
}

/// Several components that export the same.
pub(super) fn ambiguous(importer: &Importer<'_>, import: &Interface, names: &[&ComponentName]) -> Fault {
    let message = format!("component `{}` imports `{import}`, which {} export", importer.name, listed(names));
    let line = line(&Interface { version: None, ..import.clone() }, None, names[0]);
    Fault::new(message).at(importer.entry.source.span.clone()).hint(format!("say which is meant, as in\n{line}"))
}

/// What a component of the app has that is near to an import which nothing provides.
pub(super) fn near(ground: &Ground<'_>, wanted: &Wanted<'_, '_>) -> Option<String> {
    let Wanted { importer, interface, label, .. } = wanted;
    let key = Interface { version: None, ..(*interface).clone() };
    let exports = ground
        .siblings(importer)
        .flat_map(|(name, found)| found.shape.exported_interfaces().map(move |export| (name, export)));
    let exports: Vec<_> = exports.collect();
    if let (Some(label), Some((name, _))) = (label, exports.iter().find(|(_, export)| export.serves(interface))) {
        let line = line(&key, Some(label), name);
        return Some(format!("`{name}` exports it, and an import with a name of its own gets that by a link:\n{line}"));
    }
    if let Some((name, export)) = exports.iter().find(|(_, export)| key.covers(export) && !export.serves(interface)) {
        return Some(format!("`{name}` exports `{export}`: build one of the two for the version of the other"));
    }
    let texts: Vec<String> = exports.iter().map(|(_, export)| export.to_string()).collect();
    let near = nearest(&interface.to_string(), texts.iter().map(String::as_str))?;
    let (name, export) = exports.iter().find(|(_, export)| export.to_string() == near)?;
    Some(format!("did you mean `{export}`, which `{name}` exports? build the component against that"))
}

/// The lines that add a component which could provide an import. One that passes handles cannot be called.
pub(super) fn added(ground: &Ground<'_>, wanted: &Wanted<'_, '_>) -> Option<String> {
    let Wanted { importer, interface, .. } = wanted;
    let names = [Some(&interface.package), interface.name.as_ref()].into_iter().flatten();
    let names = names.map(|name| ComponentName::resembling(name));
    let mut free = names.filter(|name| !ground.is_component(name));
    let name = free.next().filter(|_| !importer.shape.handles.contains_key(*interface))?;
    let lines = format!("[components.{name}]\nsource = \"{name}.wasm\"");
    Some(format!("to have a component of the app provide it, add one that exports it:\n{lines}"))
}

/// The line of a manifest that links `key` to a component.
fn line(key: &Interface, label: Option<&Label>, name: &ComponentName) -> String {
    let label = label.map_or(String::new(), |label| format!("#{label}"));
    format!("links = {{ \"{key}{label}\" = \"{name}\" }}")
}
