//! Capabilities: the interfaces that a host implements, each written once, whatever backend stands behind it.

pub(crate) mod bindings;
pub(crate) mod config;
pub(crate) mod http;
pub(crate) mod key_value;
pub(crate) mod logging;
pub(crate) mod messaging;
mod names;
pub(crate) mod preview1;
pub(crate) mod secrets;
pub(crate) mod wasi;

use wasmtime::component::Linker;
use wattle_spec::interface::Interface;
use wattle_spec::resolve::{Offer, State};

use crate::engine::Profile;
use crate::instance::Guest;

/// A group of interfaces that the host implements.
pub(crate) trait Capability: Send + Sync {
    /// The interfaces, with the versions that are implemented and the state they keep.
    fn offers(&self) -> Vec<Offer>;

    /// Joins them to every component that imports them on an engine of `profile`.
    fn link(&self, linker: &mut Linker<Guest>, profile: Profile) -> wasmtime::Result<()>;
}

/// What is compiled in.
const BUILT_IN: &[&dyn Capability] = &[
    &wasi::WasiCore,
    &http::Http,
    &key_value::KeyValueStore,
    &config::Config,
    &logging::Logging,
    &secrets::SecretStore,
    &messaging::Messaging,
];

/// Every interface that a host implements: what a manifest is resolved against.
pub fn offers() -> Vec<Offer> {
    BUILT_IN.iter().flat_map(|capability| capability.offers()).collect()
}

/// A linker that has all of them.
pub(crate) fn linker(engine: &wasmtime::Engine, profile: Profile) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    for capability in BUILT_IN {
        capability.link(&mut linker, profile)?;
    }
    Ok(linker)
}

/// Offers for `names`, each `namespace:package/interface@version`.
fn offering(names: &[&str], state: Option<State>) -> Vec<Offer> {
    let interface = |name: &&str| -> Interface { name.parse().expect("invariant: names of built-in interfaces parse") };
    names.iter().map(|name| Offer { interface: interface(name), state }).collect()
}
