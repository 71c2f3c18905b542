//! The words of a refused import: what is wrong, what is near, and what to write.

use std::collections::BTreeSet;

use super::links::{Ground, Importer, Wanted, WrittenLink};
use super::{Labelling, Offer, State, uncallable};
use crate::backend::{ALL_KINDS, BackendKind};
use crate::document::Written;
use crate::fault::{Fault, listed, nearest};
use crate::interface::Interface;
use crate::label::Label;
use crate::link::Rule;
use crate::name::ProviderName;
use crate::shape::Kind;

/// Nothing implements the interface.
pub(super) fn unknown(ground: &Ground<'_>, wanted: &Wanted<'_, '_>) -> Fault {
    let Wanted { importer, interface, label, .. } = wanted;
    let hint = uncallable::near(ground, wanted).unwrap_or_else(|| near(ground, wanted));
    let label = label.map_or(String::new(), |label| format!(" as `{label}`"));
    Fault::new(format!("component `{}` imports `{interface}`{label}, which nothing here provides", importer.name))
        .at(importer.entry.source.span.clone())
        .hint(hint)
}

/// What to do without an import that no component of the app has either: the component has to be built for what there is,
/// which is another version, a name that looks the same, or the rest of the package; or a component has to be added.
fn near(ground: &Ground<'_>, wanted: &Wanted<'_, '_>) -> String {
    let Wanted { interface: import, .. } = *wanted;
    let offers = ground.offers;
    let offered: BTreeSet<&Interface> = offers.iter().map(|offer| &offer.interface).collect();
    let (package, name) = (import.package_key(), import.name.as_deref().unwrap_or_default());
    let own: Vec<_> = offered.iter().filter(|other| other.package_key() == package).collect();
    let called = |name: &str| own.iter().filter(|other| other.name.as_deref() == Some(name)).collect::<Vec<_>>();
    let versions = called(name);
    if !versions.is_empty() {
        return format!("the host has {}: build the component against that version", listed(versions));
    }
    let bring = format!("compose a component that exports `{import}` into this one, as with `wac plug`");
    if let Some(near) = nearest(name, own.iter().filter_map(|other| other.name.as_deref())) {
        let meant = Interface { name: Some(near.into()), ..import.clone() };
        let near = match called(near).into_iter().find(|other| other.serves(&meant)) {
            Some(serving) => listed([serving]),
            None => listed(called(near)),
        };
        return format!("did you mean {near}? build the component against that, or {bring}");
    }
    if !own.is_empty() {
        return format!("of `{package}` the host has {}: build the component against those, or {bring}", listed(own));
    }
    let names: Vec<String> = offered.iter().map(ToString::to_string).collect();
    match nearest(&import.to_string(), names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? build the component against that, or {bring}"),
        None => {
            let version = |other: &&Interface| Interface { version: other.version.clone(), ..other.package_key() };
            let packages: BTreeSet<Interface> = offered.iter().map(version).collect();
            let add = uncallable::added(ground, wanted).unwrap_or(bring);
            format!("the host provides {}; {add}", listed(packages))
        }
    }
}

/// A link says that a backend stands behind an interface that keeps nothing.
pub(super) fn stateless(link: &WrittenLink<'_>) -> Fault {
    let place = match link.rule {
        Rule::HostDefault => "from host.toml",
        _ => "from the manifest",
    };
    Fault::new(format!("`{}` keeps no state, so it cannot be linked to backend `{}`", link.key, link.entry.to))
        .within(link.file())
        .at(link.entry.to.span.clone())
        .hint(format!("remove the link {place}: the host implements `{}` itself", link.key))
}

/// There is nothing that a label could choose.
pub(super) fn labelled(importer: &Importer<'_>, import: &Interface, label: &Label, offers: &[Offer]) -> Fault {
    let of_package = |offer: &&Offer| {
        let other = &offer.interface;
        other.package_key() == import.package_key() && other.version == import.version
    };
    let with_labels = offers.iter().filter(of_package).filter(|offer| offer.labelling != Labelling::Never);
    let with_labels: BTreeSet<_> = with_labels.map(|offer| &offer.interface).collect();
    let hint = match with_labels.is_empty() {
        true => "it keeps no state: import it without a label".to_owned(),
        false => format!("what it works on comes from {}: give the label to that", listed(with_labels)),
    };
    let message = format!("component `{}` imports `{import}` as `{label}`, and there is only one of it", importer.name);
    Fault::new(message).at(importer.entry.source.span.clone()).hint(hint)
}

