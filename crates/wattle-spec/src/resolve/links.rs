//! Which provider an import gets, and why: the first rule of the hierarchy that applies.

use std::ops::Range;

use super::refusal;
use super::{FoundComponents, Offer};
use crate::document::Written;
use crate::fault::Fault;
use crate::host_file::{Defaults, HostSpec, implicit_backends};
use crate::interface::Interface;
use crate::link::{Provider, Rule};
use crate::manifest::{ComponentEntry, Links, Manifest};
use crate::name::{BackendName, ComponentName};
use crate::shape::{ImportName, Kind, Shape};

/// One import of one component with what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Which component.
    pub component: ComponentName,
    /// What it imports.
    pub import: ImportName,
    /// The provider and the rule that chose it, or why there is none.
    pub outcome: Result<(Provider, Rule), Refusal>,
    /// Why, in words.
    pub reason: String,
}

/// Why an import has no provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// What to do about it, with the lines to write where that helps.
    pub hint: Option<String>,
    /// Where in the manifest.
    pub span: Option<Range<usize>>,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Fault { hint: refusal.hint, ..Fault::new(refusal.message).at(refusal.span) }
    }
}

/// Every import of every component that was found, in the order of the names, with its provider or why it has none.
pub fn explain(manifest: &Manifest, found: &FoundComponents, offers: &[Offer], host: &HostSpec) -> Vec<Explained> {
    let ground = Ground { manifest, offers, host };
    let mut all = Vec::new();
    for (name, entry) in &manifest.components {
        let Some(found) = found.get(&name.value) else { continue };
        let importer = Importer { name, entry, shape: &found.shape };
        all.extend(found.shape.imports.iter().map(|import| ground.explain(&importer, import)));
    }
    all
}

/// What can provide something, and who said so.
struct Ground<'a> {
    manifest: &'a Manifest,
    offers: &'a [Offer],
    host: &'a HostSpec,
}

/// Who imports something.
pub(super) struct Importer<'a> {
    pub(super) name: &'a Written<ComponentName>,
    pub(super) entry: &'a ComponentEntry,
    pub(super) shape: &'a Shape,
}

/// A link that somebody wrote.
pub(super) struct WrittenLink<'a> {
    pub(super) rule: Rule,
    pub(super) key: &'a Interface,
    pub(super) to: &'a BackendName,
    pub(super) span: Option<Range<usize>>,
}

/// A provider, the rule that chose it, and why.
type Choice = (Provider, Rule, String);

impl Ground<'_> {
    fn explain(&self, importer: &Importer<'_>, import: &ImportName) -> Explained {
        let choice = match import {
            ImportName::Interface(interface) => self.choose(importer, interface),
            ImportName::Plain(name) => plain(importer, name),
        };
        let (outcome, reason) = match choice {
            Ok((provider, rule, reason)) => (Ok((provider, rule)), reason),
            Err(refusal) => (Err(refusal.clone()), refusal.message),
        };
        Explained { component: importer.name.value.clone(), import: import.clone(), outcome, reason }
    }

    /// The first rule that applies.
    fn choose(&self, importer: &Importer<'_>, import: &Interface) -> Result<Choice, Refusal> {
        let offer = self.offers.iter().find(|offer| offer.interface.serves(import));
        let offer = offer.ok_or_else(|| refusal::unknown(importer, import, self.offers))?;
        match (self.written(importer, import, offer), offer.state) {
            (Some(link), Some(_)) => self.linked(&link),
            (Some(link), None) => Err(refusal::stateless(&link)),
            (None, None) => {
                Ok((Provider::BuiltIn, Rule::BuiltIn, "the host implements it and it keeps no state".into()))
            }
            (None, Some(_)) => {
                let (backend, set) = match self.host.defaults {
                    Defaults::Dev => (BackendName::resembling("disk"), "dev"),
                };
                let reason =
                    format!("nothing links it, and `defaults = \"{set}\"` of the host keeps state in `{backend}`");
                Ok((Provider::Backend(backend), Rule::BuiltIn, reason))
            }
        }
    }

    /// The link that speaks of an import: the component's before the app's before the host's.
    fn written<'b>(&'b self, importer: &Importer<'b>, import: &Interface, offer: &Offer) -> Option<WrittenLink<'b>> {
        let layers = [
            in_manifest(Rule::ComponentLink, &importer.entry.links),
            in_manifest(Rule::AppLink, &self.manifest.links),
            in_host_file(self.host),
        ];
        layers.into_iter().find_map(|links| self.most_specific(links, import, offer))
    }

    fn most_specific<'b>(
        &self,
        links: Vec<WrittenLink<'b>>,
        import: &Interface,
        offer: &Offer,
    ) -> Option<WrittenLink<'b>> {
        let speaks = |link: &WrittenLink<'_>| link.key.covers(import) && self.means(link.key, offer);
        links.into_iter().filter(speaks).max_by_key(WrittenLink::specificity)
    }

    /// Whether a key means an interface that it covers. A package means those of its interfaces that keep state, unless none
    /// does: nobody wants to link the types that come along.
    fn means(&self, key: &Interface, offer: &Offer) -> bool {
        let keeps_state = |other: &Offer| other.state.is_some() && key.package_key().covers(&other.interface);
        offer.state.is_some() || key.name.is_some() || !self.offers.iter().any(keeps_state)
    }

    fn linked(&self, link: &WrittenLink<'_>) -> Result<Choice, Refusal> {
        let named = self.manifest.backends.keys().map(|name| name.value.as_str());
        let hosts = self.host.backends.keys().map(BackendName::as_str);
        let known: Vec<&str> = named.chain(hosts).chain(implicit_backends().map(|(name, _)| name)).collect();
        let is_component = |name: &Written<ComponentName>| name.value.as_str() == link.to.as_str();
        match known.contains(&link.to.as_str()) {
            true => Ok((Provider::Backend(link.to.clone()), link.rule, link.reason())),
            false if self.manifest.components.keys().any(is_component) => Err(refusal::component(link)),
            false => Err(refusal::backend(link, &known)),
        }
    }
}

fn in_manifest(rule: Rule, links: &Links) -> Vec<WrittenLink<'_>> {
    let links = links.iter().map(|(key, entry)| (&key.value, &entry.to));
    links.map(|(key, to)| WrittenLink { rule, key, to: &to.value, span: to.span.clone() }).collect()
}

fn in_host_file(host: &HostSpec) -> Vec<WrittenLink<'_>> {
    host.links.iter().map(|(key, to)| WrittenLink { rule: Rule::HostDefault, key, to, span: None }).collect()
}

impl WrittenLink<'_> {
    fn specificity(&self) -> (bool, bool) {
        (self.key.name.is_some(), self.key.version.is_some())
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
fn plain(importer: &Importer<'_>, name: &str) -> Result<Choice, Refusal> {
    match name.starts_with("wasi_snapshot_preview1.") && importer.shape.kind == Kind::Module {
        true => Ok((Provider::BuiltIn, Rule::BuiltIn, "the host implements preview 1 of WASI".into())),
        false => Err(refusal::plain(importer, name)),
    }
}
