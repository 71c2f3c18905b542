//! Components as providers: which can be called, by a link that names one or because it is the only one that exports
//! what is imported.

use super::links::{Choice, Ground, Importer, Wanted, WrittenLink};
use super::{Found, uncallable};
use crate::fault::Fault;
use crate::interface::Interface;
use crate::link::{Mode, Provider, Rule};
use crate::manifest::Manifest;
use crate::name::ComponentName;
use crate::shape::{Kind, Shape};

impl<'a> Ground<'a> {
    /// Whether a link names a component of the app. One of the host cannot.
    pub(super) fn leads_to_component(&self, link: &WrittenLink<'_>) -> bool {
        link.rule != Rule::HostDefault && self.is_component(&link.entry.to.value.component())
    }

    /// The component that a link leads to, if it can be called for what is imported.
    pub(super) fn linked_component(&self, link: &WrittenLink<'_>, wanted: &Wanted<'_, '_>) -> Result<Provider, Fault> {
        let name = link.entry.to.value.component();
        let mode = link.entry.mode.as_ref().map_or(Mode::default(), |mode| mode.value);
        let refusal = if self.backends().contains(name.as_str()) {
            uncallable::two_meanings
        } else if name == wanted.importer.name.value {
            uncallable::itself
        } else if wanted.importer.handles(wanted.interface) {
            uncallable::messages
        } else {
            let fits = match mode {
                Mode::Apart => self.callable(&name, wanted),
                Mode::Together => self.composable(&name, wanted),
            };
            fits.map_err(|fault| fault.at(link.entry.to.span.clone()))?;
            return Ok(Provider::Component { name, mode });
        };
        Err(refusal(link))
    }

    /// The component that provides an import without a link: the one that exports it. An import with a label means one of
    /// several, so only a link says which.
    pub(super) fn sibling(&self, wanted: &Wanted<'_, '_>) -> Option<Choice<'a>> {
        let Wanted { importer, interface, label, .. } = wanted;
        if label.is_some() || importer.handles(interface) || importer.shape.types_only.contains(interface) {
            return None;
        }
        let exporters: Vec<_> =
            self.siblings(importer).filter(|(_, found)| found.shape.export_for(interface).is_some()).collect();
        let (provider, reason) = match exporters.as_slice() {
            [] => {
                let name = self.unknown_sibling(wanted)?;
                let reason = format!("`{name}`, which could not be read, may export it");
                (Ok(name), reason)
            }
            [(name, _)] => {
                let reason = format!("`{name}` exports it");
                let callable = self.callable(name, wanted).map(|()| (*name).clone());
                (callable.map_err(|fault| fault.at(importer.entry.source.span.clone())), reason)
            }
            several => {
                let names: Vec<_> = several.iter().map(|(name, _)| *name).collect();
                (Err(uncallable::ambiguous(importer, interface, &names)), "several components export it".into())
            }
        };
        let provider = provider.map(|name| Provider::Component { name, mode: Mode::default() });
        Some(Choice { rule: Rule::Sibling, provider, reason, link: None, has_label: false })
    }

    /// The other components of the app that were found.
    pub(super) fn siblings(&self, importer: &Importer<'_>) -> impl Iterator<Item = (&'a ComponentName, &'a Found)> {
        let own = importer.name.value.clone();
        self.found.iter().filter(move |(name, _)| **name != own && self.is_component(name))
    }

    /// The names of the components and services. What was cut out is known, too.
    pub(super) fn component_names(&self) -> impl Iterator<Item = &'a str> {
        let written = self.manifest.entries().map(|(name, _)| name.value.as_str());
        written.chain(self.manifest.cut.components.iter().map(String::as_str))
    }

    pub(super) fn is_component(&self, name: &ComponentName) -> bool {
        let Manifest { components, services, cut, .. } = self.manifest;
        components.contains_key(name) || services.contains_key(name) || cut.components.contains(name.as_str())
    }

    /// A component that nobody can look into, so that it may export what nothing else provides. That something is wrong
    /// with it is told; what follows from that is not. A package that the host has is not looked for there.
    fn unknown_sibling(&self, wanted: &Wanted<'_, '_>) -> Option<ComponentName> {
        let package = wanted.interface.package_key();
        if self.offers.iter().any(|offer| package.covers(&offer.interface)) {
            return None;
        }
        let names = self.component_names().map(ComponentName::resembling);
        names.into_iter().find(|name| !self.found.contains_key(name))
    }

    /// Whether the component `name` can be composed with the importer, for what is imported.
    fn composable(&self, name: &ComponentName, wanted: &Wanted<'_, '_>) -> Result<(), Fault> {
        // One that was not found may well be right.
        let Some(Found { shape, .. }) = self.found.get(name) else { return Ok(()) };
        if shape.export_for(wanted.interface).is_none() {
            return Err(uncallable::not_exported(name, (&wanted.importer.name.value, wanted.interface), shape));
        }
        if self.manifest.services.contains_key(name) {
            return Err(uncallable::composed_service(name));
        }
        match (wanted.importer.shape.kind, shape.kind) {
            (Kind::Component02, Kind::Component03) => Err(uncallable::composed_kinds(name, wanted)),
            _ => Ok(()),
        }
    }

    /// Whether the component `name` can be called for what is imported.
    fn callable(&self, name: &ComponentName, wanted: &Wanted<'_, '_>) -> Result<(), Fault> {
        // One that was not found may well be right.
        let Some(Found { shape, .. }) = self.found.get(name) else { return Ok(()) };
        let is_service = self.manifest.services.contains_key(name);
        Callee { name, shape, is_service }.serves(wanted.interface, &wanted.importer.name.value)
    }
}

/// A component that others may call.
pub(super) struct Callee<'a> {
    pub(super) name: &'a ComponentName,
    pub(super) shape: &'a Shape,
    pub(super) is_service: bool,
}

impl Callee<'_> {
    /// Whether `importer` can call it for `wanted`.
    pub(super) fn serves(&self, wanted: &Interface, importer: &ComponentName) -> Result<(), Fault> {
        let Self { name, shape, is_service } = self;
        let Some(export) = shape.export_for(wanted) else {
            return Err(uncallable::not_exported(name, (importer, wanted), shape));
        };
        if let Some(handle) = shape.handles.get(export) {
            return Err(uncallable::handles(name, wanted, export, *handle));
        }
        if *is_service && shape.kind == Kind::Component02 && shape.is_command() {
            return Err(uncallable::busy_service(name, export));
        }
        Ok(())
    }
}
