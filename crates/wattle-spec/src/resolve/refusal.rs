//! The words of a refused import: what is wrong, what is near, and what to write.

use std::collections::BTreeSet;

use super::Offer;
use super::links::{Importer, Refusal, WrittenLink};
use crate::fault::{listed, nearest};
use crate::interface::Interface;
use crate::link::Rule;
use crate::shape::Kind;

/// Nothing implements the interface.
pub(super) fn unknown(importer: &Importer<'_>, import: &Interface, offers: &[Offer]) -> Refusal {
    Refusal {
        message: format!("component `{}` imports `{import}`, which nothing here provides", importer.name),
        hint: Some(near(import, offers)),
        span: importer.entry.source.span.clone(),
    }
}

/// What there is in place of `import`: another version, the rest of the package, a name that looks the same.
fn near(import: &Interface, offers: &[Offer]) -> String {
    let offered = || offers.iter().map(|offer| &offer.interface);
    let same = |other: &&Interface| import.package_key() == other.package_key();
    let versions: Vec<_> = offered().filter(same).filter(|other| other.name == import.name).collect();
    if !versions.is_empty() {
        return format!("the host has {}: build against that version", listed(versions));
    }
    let package: Vec<_> = offered().filter(same).collect();
    if !package.is_empty() {
        return format!("of `{}` the host has {}", import.package_key(), listed(package));
    }
    let names: Vec<String> = offered().map(ToString::to_string).collect();
    match nearest(&import.to_string(), names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let packages: BTreeSet<_> = offered().map(Interface::package_key).collect();
            format!("the host provides {}", listed(packages))
        }
    }
}

/// A link says that a backend stands behind an interface that keeps nothing.
pub(super) fn stateless(link: &WrittenLink<'_>) -> Refusal {
    let place = match link.rule {
        Rule::HostDefault => "from host.toml",
        _ => "from the manifest",
    };
    Refusal {
        message: format!("`{}` keeps no state, so it cannot be linked to backend `{}`", link.key, link.to),
        hint: Some(format!("remove the link {place}: the host implements `{}` itself", link.key)),
        span: link.span.clone(),
    }
}

/// A link names a component.
pub(super) fn component(link: &WrittenLink<'_>) -> Refusal {
    Refusal {
        message: format!("`{}` is a component, and links between components are not supported yet", link.to),
        hint: Some("link to a backend".into()),
        span: link.span.clone(),
    }
}

/// A link names a backend that is nowhere.
pub(super) fn backend(link: &WrittenLink<'_>, known: &[&str]) -> Refusal {
    let known: BTreeSet<&str> = known.iter().copied().collect();
    let hint = match nearest(link.to.as_str(), known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let lines = format!("[backends.{}]\ntype = \"disk\"", link.to);
            format!("the backends are {}; to have another, add:\n{lines}", listed(known))
        }
    };
    Refusal { message: format!("there is no backend `{}`", link.to), hint: Some(hint), span: link.span.clone() }
}

/// An import without an interface.
pub(super) fn plain(importer: &Importer<'_>, name: &str) -> Refusal {
    let (what, hint) = match importer.shape.kind {
        Kind::Module if name.starts_with("wasi_unstable.") => {
            ("core module", "that is WASI from before preview 1: build it with a newer toolchain")
        }
        Kind::Module => ("core module", "a core module gets the functions of wasi_snapshot_preview1 and no others"),
        _ => ("component", "a host provides interfaces, such as wasi:keyvalue/store, and no names without a package"),
    };
    Refusal {
        message: format!("{what} `{}` imports `{name}`, which nothing here provides", importer.name),
        hint: Some(hint.into()),
        span: importer.entry.source.span.clone(),
    }
}
