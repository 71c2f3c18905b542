//! Names that a component opens while it runs: each label that a link gives to a package chooses that link.

use std::collections::BTreeMap;

use super::links::{Choice, Ground, Importer, WrittenLink};
use super::{Offer, State};
use crate::fault::Fault;
use crate::interface::Interface;
use crate::label::Label;
use crate::link::Linked;
use crate::shape::ImportName;

/// What one name leads to.
pub(super) type Named<'a> = (Linked, &'a Offer, Result<Choice<'a>, Fault>);

impl<'a> Ground<'a> {
    /// Every name that chooses a link of this component, with what it chooses.
    pub(super) fn names(&self, importer: &Importer<'a>) -> Vec<Named<'a>> {
        let mut names: BTreeMap<(Interface, Label), (&Offer, State, WrittenLink<'a>)> = BTreeMap::new();
        // The first layer that speaks of a name decides, and in it the most specific key.
        for link in self.layers(importer) {
            let Some(label) = &link.key.label else { continue };
            for (package, (offer, state)) in self.opened(importer, &link.key.interface) {
                let (.., chosen) = names.entry((package, label.clone())).or_insert((offer, state, link));
                if chosen.rule == link.rule && chosen.specificity() < link.specificity() {
                    *chosen = link;
                }
            }
        }
        let named = |((package, label), (offer, state, link))| {
            (Linked::Name { package, label }, offer, self.linked(link, state))
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
