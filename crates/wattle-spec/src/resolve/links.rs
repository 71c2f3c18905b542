//! What could provide an import, in the order of the hierarchy: the first of it does.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use semver::Version;

use super::{FoundComponents, Labelling, Offer, State, refusal, uncallable};
use crate::backend::BackendKind;
use crate::document::Written;
use crate::fault::{Fault, FaultyFile};
use crate::host_file::{Defaults, HostSpec, implicit_backends};
use crate::interface::Interface;
use crate::label::{Label, LinkKey};
use crate::link::{Provider, Rule};
use crate::manifest::{ComponentEntry, LinkEntry, Links, Manifest};
use crate::name::{BackendName, ComponentName};
use crate::shape::{ImportName, Kind, Shape};

/// What can provide something, and who said so.
pub(super) struct Ground<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) found: &'a FoundComponents,
    pub(super) offers: &'a [Offer],
    pub(super) host: &'a HostSpec,
}

/// Who imports something.
pub(super) struct Importer<'a> {
    pub(super) name: &'a Written<ComponentName>,
    pub(super) entry: &'a ComponentEntry,
    pub(super) shape: &'a Shape,
    /// What it exports and is linked all the same, because messages come through it.
    pub(super) handler: Option<ImportName>,
}

/// An import that is an interface, and what the host has for it.
pub(super) struct Wanted<'w, 'a> {
    pub(super) importer: &'w Importer<'a>,
    pub(super) interface: &'w Interface,
    pub(super) label: Option<&'w Label>,
    pub(super) offer: Option<&'a Offer>,
}

/// A link that somebody wrote.
#[derive(Clone, Copy)]
pub(super) struct WrittenLink<'a> {
    pub(super) rule: Rule,
    pub(super) key: &'a LinkKey,
    pub(super) entry: &'a LinkEntry,
}

/// How narrow the key of a link is: whether it has an interface, and its version.
type Specificity<'a> = (bool, Option<&'a Version>);

/// What one rule gives an import.
pub(super) struct Choice<'a> {
    pub(super) rule: Rule,
    /// The provider, or why it cannot be the one that the rule means.
    pub(super) provider: Result<Provider, Fault>,
    /// Why the rule applies.
    pub(super) reason: String,
    /// The link that says so, if one does.
    pub(super) link: Option<WrittenLink<'a>>,
    /// Whether it is for the label of the import: then it is before all others.
    pub(super) has_label: bool,
}

