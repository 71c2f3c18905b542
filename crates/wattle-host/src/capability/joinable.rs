//! Interfaces whose imports are joined one by one, each with whose it is: those that a component can import under labels,
//! and those that are not the same for all components of a store.

use std::borrow::Cow;

use wasmtime::component::{Linker, LinkerInstance};
use wattle_spec::interface::Interface;
use wattle_spec::label::Label;
use wattle_spec::resolve::Labelling;

use super::native::Natives;
use crate::engine::Profile;
use crate::instance::{Guest, MEMBERS_MAX, MemberId};

/// An interface each of whose imports is joined by itself.
pub(crate) struct Joinable {
    /// With its version.
    pub(crate) interface: &'static str,
    /// Whether there are imports of it without a label.
    pub(crate) labelling: Labelling,
    /// The engines that it is for.
    pub(crate) profiles: &'static [Profile],
    /// Joins one of its imports.
    pub(crate) join: Join,
}

type Join = fn(&mut LinkerInstance<'_, Guest>, Via) -> wasmtime::Result<()>;

/// Which import of an interface a call comes through.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct Via {
    /// Whose import it is.
    pub(crate) member: MemberId,
    /// How the component calls it. `None`: as the interface is called.
    pub(crate) label: Option<Label>,
}

/// An import that is joined by itself.
pub(crate) struct Import<'a> {
    /// How it is called in the code.
    pub(crate) name: &'a str,
    pub(crate) interface: &'a Interface,
    pub(crate) via: Via,
}

impl Via {
    /// The import of a component that has its store to itself, called as its interface is.
    pub(crate) const PLAIN: Self = Self { member: MemberId::FIRST, label: None };

    /// What belongs to the component that imports, among what belongs to `all` of a store.
    pub(crate) fn of<T: Copy>(&self, all: [T; MEMBERS_MAX]) -> T {
        self.member.of(all)
    }
}

impl Joinable {
    /// One for every engine, with labels or without.
    pub(super) const fn new(interface: &'static str, join: Join) -> Self {
        Self { interface, labelling: Labelling::Allowed, profiles: &Profile::ALL, join }
    }

    /// One with functions that are `async`, which only one engine knows.
    pub(super) const fn concurrent(interface: &'static str, join: Join) -> Self {
        Self { profiles: &[Profile::Concurrent], ..Self::new(interface, join) }
    }

    /// The same, but never with a label.
    pub(super) const fn once(self) -> Self {
        Self { labelling: Labelling::Never, ..self }
    }

    /// Whether it is what a component imports as `import`.
    fn serves(&self, import: &Interface) -> bool {
        serves(self.interface, import)
    }
}

/// Whether the built-in interface `own` is what a component imports as `import`.
pub(super) fn serves(own: &str, import: &Interface) -> bool {
    let own: Interface = own.parse().expect("invariant: names of built-in interfaces parse");
    own.serves(import)
}

/// Whether a component can import `interface` under labels.
pub(super) fn labelling<'a>(interface: &Interface, mut all: impl Iterator<Item = &'a Joinable>) -> Labelling {
    all.find(|joinable| joinable.serves(interface)).map_or(Labelling::Never, |joinable| joinable.labelling)
}

/// Whether imports of `interface` are joined one by one.
pub(super) fn is_joined<'a>(interface: &Interface, mut all: impl Iterator<Item = &'a Joinable>) -> bool {
    all.any(|joinable| joinable.serves(interface))
}

/// Joins the imports that are called as their interfaces are.
pub(super) fn link<'a>(
    linker: &mut Linker<Guest>,
    profile: Profile,
    all: impl Iterator<Item = &'a Joinable>,
) -> wasmtime::Result<()> {
    // Some take the place of what the engine itself has.
    linker.allow_shadowing(true);
    let unlabelled = all.filter(|joinable| joinable.labelling != Labelling::Required);
    for joinable in unlabelled.filter(|joinable| joinable.profiles.contains(&profile)) {
        (joinable.join)(&mut linker.instance(joinable.interface)?, Via::PLAIN)?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

/// The linker for a component with these imports beside the usual ones: `linker` itself, or one of its own that has them.
pub(super) fn with_imports<'a, 'b, 'c>(
    linker: &'a Linker<Guest>,
    profile: Profile,
    imports: impl Iterator<Item = Import<'b>>,
    (all, natives): (impl Iterator<Item = &'c Joinable> + Clone, &Natives),
) -> wasmtime::Result<Cow<'a, Linker<Guest>>> {
    let mut linker = Cow::Borrowed(linker);
    for Import { name, interface, via } in imports {
        let serves = |other: &&Joinable| other.serves(interface) && other.profiles.contains(&profile);
        let own = linker.to_mut();
        // What is joined may take the place of some functions of the interface.
        own.allow_shadowing(true);
        let mut import = own.instance(name)?;
        let joined = match all.clone().find(serves) {
            Some(joinable) => Some((joinable.join)(&mut import, via)),
            None => natives.join((&mut import, interface), profile, via.member),
        };
        joined.unwrap_or_else(|| wasmtime::bail!("the host does not serve {interface} as {name}"))?;
    }
    Ok(linker)
}
