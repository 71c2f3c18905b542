//! The components that share a store: one, and those that it calls `together`, as one code that is composed of theirs.

use std::collections::BTreeMap;

use bytes::Bytes;
use wattle_spec::app::{App, ComponentSpec};
use wattle_spec::digest::Digest;
use wattle_spec::interface::Interface;
use wattle_spec::link::Link;
use wattle_spec::name::ComponentName;
use wattle_spec::shape::ImportName;

use crate::capability::native::Natives;
use crate::capability::{Via, is_personal, is_shared};
use crate::engine::CompileError;
use crate::error::{StartError, with_causes};
use crate::instance::{MEMBERS_MAX, MemberId};
use crate::sibling::{Part, Wire, compose, name_in_code, own_name, provided};

/// Changed whenever components are composed in another way: what was compiled before is compiled anew.
const FORMAT: &str = "together 2";

/// The components that share a store, the one that it is made for first.
pub(super) struct Crew<'a> {
    members: Vec<Aboard<'a>>,
    /// What the program around the host implements, of which each call is somebody's.
    natives: &'a Natives,
}

/// A component of a crew.
pub(super) struct Aboard<'a> {
    pub(super) id: MemberId,
    pub(super) name: &'a ComponentName,
    spec: &'a ComponentSpec,
}

/// An import of the whole.
pub(super) struct Import<'a> {
    pub(super) via: Via,
    /// How the whole calls it.
    pub(super) name: String,
    pub(super) interface: &'a Interface,
    /// The index among those that other components provide to it in instances of their own. `None`: the host has it.
    pub(super) provided: Option<usize>,
}

impl<'a> Crew<'a> {
    /// That of the component `name` of `app`.
    ///
    /// # Errors
    ///
    /// If it is too large, or a component of it is not there.
    pub(super) fn of(
        app: &'a App,
        name: &'a ComponentName,
        spec: &'a ComponentSpec,
        natives: &'a Natives,
    ) -> Result<Self, StartError> {
        let refused = |reason| StartError::Link { component: name.clone(), reason };
        let mut found = vec![(name, spec)];
        let mut next = 0;
        while let Some((_, spec)) = found.get(next) {
            for (_, callee) in together(spec) {
                if found.iter().all(|(other, _)| *other != callee) {
                    let spec = app.components.get(callee);
                    found.push((callee, spec.ok_or_else(|| refused(format!("there is no component {callee}")))?));
                }
            }
            next += 1;
        }
        if found.len() > MEMBERS_MAX {
            let reason = format!("{} components are called together, and {MEMBERS_MAX} are the most", found.len());
            return Err(refused(reason));
        }
        let members = MemberId::all().zip(found).map(|(id, (name, spec))| Aboard { id, name, spec });
        Ok(Self { members: members.collect(), natives })
    }

