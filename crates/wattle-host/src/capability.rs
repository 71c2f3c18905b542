//! Capabilities: the interfaces that a host implements, each written once, whatever backend stands behind it.

pub(crate) mod bindings;
pub(crate) mod blobs;
pub(crate) mod config;
pub(crate) mod http;
pub(crate) mod joined;
pub(crate) mod key_value;
pub(crate) mod logging;
pub(crate) mod messaging;
mod names;
pub(crate) mod operation;
pub(crate) mod patience;
pub(crate) mod preview1;
mod repeatable;
pub(crate) mod secrets;
pub(crate) mod wasi;

use std::borrow::Cow;

use wasmtime::component::Linker;
use wattle_spec::interface::Interface;
use wattle_spec::resolve::{Labelling, Offer, State};
use wattle_spec::shape::ImportName;

use self::repeatable::Repeatable;
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub use self::repeatable::Via;
use crate::engine::Profile;
use crate::instance::Guest;

/// A group of interfaces that the host implements.
pub(crate) trait Capability: Send + Sync {
    /// The interfaces, with the versions that are implemented and the state they keep.
    fn offers(&self) -> Vec<Offer>;

    /// Joins them to every component that imports them on an engine of `profile`, all but those that are repeatable.
    fn link(&self, linker: &mut Linker<Guest>, profile: Profile) -> wasmtime::Result<()>;

    /// Those of them that a component can import more than once, each time with a link of its own.
    fn repeatable(&self) -> &'static [Repeatable] {
        &[]
    }
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

/// Every interface that a host implements: what a manifest is resolved against.
pub fn offers() -> Vec<Offer> {
    let offers = BUILT_IN.iter().flat_map(|capability| capability.offers());
    offers
        .map(|offer| Offer { labelling: repeatable::labelling(&offer.interface, repeatable_interfaces()), ..offer })
        .collect()
}

fn repeatable_interfaces() -> impl Iterator<Item = &'static Repeatable> + Clone {
    BUILT_IN.iter().flat_map(|capability| capability.repeatable())
}

/// A linker that has all of them.
pub(crate) fn linker(engine: &wasmtime::Engine, profile: Profile) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    for capability in BUILT_IN {
        capability.link(&mut linker, profile)?;
    }
    repeatable::link(&mut linker, profile, repeatable_interfaces())?;
    Ok(linker)
}

/// The linker for a component with these imports: `linker` itself, or one of its own that has those with labels.
pub(crate) fn with_labelled<'a>(
    linker: &'a Linker<Guest>,
    profile: Profile,
    imports: &[ImportName],
) -> wasmtime::Result<Cow<'a, Linker<Guest>>> {
    repeatable::with_labelled(linker, profile, imports, repeatable_interfaces())
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
