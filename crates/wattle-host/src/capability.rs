//! Capabilities: the interfaces that a host implements, each written once, whatever backend stands behind it.

pub(crate) mod bindings;
pub(crate) mod blobs;
pub(crate) mod config;
pub(crate) mod http;
pub(crate) mod joinable;
pub(crate) mod joined;
pub(crate) mod keep;
pub(crate) mod key_value;
pub(crate) mod logging;
pub(crate) mod messaging;
mod names;
pub(crate) mod native;
pub(crate) mod operation;
pub(crate) mod patience;
mod personal;
pub(crate) mod preview1;
pub(crate) mod secrets;
pub(crate) mod wasi;

use std::borrow::Cow;
use std::sync::LazyLock;

use wasmtime::component::Linker;
use wattle_spec::interface::Interface;
use wattle_spec::resolve::{Labelling, Offer, State};

#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub use self::joinable::Via;
use self::joinable::{Import, Joinable};
use self::native::Natives;
use crate::engine::Profile;
use crate::instance::Guest;

/// A group of interfaces that the host implements.
pub(crate) trait Capability: Send + Sync {
    /// The interfaces, with the versions that are implemented and the state they keep.
    fn offers(&self) -> Vec<Offer>;

    /// Joins those that are the same for every import of every component on an engine of `profile`.
    fn link(&self, _linker: &mut Linker<Guest>, _profile: Profile) -> wasmtime::Result<()> {
        Ok(())
    }

    /// Those whose imports are joined one by one, each with whose it is.
    fn joinable(&self) -> &'static [Joinable];
}

/// What is compiled in.
const BUILT_IN: &[&dyn Capability] = &[
    &wasi::WasiCore,
    &http::Http,
    &key_value::KeyValueStore,
    &blobs::Blobstore,
    &config::Config,
    &logging::Logging,
    &secrets::SecretStore,
    &messaging::Messaging,
];

/// Every interface that each host implements: what a manifest is resolved against, unless a host has more
/// ([`Host::offers`](crate::Host::offers)).
pub fn offers() -> &'static [Offer] {
    // A host of many apps asks for each.
    static OFFERS: LazyLock<Vec<Offer>> = LazyLock::new(|| {
        let offers = BUILT_IN.iter().flat_map(|capability| capability.offers());
        offers
            .map(|offer| Offer { labelling: joinable::labelling(&offer.interface, joinable_interfaces()), ..offer })
            .collect()
    });
    &OFFERS
}

fn joinable_interfaces() -> impl Iterator<Item = &'static Joinable> + Clone {
    BUILT_IN.iter().flat_map(|capability| capability.joinable())
}

/// A linker that has all of them.
pub(crate) fn linker(engine: &wasmtime::Engine, profile: Profile) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    for capability in BUILT_IN {
        capability.link(&mut linker, profile)?;
    }
    joinable::link(&mut linker, profile, joinable_interfaces())?;
    Ok(linker)
}

/// The linker for a component that has these imports beside the usual ones: `linker` itself, or one of its own.
pub(crate) fn with_imports<'a, 'b>(
    linker: &'a Linker<Guest>,
    profile: Profile,
    imports: impl Iterator<Item = Import<'b>>,
    natives: &Natives,
) -> wasmtime::Result<Cow<'a, Linker<Guest>>> {
    joinable::with_imports(linker, profile, imports, (joinable_interfaces(), natives))
}

/// Whether what a call of `interface` does depends on who calls.
pub(crate) fn is_personal(interface: &Interface) -> bool {
    joinable::is_joined(interface, joinable_interfaces())
}

/// Whether `interface` is one of the host's that is the same for all components of a store.
pub(crate) fn is_shared(interface: &Interface) -> bool {
    personal::is_shared(interface)
}

/// Offers for `names`, each `namespace:package/interface@version`.
fn offering(names: &[&str], state: Option<State>) -> Vec<Offer> {
    let interface = |name: &&str| -> Interface { name.parse().expect("invariant: names of built-in interfaces parse") };
    let offer = |name| Offer {
        interface: interface(name),
        state,
        is_concurrent: false,
        has_names: false,
        labelling: Labelling::Never,
    };
    names.iter().map(offer).collect()
}

/// The same for interfaces through which guests open what has a name.
fn by_name(offers: Vec<Offer>) -> impl Iterator<Item = Offer> {
    offers.into_iter().map(|offer| Offer { has_names: true, ..offer })
}

/// The same for interfaces whose functions are `async` or never wait.
fn offering_concurrent(names: &[&str], state: Option<State>) -> Vec<Offer> {
    offering(names, state).into_iter().map(|offer| Offer { is_concurrent: true, ..offer }).collect()
}