/// Without a label nobody knows what is meant.
pub(super) fn unlabelled(importer: &Importer<'_>, import: &Interface) -> Fault {
    let message = format!(
        "component `{}` imports `{import}` without a label, and only a label says what it wants",
        importer.name
    );
    let hint = format!("import it under the name of what it wants, as in `import db-password: {import};`");
    Fault::new(message).at(importer.entry.source.span.clone()).hint(hint)
}

/// A secret that is imported by its name and that the component may not read.
pub(super) fn ungranted(importer: &Importer<'_>, import: &Interface, name: &Label) -> Fault {
    let granted: BTreeSet<_> = importer.entry.secrets.iter().map(|secret| secret.value.as_str()).collect();
    let message = match granted.is_empty() {
        true => format!("component `{}` imports the secret `{name}`, and may read none", importer.name),
        false => {
            let granted = listed(&granted);
            format!("component `{}` imports the secret `{name}`, and may read only {granted}", importer.name)
        }
    };
    let all: Vec<_> = granted.into_iter().chain([name.as_str()]).map(|name| format!("\"{name}\"")).collect();
    let hint = format!("it is an import of `{import}`; to let it read that, write\nsecrets = [{}]", all.join(", "));
    Fault::new(message).at(importer.entry.source.span.clone()).hint(hint)
}

/// The operator switched it off.
pub(super) fn off(importer: &Importer<'_>, import: &Interface, off: &Interface) -> Fault {
    let verb = if importer.shape.imported_interfaces().any(|other| other == import) { "imports" } else { "exports" };
    let message = format!("component `{}` {verb} `{import}`, which this host does not give to apps", importer.name);
    let hint =
        format!("the host's file switches it off with `off = [\"{off}\"]`: ask its operator, or use another host");
    Fault::new(message).at(importer.entry.source.span.clone()).hint(hint)
}

/// A link to a backend that cannot keep what the interface needs kept.
pub(super) fn wrong_kind(link: &WrittenLink<'_>, kind: BackendKind, state: State) -> Fault {
    let (to, key) = (&link.entry.to, link.key);
    let able = ALL_KINDS.into_iter().filter(|kind| kind.keeps(state));
    Fault::new(format!("backend `{to}`, which is of the type `{kind}`, cannot keep {state}"))
        .at(to.span.clone())
        .hint(format!("link `{key}` to a backend of a type that can: {}", listed(able)))
}

/// A link names a backend that is nowhere.
pub(crate) fn backend(to: &Written<ProviderName>, known: &BTreeSet<String>) -> Fault {
    let hint = match nearest(to.value.as_str(), known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            // A backend that is called like a type is most likely meant to be of it.
            let kind = ALL_KINDS.into_iter().find(|kind| kind.to_string() == to.value.as_str());
            let lines = format!("[backends.{to}]\ntype = \"{}\"", kind.unwrap_or(BackendKind::Disk));
            format!("the backends are {}; to have another, add:\n{lines}", listed(known))
        }
    };
    Fault::new(format!("there is no backend `{to}`")).at(to.span.clone()).hint(hint)
}

/// An import without an interface.
pub(super) fn plain(importer: &Importer<'_>, name: &str) -> Fault {
    let (what, hint) = match importer.shape.kind {
        Kind::Module if name.starts_with("wasi_unstable.") => {
            ("core module", "that is WASI from before preview 1: build it with a newer toolchain")
        }
        Kind::Module => ("core module", "a core module gets the functions of wasi_snapshot_preview1 and no others"),
        _ => ("component", "a host provides interfaces, such as wasi:keyvalue/store, and no names without a package"),
    };
    Fault::new(format!("{what} `{}` imports `{name}`, which nothing here provides", importer.name))
        .at(importer.entry.source.span.clone())
        .hint(hint)
}
