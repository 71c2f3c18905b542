//! Which provider an import gets, and why: the first rule of the hierarchy that applies.

use std::collections::BTreeSet;

use super::{FoundComponents, Labelling, Offer, State, message, refusal, split};
use crate::backend::BackendKind;
use crate::document::Written;
use crate::fault::{Fault, FaultyFile};
use crate::host_file::{Defaults, HostSpec, implicit_backends};
use crate::interface::Interface;
use crate::label::{Label, LinkKey};
use crate::link::{Linked, Provider, Rule};
use crate::manifest::{ComponentEntry, Links, Manifest};
use crate::name::{BackendName, ComponentName};
use crate::shape::{ImportName, Kind, Shape};

/// One import of one component with what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Which component.
    pub component: ComponentName,
    /// What it imports, or opens by name.
    pub what: Linked,
    /// What the host implements of it, if it does.
    pub offer: Option<Offer>,
    /// The provider and the rule that chose it, or why there is none.
    pub outcome: Result<(Provider, Rule), Fault>,
    /// Why, in words.
    pub reason: String,
}

/// Every import of every component that was found, in the order of the names, with its provider or why it has none; after
/// the imports of a component the names that it can open and that have links.
pub fn explain(manifest: &Manifest, found: &FoundComponents, offers: &[Offer], host: &HostSpec) -> Vec<Explained> {
    let ground = Ground { manifest, offers, host };
    let mut all = Vec::new();
    for (name, entry) in manifest.entries() {
        let Some(found) = found.get(&name.value) else { continue };
        let handler = message::handler(manifest, &name.value, &found.shape).map(ImportName::Interface);
        let importer = Importer { name, entry, shape: &found.shape, handler };
        all.extend(ground.explain(&importer));
    }
    all
}

/// What can provide something, and who said so.
pub(super) struct Ground<'a> {
    manifest: &'a Manifest,
    offers: &'a [Offer],
    host: &'a HostSpec,
}

/// Who imports something.
pub(super) struct Importer<'a> {
    pub(super) name: &'a Written<ComponentName>,
    pub(super) entry: &'a ComponentEntry,
    pub(super) shape: &'a Shape,
    /// What it exports and is linked all the same, because messages come through it.
    handler: Option<ImportName>,
}

/// A link that somebody wrote.
#[derive(Clone, Copy)]
pub(super) struct WrittenLink<'a> {
    pub(super) rule: Rule,
    pub(super) key: &'a LinkKey,
    pub(super) to: &'a Written<BackendName>,
}

/// What an import gets.
pub(super) struct Choice<'a> {
    pub(super) provider: Provider,
    pub(super) rule: Rule,
    pub(super) reason: String,
    /// The link that says so, if one does.
    pub(super) link: Option<WrittenLink<'a>>,
}

