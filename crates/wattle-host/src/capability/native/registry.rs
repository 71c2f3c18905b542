//! The native capabilities of a host: each value once, and which interfaces it implements.

use std::any::{Any, TypeId, type_name};

use wasmtime::component::{Linker, LinkerInstance};
use wattle_spec::interface::Interface;
use wattle_spec::resolve::{Labelling, Offer};

use super::call::views;
use super::{NativeCapability, NativeInterface};
use crate::engine::Profile;
use crate::error::HostError;
use crate::instance::{Guest, MemberId};

/// What a host has of the program around it, and everything that it offers with that.
pub(crate) struct Natives {
    /// Found by their types, because what joins an import to one of them is a function without a value.
    values: Vec<(TypeId, Box<dyn Any + Send + Sync>)>,
    interfaces: Vec<Registered>,
    /// Those that are built in, then its own.
    offers: Vec<Offer>,
}

struct Registered {
    interface: Interface,
    /// The engines that it is for.
    profiles: &'static [Profile],
    join: Box<Join>,
}

/// Joins an import of a component of a store.
type Join = dyn Fn(&mut LinkerInstance<'_, Guest>, MemberId) -> wasmtime::Result<()> + Send + Sync;

impl Default for Natives {
    fn default() -> Self {
        Self { values: Vec::new(), interfaces: Vec::new(), offers: crate::capability::offers().to_vec() }
    }
}

impl Natives {
    /// The same with one more.
    ///
    /// # Errors
    ///
    /// If one of its type is there, or one of its interfaces has no such name or is provided already.
    pub(crate) fn with<C: NativeCapability>(mut self, capability: C) -> Result<Self, HostError> {
        let id = TypeId::of::<C>();
        if self.values.iter().any(|(other, _)| *other == id) {
            return Err(HostError::CapabilityTwice { capability: type_name::<C>() });
        }
        for interface in capability.interfaces() {
            self.add(interface)?;
        }
        self.values.push((id, Box::new(capability)));
        Ok(self)
    }

    fn add<C: NativeCapability>(&mut self, native: NativeInterface<C>) -> Result<(), HostError> {
        let NativeInterface { name, join, profiles } = native;
        let interface = named::<C>(&name)?;
        let is_same = |other: &Interface| other.serves(&interface) || interface.serves(other);
        if let Some(taken) = self.offers.iter().find(|offer| is_same(&offer.interface)) {
            let by_native = self.interfaces.iter().any(|own| own.interface == taken.interface);
            let taken = taken.interface.clone();
            return Err(HostError::InterfaceTaken { interface, taken, by_native });
        }
        self.offers.push(Offer {
            interface: interface.clone(),
            state: None,
            is_concurrent: !profiles.contains(&Profile::Fast),
            has_names: false,
            labelling: Labelling::Never,
        });
        let join = Box::new(move |import: &mut LinkerInstance<'_, Guest>, member: MemberId| {
            join(import, member.of(views::<C>()))
        });
        self.interfaces.push(Registered { interface, profiles, join });
        Ok(())
    }

    /// Everything that a host with these offers.
    pub(crate) fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// The capability `C`.
    pub(super) fn get<C: NativeCapability>(&self) -> &C {
        let value = self.values.iter().find_map(|(_, value)| value.downcast_ref());
        value.expect("invariant: an import is joined to what a host has, and its instances are those of that host")
    }

    /// Whether one of them is what a component imports as `import`.
    pub(crate) fn serve(&self, import: &Interface) -> bool {
        self.interfaces.iter().any(|own| own.interface.serves(import))
    }

    /// Joins the imports that components have of them which have their store to themselves.
    pub(crate) fn link(&self, linker: &mut Linker<Guest>, profile: Profile) -> Result<(), HostError> {
        for own in self.interfaces.iter().filter(|own| own.profiles.contains(&profile)) {
            let joined = linker
                .instance(&own.interface.to_string())
                .and_then(|mut import| (own.join)(&mut import, MemberId::FIRST));
            let interface = &own.interface;
            joined.map_err(|error| HostError::Join { interface: interface.clone(), reason: format!("{error:#}") })?;
        }
        Ok(())
    }

    /// Joins `import`, which the component `member` of a store has of `interface`. `None`: none of them provides it.
    pub(crate) fn join(
        &self,
        (import, interface): (&mut LinkerInstance<'_, Guest>, &Interface),
        profile: Profile,
        member: MemberId,
    ) -> Option<wasmtime::Result<()>> {
        let serves = |own: &&Registered| own.interface.serves(interface) && own.profiles.contains(&profile);
        self.interfaces.iter().find(serves).map(|own| (own.join)(import, member))
    }
}

/// The interface of that name.
fn named<C>(name: &str) -> Result<Interface, HostError> {
    let misnamed = |reason| HostError::InterfaceName { capability: type_name::<C>(), name: name.to_owned(), reason };
    let interface: Interface = name.parse().map_err(|reason| misnamed(Some(reason)))?;
    match interface.name {
        Some(_) => Ok(interface),
        None => Err(misnamed(None)),
    }
}