    /// Those that are called by the one that the store is made for, and by each other.
    pub(super) fn callees(&self) -> impl Iterator<Item = &Aboard<'a>> {
        self.members.iter().skip(1)
    }

    /// All, with their bytes' digests.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&'a ComponentName, &'a Digest)> {
        self.members.iter().map(|aboard| (aboard.name, &aboard.spec.digest))
    }

    /// What its code goes by: the digest of its bytes if it is alone, else one of all that the whole is made of.
    pub(super) fn digest(&self) -> Digest {
        if let [alone] = &self.members[..] {
            return alone.spec.digest;
        }
        let mut recipe = FORMAT.to_owned();
        let order = self.callees_first();
        for aboard in order.iter().map(|place| &self.members[*place]) {
            recipe += &format!("\n{}", aboard.spec.digest);
            for (import, wire) in self.wires(aboard, &order) {
                recipe += &format!("\n{import} = {wire}");
            }
        }
        Digest::of(recipe.as_bytes())
    }

    /// The bytes of the whole, of those of each component in the order of [`sources`](Self::sources).
    pub(super) fn wasm(&self, mut bytes: Vec<Bytes>) -> Result<Bytes, String> {
        if self.members.len() == 1 {
            return Ok(bytes.remove(0));
        }
        let order = self.callees_first();
        let wires: Vec<_> = order.iter().map(|place| self.wires(&self.members[*place], &order)).collect();
        let parts = order.iter().zip(&wires).map(|(place, wires)| Part { wasm: &bytes[*place], wires });
        let whole = compose(&parts.collect::<Vec<_>>()).map_err(|error| with_causes(&error))?;
        Ok(whole.into())
    }

    /// What an error of the compiler says of components that do not fit each other. `None`: one that is alone.
    pub(super) fn misfit(&self, error: &CompileError) -> Option<StartError> {
        let CompileError::Refused { reason } = error else { return None };
        let (first, callees) = self.members.split_first().filter(|(_, callees)| !callees.is_empty())?;
        let callees: Vec<_> = callees.iter().map(|aboard| aboard.name.to_string()).collect();
        let reason = format!("it cannot be called together with {}: {reason}", callees.join(", "));
        Some(StartError::Link { component: first.name.clone(), reason })
    }

    /// What the whole imports for one of them alone.
    pub(super) fn imports(&self) -> impl Iterator<Item = Import<'a>> {
        self.members.iter().flat_map(|aboard| aboard.own_imports(self.natives))
    }

    fn place(&self, name: &ComponentName) -> usize {
        self.members.iter().position(|aboard| aboard.name == name).unwrap_or(usize::MAX)
    }

    /// The places of all components, each after those that it calls. They call each other in no circle.
    fn callees_first(&self) -> Vec<usize> {
        let mut order = Vec::new();
        self.visit(0, &mut order);
        order
    }

    fn visit(&self, place: usize, order: &mut Vec<usize>) {
        for (_, callee) in together(self.members[place].spec) {
            let callee = self.place(callee);
            if !order.contains(&callee) {
                self.visit(callee, order);
            }
        }
        order.push(place);
    }

    /// Where the imports of a component lead, among parts in this `order`.
    fn wires(&self, aboard: &Aboard<'a>, order: &[usize]) -> BTreeMap<String, Wire> {
        let outside = aboard.spec.shape.imports.iter().enumerate();
        let outside = outside.map(|(place, import)| (import.in_binary(), Wire::Import(aboard.name_of(place, import))));
        let inside = together(aboard.spec).filter_map(|(import, callee)| {
            let place = self.place(callee);
            let export = self.members[place].spec.shape.export_for(import.interface()?)?;
            let place = order.iter().position(|other| *other == place)?;
            Some((import.in_binary(), Wire::Part { place, export: export.to_string() }))
        });
        outside.chain(inside).collect()
    }
}

impl<'a> Aboard<'a> {
    /// Those of its imports for which it matters whose they are.
    fn own_imports(&self, natives: &'a Natives) -> impl Iterator<Item = Import<'a>> {
        let apart = provided(self.spec);
        let inside: Vec<_> = together(self.spec).map(|(import, _)| import).collect();
        let (id, is_first) = (self.id, self.id == MemberId::FIRST);
        self.spec.shape.imports.iter().enumerate().filter_map(move |(place, import)| {
            let interface = import.interface().filter(|_| !inside.contains(&import))?;
            let provided = apart.keys().position(|other| *other == import);
            let is_whose = || is_personal(interface) || natives.serve(interface);
            let is_own = provided.is_some() || import.label().is_some() || !is_first && is_whose();
            let via = Via { member: id, label: import.label().cloned() };
            is_own.then(|| Import { via, name: self.name_of(place, import), interface, provided })
        })
    }

    /// How the whole calls one of its imports.
    ///
    /// Of the component that the store is made for they keep their names, unless others provide them. What is the same for
    /// everybody is found under a name of the same version, whatever stands behind a `+`, and no two imports are called the
    /// same. The others have names under which nothing is found but what is joined for them.
    fn name_of(&self, place: usize, import: &ImportName) -> String {
        let is_apart = provided(self.spec).contains_key(import);
        match import {
            _ if self.id == MemberId::FIRST && is_apart => name_in_code(self.spec, import),
            _ if self.id == MemberId::FIRST => import.in_binary(),
            ImportName::Interface(interface) if !is_apart && is_shared(interface) => {
                let name = interface.to_string();
                let version = name.split_once('+').map_or(name.as_str(), |(version, _)| version);
                format!("{version}+{}", self.id)
            }
            _ => own_name(self.id, place),
        }
    }
}

/// What a component imports from others that it calls together.
fn together(spec: &ComponentSpec) -> impl Iterator<Item = (&ImportName, &ComponentName)> {
    spec.links.iter().filter_map(Link::together)
}