impl<'a> Ground<'a> {
    /// Every import of one component.
    fn explain(&self, importer: &Importer<'a>) -> Vec<Explained> {
        let imports = importer.shape.imports.iter().chain(&importer.handler);
        let mut choices: Vec<_> = imports.map(|import| (import, self.choose(importer, import))).collect();
        split::refuse(importer, &mut choices);
        let explained = |what: Linked, offer: Option<&Offer>, choice: Result<Choice<'_>, Fault>| {
            let (outcome, reason) = match choice {
                Ok(choice) => (Ok((choice.provider, choice.rule)), choice.reason),
                Err(refusal) => (Err(refusal.clone()), refusal.message),
            };
            Explained { component: importer.name.value.clone(), what, offer: offer.cloned(), outcome, reason }
        };
        let imports = choices.into_iter().map(|(import, choice)| {
            let offer = import.interface().and_then(|interface| self.offer_for(importer, interface));
            explained(Linked::Import(import.clone()), offer, choice)
        });
        let names = self.names(importer).into_iter().map(|(what, offer, choice)| explained(what, Some(offer), choice));
        imports.chain(names).collect()
    }

    /// What the host implements for an import.
    pub(super) fn offer(&self, import: &Interface) -> Option<&'a Offer> {
        self.offers.iter().find(|offer| offer.interface.serves(import))
    }

    /// The same for this component. What it handles messages with stands for what it would publish them with.
    fn offer_for(&self, importer: &Importer<'a>, import: &Interface) -> Option<&'a Offer> {
        let is_handler = importer.handler.as_ref().is_some_and(|handler| handler.interface() == Some(import));
        let is_bus =
            |offer: &&Offer| offer.state == Some(State::Bus) && offer.interface.package_key() == import.package_key();
        self.offer(import).or_else(|| self.offers.iter().filter(|_| is_handler).find(is_bus))
    }

    fn choose(&self, importer: &Importer<'a>, import: &ImportName) -> Result<Choice<'a>, Fault> {
        match import {
            ImportName::Interface(interface) => self.first_rule(importer, interface, None),
            ImportName::Labelled { label, interface } => self.first_rule(importer, interface, Some(label)),
            ImportName::Plain(name) => plain(importer, name),
        }
    }

    /// The first rule that applies.
    fn first_rule(
        &self,
        importer: &Importer<'a>,
        import: &Interface,
        label: Option<&Label>,
    ) -> Result<Choice<'a>, Fault> {
        let offer = self.offer_for(importer, import);
        let offer = offer.ok_or_else(|| refusal::unknown(importer, import, self.offers))?;
        if let Some(off) = self.host.off.iter().find(|off| off.covers(import)) {
            return Err(refusal::off(importer, import, off));
        }
        match (offer.labelling, label) {
            (Labelling::Never, Some(label)) => return Err(refusal::labelled(importer, import, label, self.offers)),
            (Labelling::Required, None) => return Err(refusal::unlabelled(importer, import)),
            _ => {}
        }
        if let (Labelling::Required, Some(State::Secrets), Some(label)) = (offer.labelling, offer.state, label)
            && !importer.entry.secrets.iter().any(|name| name.value.as_str() == label.as_str())
        {
            return Err(refusal::ungranted(importer, import, label));
        }
        let Some(state) = offer.state else {
            return match self.written(importer, import, offer, None) {
                Some(link) => Err(refusal::stateless(&link)),
                None => Ok(Choice::built_in("the host implements it and it keeps no state")),
            };
        };
        // A link of its own, else one for all that have none.
        let own = label.and_then(|label| self.written(importer, import, offer, Some(label)));
        match own.or_else(|| self.written(importer, import, offer, None)) {
            Some(link) => self.linked(link, state),
            None => Ok(self.default_for(state)),
        }
    }

    /// What is behind a kind of state that no link speaks of.
    fn default_for(&self, state: State) -> Choice<'a> {
        let set = self.host.defaults;
        let Some(backend) = set.backend(state) else {
            return Choice::built_in("nothing links it, and the host implements it without a backend");
        };
        let reason = format!("nothing links it, and `defaults = \"{set}\"` of the host keeps {state} in `{backend}`");
        let rule = match set {
            Defaults::Dev => Rule::BuiltIn,
            Defaults::Nats => Rule::HostDefault,
        };
        Choice { provider: Provider::Backend(backend), rule, reason, link: None }
    }

    /// The link that speaks of an import under `label`: the component's before the app's before the host's, and of
    /// those of one layer the most specific.
    fn written(
        &self,
        importer: &Importer<'a>,
        import: &Interface,
        offer: &Offer,
        label: Option<&Label>,
    ) -> Option<WrittenLink<'a>> {
        let speaks = |link: &WrittenLink<'_>| {
            let key = &link.key.interface;
            link.key.label.as_ref() == label && key.covers(import) && self.means(key, offer)
        };
        let links: Vec<_> = self.layers(importer).filter(speaks).collect();
        let layer = links.first()?.rule;
        links.into_iter().filter(|link| link.rule == layer).max_by_key(WrittenLink::specificity)
    }

    /// Every link that could speak of an import of this component: its own, then the app's, then the host's.
    pub(super) fn layers(&self, importer: &Importer<'a>) -> impl Iterator<Item = WrittenLink<'a>> + use<'a> {
        let layers = [
            (Rule::ComponentLink, &importer.entry.links),
            (Rule::AppLink, &self.manifest.links),
            (Rule::HostDefault, &self.host.links),
        ];
        let in_layer = |(rule, links): (Rule, &'a Links)| {
            links.iter().map(move |(key, entry)| WrittenLink { rule, key: &key.value, to: &entry.to })
        };
        layers.into_iter().flat_map(in_layer)
    }

    /// Whether a key means an interface that it covers. A package means those of its interfaces that keep state, unless none
    /// does: nobody wants to link the types that come along.
    fn means(&self, key: &Interface, offer: &Offer) -> bool {
        let keeps_state = |other: &Offer| other.state.is_some() && key.package_key().covers(&other.interface);
        offer.state.is_some() || key.name.is_some() || !self.offers.iter().any(keeps_state)
    }

    pub(super) fn linked(&self, link: WrittenLink<'a>, state: State) -> Result<Choice<'a>, Fault> {
        let named = self.manifest.backends.keys().map(|name| name.value.as_str());
        let hosts = self.host.backends.keys().map(|name| name.as_str());
        let cut = self.manifest.cut.backends.iter().chain(&self.host.cut.backends).map(String::as_str);
        let known = named.chain(hosts).chain(cut).chain(implicit_backends().map(|(name, _)| name));
        let known: BTreeSet<String> = known.map(Into::into).collect();
        let is_component = |name: &Written<ComponentName>| name.value.as_str() == link.to.value.as_str();
        let file = link.file();
        let choice = match known.contains(link.to.value.as_str()) {
            true if self.kind_of(&link.to.value).is_some_and(|kind| !kind.keeps(state)) => {
                Err(refusal::wrong_kind(&link, self.kind_of(&link.to.value), state))
            }
            true => Ok(Choice {
                provider: Provider::Backend(link.to.value.clone()),
                rule: link.rule,
                reason: link.reason(),
                link: Some(link),
            }),
            false if self.manifest.components.keys().any(is_component) => Err(refusal::component(link.to)),
            false => Err(refusal::backend(link.to, &known)),
        };
        choice.map_err(|refusal| refusal.within(file))
    }

    /// The type of a backend that is known and sound.
    fn kind_of(&self, name: &BackendName) -> Option<BackendKind> {
        let own = self.manifest.backends.get(name).map(|entry| entry.kind);
        let hosts = || self.host.backends.get(name).map(|spec| spec.engine.kind());
        let implicit = || implicit_backends().into_iter().find(|(known, _)| *known == name.as_str());
        own.or_else(hosts).or_else(|| implicit().map(|(_, spec)| spec.engine.kind()))
    }
}