impl<'a> Ground<'a> {
    /// What the host implements for an import.
    pub(super) fn offer(&self, import: &Interface) -> Option<&'a Offer> {
        self.offers.iter().find(|offer| offer.interface.serves(import))
    }

    /// The same for this component. What it handles messages with stands for what it would publish them with.
    pub(super) fn offer_for(&self, importer: &Importer<'_>, import: &Interface) -> Option<&'a Offer> {
        let is_bus =
            |offer: &&Offer| offer.state == Some(State::Bus) && offer.interface.package_key() == import.package_key();
        self.offer(import).or_else(|| self.offers.iter().filter(|_| importer.handles(import)).find(is_bus))
    }

    /// What every rule that applies to an import gives it, the one that wins first.
    ///
    /// # Errors
    ///
    /// If no rule applies, or whatever they say cannot be had.
    pub(super) fn choices(&self, importer: &Importer<'a>, import: &ImportName) -> Result<Vec<Choice<'a>>, Fault> {
        let interface = match import {
            ImportName::Interface(interface) | ImportName::Labelled { interface, .. } => interface,
            ImportName::Plain(name) => return plain(importer, name).map(|choice| vec![choice]),
        };
        let offer = self.offer_for(importer, interface);
        let wanted = Wanted { importer, interface, label: import.label(), offer };
        if offer.is_none() && importer.shape.types_only.contains(interface) {
            return Ok(vec![Choice::built_in("it has types alone, so there is nothing to provide")]);
        }
        if let Some(off) = self.host.off.iter().find(|off| offer.is_some() && off.covers(interface)) {
            return Err(refusal::off(importer, interface, off));
        }
        let mut choices: Vec<_> = self.written(&wanted).map(|link| self.linked(link, &wanted)).collect();
        choices.extend(self.sibling(&wanted));
        choices.extend(self.default_for(&wanted));
        choices.sort_by(|one, other| one.rank().cmp(&other.rank()));
        self.add_recorded(&wanted, &mut choices);
        match choices.is_empty() {
            true => Err(refusal::unknown(self, &wanted)),
            false => Ok(choices),
        }
    }

    /// What the host gives if nothing else is said.
    fn default_for(&self, wanted: &Wanted<'_, '_>) -> Option<Choice<'a>> {
        let offer = wanted.offer?;
        let set = self.host.defaults;
        let default = match offer.state.map(|state| (state, set.backend(state))) {
            None => Choice::built_in("the host implements it and it keeps no state"),
            Some((_, None)) => Choice::built_in("the host implements it without a backend"),
            Some((state, Some(backend))) => Choice {
                reason: format!("`defaults = \"{set}\"` of the host keeps {state} in `{backend}`"),
                rule: match set {
                    Defaults::Dev => Rule::BuiltIn,
                    Defaults::Nats => Rule::HostDefault,
                },
                provider: Ok(Provider::Backend(backend)),
                link: None,
                has_label: false,
            },
        };
        Some(Choice { provider: self.host_can(offer, wanted).and(default.provider), ..default })
    }

    /// Whether the host can provide the import in the way that the component wants it.
    fn host_can(&self, offer: &Offer, wanted: &Wanted<'_, '_>) -> Result<(), Fault> {
        let Wanted { importer, interface, label, .. } = wanted;
        let is_granted =
            |label: &Label| importer.entry.secrets.iter().any(|name| name.value.as_str() == label.as_str());
        match (offer.labelling, label) {
            (Labelling::Never, Some(label)) => Err(refusal::labelled(importer, interface, label, self.offers)),
            (Labelling::Required, None) => Err(refusal::unlabelled(importer, interface)),
            (Labelling::Required, Some(label)) if offer.state == Some(State::Secrets) && !is_granted(label) => {
                Err(refusal::ungranted(importer, interface, label))
            }
            _ => Ok(()),
        }
    }

    /// The links that speak of an import: of its label, or of everything without one.
    fn written(&self, wanted: &Wanted<'_, 'a>) -> impl Iterator<Item = WrittenLink<'a>> {
        let speaks = |link: &WrittenLink<'_>| {
            let LinkKey { interface: key, label } = link.key;
            label.as_ref().is_none_or(|label| wanted.label == Some(label))
                && key.covers(wanted.interface)
                && self.means(link, wanted)
                && !self.is_way_around(link, wanted)
        };
        self.layers(wanted.importer).filter(speaks)
    }

    /// Every link that could speak of an import of this component: its own, then the app's, then the host's.
    pub(super) fn layers(&self, importer: &Importer<'a>) -> impl Iterator<Item = WrittenLink<'a>> + use<'a> {
        let layers = [
            (Rule::ComponentLink, &importer.entry.links),
            (Rule::AppLink, &self.manifest.links),
            (Rule::HostDefault, &self.host.links),
        ];
        let in_layer = |(rule, links): (Rule, &'a Links)| {
            links.iter().map(move |(key, entry)| WrittenLink { rule, key: &key.value, entry })
        };
        layers.into_iter().flat_map(in_layer)
    }

    /// Whether a link means an interface that its key covers. A package that is linked to a backend means those of its
    /// interfaces that keep state, unless none does: nobody wants to link the types that come along. What the host does
    /// not implement can be in none of its backends; where it knows the package, the import is what is wrong.
    fn means(&self, link: &WrittenLink<'_>, wanted: &Wanted<'_, '_>) -> bool {
        let key = &link.key.interface;
        let of_package = |other: &Offer| key.package_key().covers(&other.interface);
        match wanted.offer {
            _ if self.leads_to_component(link) => {
                key.name.is_some() || !wanted.importer.shape.types_only.contains(wanted.interface)
            }
            None => link.rule != Rule::HostDefault && !self.offers.iter().any(of_package),
            Some(offer) => {
                let keeps_state = |other: &Offer| other.state.is_some() && of_package(other);
                key.name.is_some() || offer.state.is_some() || !self.offers.iter().any(keeps_state)
            }
        }
    }

    /// Whether a link of the app leads to the component that imports: that one is what the others get, and gets for itself
    /// what comes next.
    fn is_way_around(&self, link: &WrittenLink<'_>, wanted: &Wanted<'_, '_>) -> bool {
        link.rule == Rule::AppLink
            && self.leads_to_component(link)
            && link.entry.to.value.as_str() == wanted.importer.name.value.as_str()
    }

    /// What a link gives an import.
    fn linked(&self, link: WrittenLink<'a>, wanted: &Wanted<'_, '_>) -> Choice<'a> {
        let provider = match wanted.offer {
            _ if self.leads_to_component(&link) => self.linked_component(&link, wanted),
            None if !self.backends().contains(link.entry.to.value.as_str()) => {
                Err(uncallable::nowhere(&link, self.component_names()))
            }
            None => Err(uncallable::not_of_host(self, &link, wanted)),
            Some(offer) => self.host_can(offer, wanted).and_then(|()| match offer.state {
                Some(state) => self.linked_backend(&link, state),
                None => Err(refusal::stateless(&link)),
            }),
        };
        Choice::linked(link, provider)
    }

    /// The backend that a link leads to, if it can keep what must be kept.
    pub(super) fn linked_backend(&self, link: &WrittenLink<'_>, state: State) -> Result<Provider, Fault> {
        let name = link.entry.to.value.backend();
        let found = match self.kind_of(&name) {
            Some(kind) if !kind.keeps(state) => Err(refusal::wrong_kind(link, kind, state)),
            _ if link.entry.mode.is_some() => Err(uncallable::mode_of_backend(link)),
            _ if self.backends().contains(name.as_str()) => Ok(Provider::Backend(name)),
            _ => Err(refusal::backend(&link.entry.to, &self.backends())),
        };
        found.map_err(|refusal| refusal.within(link.file()))
    }

    /// The names of the backends that links of the manifest can mean. What was cut out is known, too.
    pub(super) fn backends(&self) -> BTreeSet<String> {
        let named = self.manifest.backends.keys().map(|name| name.value.as_str());
        let hosts = self.host.backends.keys().map(BackendName::as_str);
        let cut = self.manifest.cut.backends.iter().chain(&self.host.cut.backends).map(String::as_str);
        named.chain(hosts).chain(cut).chain(implicit_backends().map(|(name, _)| name)).map(Into::into).collect()
    }

    /// The type of a backend that is known and sound.
    fn kind_of(&self, name: &BackendName) -> Option<BackendKind> {
        let own = self.manifest.backends.get(name).map(|entry| entry.kind);
        let hosts = || self.host.backends.get(name).map(|spec| spec.engine.kind());
        let implicit = || implicit_backends().into_iter().find(|(known, _)| *known == name.as_str());
        own.or_else(hosts).or_else(|| implicit().map(|(_, spec)| spec.engine.kind()))
    }
}

