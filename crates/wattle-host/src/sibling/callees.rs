//! What the imports of a component lead to that others of its app provide. That can change: a call finds it among the
//! links that count for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::Component as Code;
use wasmtime::format_err;
use wattle_spec::app::ComponentSpec;
use wattle_spec::link::{Linked, Mode, Provider};
use wattle_spec::name::ComponentName;
use wattle_spec::shape::ImportName;

use super::Sibling;
use super::signature::{self, Function};
use crate::instance::{Guest, Member, MemberId};

/// What one import leads to.
pub(crate) struct Callee {
    sibling: Arc<Sibling>,
    /// Those that are imported, in their order.
    functions: Vec<Arc<Function>>,
}

/// A function that a component imports, and others provide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Whose import it is.
    pub(super) member: MemberId,
    /// The index of the import among such.
    pub(super) import: usize,
    /// The index among its functions.
    pub(super) function: usize,
}

/// The imports of a component that others provide `apart`, each with who does, in the order of their [places](Place): that does
/// not depend on who does.
pub(crate) fn provided(spec: &ComponentSpec) -> BTreeMap<&ImportName, &ComponentName> {
    let links = spec.links.iter().filter_map(|link| match (&link.what, &link.provider) {
        (Linked::Import(import), Provider::Component { name, mode: Mode::Apart }) => Some((import, name)),
        _ => None,
    });
    links.collect()
}

/// How composed code calls an import of a `member` under which nothing is found but what is joined for it: `place` is where
/// the member's shape has it.
pub(crate) fn own_name(member: MemberId, place: usize) -> String {
    format!("{member}-i{place}")
}

/// How the code of a component calls an import of it that others provide `apart`.
///
/// What is composed of several components has a name of its own for it: what they import of the same interface may be
/// provided by others.
pub(crate) fn name_in_code(spec: &ComponentSpec, import: &ImportName) -> String {
    let is_composed = spec.links.iter().any(|link| link.together().is_some());
    let place = spec.shape.imports.iter().position(|other| other == import);
    match place.filter(|_| is_composed) {
        Some(place) => own_name(MemberId::FIRST, place),
        None => import.in_binary(),
    }
}

impl Callee {
    /// What each of them leads to that a component with this `code` imports; `find` knows the components of its app.
    ///
    /// # Errors
    ///
    /// If one does not export what it is to provide, or functions are missing, differ in their types, or pass more than
    /// plain values.
    pub(crate) fn all(
        spec: &ComponentSpec,
        code: &Code,
        find: impl Fn(&ComponentName) -> Option<Arc<Sibling>>,
    ) -> wasmtime::Result<Vec<Self>> {
        let callee = |(import, name): (&ImportName, &ComponentName)| {
            let missing = || format_err!("there is no component {name} that could provide {import}");
            Self::new(find(name).ok_or_else(missing)?, (code, &name_in_code(spec, import)), import)
        };
        provided(spec).into_iter().map(callee).collect()
    }

    /// What an `import` leads to if it leads to `sibling`, and the code of the caller calls it so.
    fn new(sibling: Arc<Sibling>, (caller, name): (&Code, &str), import: &ImportName) -> wasmtime::Result<Self> {
        let not_imported = || format_err!("it does not import {import}");
        let interface = import.interface().ok_or_else(not_imported)?;
        let wanted = signature::imported(caller, name).ok_or_else(not_imported)?;
        let offered = signature::exported(sibling.code()?, &sibling.export(interface)?);
        let unfit = |reason| format_err!("{interface} of component {}: {reason}", sibling.name());
        let functions = wanted.iter().map(|(name, ty)| Function::find(name, ty, &offered).map(Arc::new).map_err(unfit));
        let functions = functions.collect::<wasmtime::Result<_>>()?;
        Ok(Self { sibling, functions })
    }
}

impl Place {
    /// What is there for `guest` now.
    pub(super) fn of(self, guest: &mut Guest) -> (Arc<Sibling>, Arc<Function>) {
        let Member { links, identity, .. } = guest.member_mut(self.member);
        let Callee { sibling, functions } = &links.of(identity).callees[self.import];
        (sibling.clone(), functions[self.function].clone())
    }
}