impl Choice<'_> {
    fn built_in(reason: impl Into<String>) -> Self {
        Self { provider: Provider::BuiltIn, rule: Rule::BuiltIn, reason: reason.into(), link: None }
    }
}

impl WrittenLink<'_> {
    pub(super) fn specificity(&self) -> (bool, bool) {
        (self.key.interface.name.is_some(), self.key.interface.version.is_some())
    }

    /// Where it is written.
    pub(super) fn file(&self) -> FaultyFile {
        match self.rule {
            Rule::HostDefault => FaultyFile::Host,
            Rule::ComponentLink | Rule::AppLink | Rule::BuiltIn => FaultyFile::Manifest,
        }
    }

    fn reason(&self) -> String {
        let whose = match self.rule {
            Rule::ComponentLink => "the component's links say",
            Rule::AppLink => "the app's links say",
            Rule::HostDefault | Rule::BuiltIn => "the links of the host's file say",
        };
        format!("{whose} `\"{}\" = \"{}\"`", self.key, self.to)
    }
}

/// A plain name is served only to a core module, and only from preview 1.
fn plain<'a>(importer: &Importer<'_>, name: &str) -> Result<Choice<'a>, Fault> {
    match name.starts_with("wasi_snapshot_preview1.") && importer.shape.kind == Kind::Module {
        true => Ok(Choice::built_in("the host implements preview 1 of WASI")),
        false => Err(refusal::plain(importer, name)),
    }
}