impl Importer<'_> {
    /// Whether messages come to it through `interface`.
    pub(super) fn handles(&self, interface: &Interface) -> bool {
        self.handler.as_ref().is_some_and(|handler| handler.interface() == Some(interface))
    }
}

impl<'a> Choice<'a> {
    fn built_in(reason: impl Into<String>) -> Self {
        let (rule, provider) = (Rule::BuiltIn, Ok(Provider::BuiltIn));
        Self { rule, provider, reason: reason.into(), link: None, has_label: false }
    }

    pub(super) fn linked(link: WrittenLink<'a>, provider: Result<Provider, Fault>) -> Self {
        let has_label = link.key.label.is_some();
        Self { rule: link.rule, provider, reason: link.reason(), link: Some(link), has_label }
    }

    /// Its place in the hierarchy, the first of which wins: a link for the label before all others, then the order of
    /// the rules, and of the links of one layer the most specific.
    pub(super) fn rank(&self) -> (bool, Rule, Reverse<Option<Specificity<'_>>>) {
        (!self.has_label, self.rule, Reverse(self.link.map(|link| link.specificity())))
    }
}

impl<'a> WrittenLink<'a> {
    /// How narrow its key is: one with an interface is before one of a package, then one with a version.
    pub(super) fn specificity(&self) -> Specificity<'a> {
        (self.key.interface.name.is_some(), self.key.interface.version.as_ref())
    }

    /// Where it is written.
    pub(super) fn file(&self) -> FaultyFile {
        match self.rule {
            Rule::HostDefault => FaultyFile::Host,
            _ => FaultyFile::Manifest,
        }
    }

    fn reason(&self) -> String {
        let whose = match self.rule {
            Rule::AppLink => "the app's links say",
            Rule::HostDefault => "the links of the host's file say",
            _ => "the component's links say",
        };
        match &self.entry.mode {
            None => format!("{whose} `\"{}\" = \"{}\"`", self.key, self.entry.to),
            Some(mode) => format!("{whose} `\"{}\" = {{ to = \"{}\", mode = \"{mode}\" }}`", self.key, self.entry.to),
        }
    }
}

/// A plain name is served only to a core module, and only from preview 1.
fn plain<'a>(importer: &Importer<'_>, name: &str) -> Result<Choice<'a>, Fault> {
    match name.starts_with("wasi_snapshot_preview1.") && importer.shape.kind == Kind::Module {
        true => Ok(Choice::built_in("the host implements preview 1 of WASI")),
        false => Err(refusal::plain(importer, name)),
    }
}
