//! Interfaces that a component can import more than once: under its own name, and under labels.

use std::borrow::Cow;

use wasmtime::component::{Linker, LinkerInstance};
use wattle_spec::interface::Interface;
use wattle_spec::label::Label;
use wattle_spec::resolve::Labelling;
use wattle_spec::shape::ImportName;

use crate::engine::Profile;
use crate::instance::Guest;

/// An interface each of whose imports can have a link of its own.
pub(crate) struct Repeatable {
    /// With its version.
    pub(crate) interface: &'static str,
    /// Whether there are imports of it without a label.
    pub(crate) labelling: Labelling,
    /// The engines that it is for.
    pub(crate) profiles: &'static [Profile],
    /// Joins one of its imports.
    pub(crate) join: fn(&mut LinkerInstance<'_, Guest>, Via) -> wasmtime::Result<()>,
}

/// Which import of an interface a call comes through.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub enum Via {
    /// The one that is called as the interface is.
    Interface,
    /// One that the component calls so.
    Label(Label),
}

impl Repeatable {
    /// One for every engine.
    pub(super) const fn new(
        interface: &'static str,
        join: fn(&mut LinkerInstance<'_, Guest>, Via) -> wasmtime::Result<()>,
    ) -> Self {
        Self { interface, labelling: Labelling::Allowed, profiles: &Profile::ALL, join }
    }

    /// One with functions that are `async`, which only one engine knows.
    pub(super) const fn concurrent(
        interface: &'static str,
        join: fn(&mut LinkerInstance<'_, Guest>, Via) -> wasmtime::Result<()>,
    ) -> Self {
        Self { profiles: &[Profile::Concurrent], ..Self::new(interface, join) }
    }

    /// Whether it is what a component imports as `import`.
    fn serves(&self, import: &Interface) -> bool {
        let own: Interface = self.interface.parse().expect("invariant: names of built-in interfaces parse");
        own.serves(import)
    }
}

/// Whether a component can import `interface` under labels.
pub(super) fn labelling<'a>(interface: &Interface, mut all: impl Iterator<Item = &'a Repeatable>) -> Labelling {
    all.find(|repeatable| repeatable.serves(interface)).map_or(Labelling::Never, |repeatable| repeatable.labelling)
}

/// Joins the imports that are called as their interfaces are.
pub(super) fn link<'a>(
    linker: &mut Linker<Guest>,
    profile: Profile,
    all: impl Iterator<Item = &'a Repeatable>,
) -> wasmtime::Result<()> {
    let unlabelled = all.filter(|repeatable| repeatable.labelling != Labelling::Required);
    for repeatable in unlabelled.filter(|repeatable| repeatable.profiles.contains(&profile)) {
        (repeatable.join)(&mut linker.instance(repeatable.interface)?, Via::Interface)?;
    }
    Ok(())
}

/// The linker for a component with these imports: `linker` itself, or one of its own that has those with labels.
pub(super) fn with_labelled<'a, 'b>(
    linker: &'a Linker<Guest>,
    profile: Profile,
    imports: &[ImportName],
    all: impl Iterator<Item = &'b Repeatable> + Clone,
) -> wasmtime::Result<Cow<'a, Linker<Guest>>> {
    let mut linker = Cow::Borrowed(linker);
    for import in imports {
        let ImportName::Labelled { label, interface } = import else { continue };
        let serves = |other: &&Repeatable| other.serves(interface) && other.profiles.contains(&profile);
        let Some(repeatable) = all.clone().find(serves) else {
            wasmtime::bail!("the host does not serve {interface} under a label, as {label}");
        };
        let own = linker.to_mut();
        // What is joined may take the place of some functions of the interface.
        own.allow_shadowing(true);
        (repeatable.join)(&mut own.instance(label.as_str())?, Via::Label(label.clone()))?;
    }
    Ok(linker)
}
