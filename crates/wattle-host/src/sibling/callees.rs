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
    /// The how manieth of such imports.
    pub(super) import: usize,
    /// The how manieth of its functions.
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
            Self::new(find(name).ok_or_else(missing)?, code, import)
        };
        provided(spec).into_iter().map(callee).collect()
    }

    fn new(sibling: Arc<Sibling>, caller: &Code, import: &ImportName) -> wasmtime::Result<Self> {
        let not_imported = || format_err!("it does not import {import}");
        let interface = import.interface().ok_or_else(not_imported)?;
        let wanted = signature::imported(caller, &super::name_of(import)).ok_or_else(not_imported)?;
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
