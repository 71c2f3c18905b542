//! Names that a component opens while it runs: each label that a link gives to a package chooses that link.

use std::collections::BTreeMap;

use super::links::{Choice, Ground, Importer};
use super::{Offer, State, uncallable};
use crate::interface::Interface;
use crate::label::{Label, LinkKey};
use crate::link::Linked;
use crate::shape::ImportName;

/// What every link of one name leads to, that which wins first.
pub(super) type Named<'a> = (Linked, &'a Offer, Vec<Choice<'a>>);

impl<'a> Ground<'a> {
    /// Every name that chooses a link of this component, with what it chooses.
    pub(super) fn names(&self, importer: &Importer<'a>) -> Vec<Named<'a>> {
        let mut names: BTreeMap<(Interface, Label), (&'a Offer, Vec<Choice<'a>>)> = BTreeMap::new();
        for link in self.layers(importer) {
            let Some(label) = &link.key.label else { continue };
            for (package, (offer, state)) in self.opened(importer, &link.key.interface) {
                let (_, choices) = names.entry((package, label.clone())).or_insert((offer, Vec::new()));
                let provider = match self.leads_to_component(&link) {
                    true => Err(uncallable::opened(&link, label)),
                    false => self.linked_backend(&link, state),
                };
                choices.push(Choice::linked(link, provider));
            }
        }
        // Whatever chose the link of a name once may be gone.
        for (key, _) in self.host.recorded.chosen.iter().filter(|(_, chosen)| chosen.by_name) {
            let Some(label) = &key.label else { continue };
            for (package, (offer, _)) in self.opened(importer, &key.interface) {
                names.entry((package, label.clone())).or_insert((offer, Vec::new()));
            }
        }
        let named = |((package, label), (offer, mut choices)): ((Interface, Label), (&'a Offer, Vec<Choice<'a>>))| {
            choices.sort_by(|one, other| one.rank().cmp(&other.rank()));
            if let Some(state) = offer.state {
                let key = LinkKey { interface: package.clone(), label: Some(label.clone()) };
                self.add_recorded_of(importer, &key, state, &mut choices);
            }
            (Linked::Name { package, label }, offer, choices)
        };
        names.into_iter().map(named).collect()
    }

    /// The packages among the imports that `key` speaks of whose state is opened by name.
    fn opened(&self, importer: &Importer<'a>, key: &Interface) -> BTreeMap<Interface, (&'a Offer, State)> {
        let imports = importer.shape.imports.iter().filter_map(|import| match import {
            ImportName::Interface(interface) if key.covers(interface) => Some(interface),
            _ => None,
        });
        let opened = |import: &Interface| {
            let offer = self.offer(import)?;
            let state = offer.state.filter(|_| offer.has_names)?;
            Some((import.package_key(), (offer, state)))
        };
        imports.filter_map(opened).collect()
    }
}
