//! One package in two backends: its interfaces pass each other what they keep (a bucket that `store` opened goes to
//! `atomics`), so one component uses one backend for all of them.

use std::collections::BTreeMap;

use super::links::{Choice, Importer, WrittenLink};
use crate::fault::Fault;
use crate::interface::Interface;
use crate::link::Provider;
use crate::name::BackendName;
use crate::shape::ImportName;

/// Refuses every import whose package another import before it keeps in another backend.
pub(super) fn refuse(importer: &Importer<'_>, choices: &mut [(&ImportName, Result<Vec<Choice<'_>>, Fault>)]) {
    let mut first: BTreeMap<Interface, (BackendName, Option<WrittenLink<'_>>)> = BTreeMap::new();
    for (import, choices) in choices {
        // An import with a label opens what is its own.
        let (ImportName::Interface(interface), Ok(choices)) = (*import, choices) else { continue };
        let Some(choice) = choices.first_mut() else { continue };
        let Ok(Provider::Backend(backend)) = &choice.provider else { continue };
        let package = interface.package_key();
        let (used, by) = first.entry(package.clone()).or_insert_with(|| (backend.clone(), choice.link));
        if used != backend {
            let message =
                format!("component `{}` keeps `{package}` in two backends, `{used}` and `{backend}`", importer.name);
            let link = [*by, choice.link].into_iter().flatten().max_by_key(WrittenLink::specificity);
            let fault = Fault::new(message).hint(format!(
                "its interfaces share what they open: link all of `{package}` to one of the two, as in\nlinks = {{ \"{package}\" = \"{used}\" }}"
            ));
            choice.provider = Err(match link {
                Some(link) => fault.within(link.file()).at(link.entry.to.span.clone()),
                None => fault.at(importer.entry.source.span.clone()),
            });
        }
    }
}
