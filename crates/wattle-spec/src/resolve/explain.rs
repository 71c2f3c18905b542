//! What every import of an app gets, and why: what [`super::resolve`] joins, with the words for people.

use super::links::{Choice, Ground, Importer};
use super::{FoundComponents, Offer, allowed, chains, message, split};
use crate::app::{App, ComponentSpec};
use crate::fault::Fault;
use crate::host_file::HostSpec;
use crate::link::{Link, Linked, Provider, Rule};
use crate::manifest::Manifest;
use crate::name::ComponentName;
use crate::shape::ImportName;

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
    /// What the other rules would have given, the one that comes next first.
    pub others: Vec<Other>,
}

/// What a rule would have given, had none before it applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The rule.
    pub rule: Rule,
    /// The provider, or why it cannot be the one that the rule means.
    pub outcome: Result<Provider, Fault>,
    /// Why the rule applies, in words.
    pub reason: String,
}

/// Every import of every component that was found, in the order of the names, with its provider or why it has none; after
/// the imports of a component the names that it can open and that have links.
pub fn explain(manifest: &Manifest, found: &FoundComponents, offers: &[Offer], host: &HostSpec) -> Vec<Explained> {
    let ground = Ground { manifest, found, offers, host };
    let mut all = Vec::new();
    for (name, entry) in manifest.entries() {
        let Some(found) = found.get(&name.value) else { continue };
        let handler = message::handler(manifest, &name.value, &found.shape).map(ImportName::Interface);
        let importer = Importer { name, entry, shape: &found.shape, handler };
        all.extend(of_component(&ground, &importer));
    }
    chains::refuse(manifest, &mut all);
    allowed::refuse(manifest, host, &mut all);
    all
}

/// The same of an app that runs and began as `first`: what each import gets and which rule chose it. Behind what was set while
/// it runs comes what it began with. What the host offers for it is not known.
pub fn explain_app(app: &App, first: &App) -> Vec<Explained> {
    let links = |app: &'_ App| -> Vec<(ComponentName, Link)> {
        let of = |(name, spec): (&ComponentName, &ComponentSpec)| {
            spec.links.iter().map(|link| (name.clone(), link.clone())).collect::<Vec<_>>()
        };
        app.components.iter().flat_map(of).collect()
    };
    let explained = |((component, link), (_, began)): ((ComponentName, Link), (ComponentName, Link))| {
        let Link { what, provider, rule, reason, mut others, .. } = link;
        if rule == Rule::Operator {
            others = began.others;
            others.insert(0, Other { rule: began.rule, outcome: Ok(began.provider), reason: began.reason });
        }
        Explained { component, what, offer: None, outcome: Ok((provider, rule)), reason, others }
    };
    links(app).into_iter().zip(links(first)).map(explained).collect()
}

/// Every import of one component.
fn of_component<'a>(ground: &Ground<'a>, importer: &Importer<'a>) -> Vec<Explained> {
    let imports = importer.shape.imports.iter().chain(&importer.handler);
    let mut choices: Vec<_> = imports.map(|import| (import, ground.choices(importer, import))).collect();
    split::refuse(importer, &mut choices);
    let component = &importer.name.value;
    let imports = choices.into_iter().map(|(import, choices)| {
        let offer = import.interface().and_then(|interface| ground.offer_for(importer, interface));
        Explained::new(component, Linked::Import(import.clone()), offer, choices)
    });
    let names = ground.names(importer).into_iter();
    let names = names.map(|(what, offer, choices)| Explained::new(component, what, Some(offer), Ok(choices)));
    imports.chain(names).collect()
}

impl Explained {
    /// The provider, if it is not refused.
    pub fn provider(&self) -> Option<&Provider> {
        self.outcome.as_ref().ok().map(|(provider, _)| provider)
    }

    /// What is decided by `choices`, of which the first wins.
    fn new(
        component: &ComponentName,
        what: Linked,
        offer: Option<&Offer>,
        choices: Result<Vec<Choice<'_>>, Fault>,
    ) -> Self {
        let keeps_state = offer.is_some_and(|offer| offer.state.is_some());
        let winner = |choice: Choice<'_>| {
            let is_unlinked = choice.link.is_none() && choice.rule != Rule::Moved;
            let reason = match is_unlinked && (keeps_state || choice.rule == Rule::Sibling) {
                true => format!("nothing links it, and {}", choice.reason),
                false => choice.reason,
            };
            choice.provider.map(|provider| ((provider, choice.rule), reason))
        };
        let (won, others) = match choices {
            Ok(choices) => {
                let mut choices = choices.into_iter();
                let first = choices.next().expect("invariant: an import without a choice is refused");
                let other = |Choice { rule, provider, reason, .. }| Other { rule, outcome: provider, reason };
                (winner(first), choices.map(other).collect())
            }
            Err(refusal) => (Err(refusal), Vec::new()),
        };
        let (outcome, reason) = match won {
            Ok((won, reason)) => (Ok(won), reason),
            Err(refusal) => (Err(refusal.clone()), refusal.message),
        };
        Self { component: component.clone(), what, offer: offer.cloned(), outcome, reason, others }
    }
}
