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
pub(crate) mod secrets;
pub(crate) mod wasi;

use std::borrow::Cow;

use wasmtime::component::Linker;
use wattle_spec::interface::Interface;
use wattle_spec::label::Label;
use wattle_spec::resolve::{Offer, State};
use wattle_spec::shape::ImportName;

use crate::engine::Profile;
use crate::instance::Guest;

/// A group of interfaces that the host implements.
pub(crate) trait Capability: Send + Sync {
    /// The interfaces, with the versions that are implemented and the state they keep.
    fn offers(&self) -> Vec<Offer>;

    /// Joins them to every component that imports them on an engine of `profile`.
    fn link(&self, linker: &mut Linker<Guest>, profile: Profile) -> wasmtime::Result<()>;

    /// Joins an import that has a label to the one component that has it, and says whether this capability does that.
    fn link_labelled(&self, _: &mut Linker<Guest>, _: &LabelledImport<'_>) -> wasmtime::Result<bool> {
        Ok(false)
    }
}

/// An interface that a component imports under a name of its own.
pub(crate) struct LabelledImport<'a> {
    pub(crate) label: &'a Label,
    pub(crate) interface: &'a Interface,
    /// Of the engine that the component runs on.
    pub(crate) profile: Profile,
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

/// The linker for a component with these labelled imports: `linker` itself, or one of its own.
pub(crate) fn with_labelled<'a>(
    linker: &'a Linker<Guest>,
    profile: Profile,
    imports: &[ImportName],
) -> wasmtime::Result<Cow<'a, Linker<Guest>>> {
    let mut linker = Cow::Borrowed(linker);
    for import in imports {
        let ImportName::Labelled { label, interface } = import else { continue };
        let labelled = LabelledImport { label, interface, profile };
        let own = linker.to_mut();
        own.allow_shadowing(true);
        let mut joined = false;
        for capability in BUILT_IN {
            joined = joined || capability.link_labelled(own, &labelled)?;
        }
        if !joined {
            wasmtime::bail!("the host does not serve {interface} under a label, as {label}");
        }
    }
    Ok(linker)
}

/// Offers for `names`, each `namespace:package/interface@version`.
fn offering(names: &[&str], state: Option<State>) -> Vec<Offer> {
    let interface = |name: &&str| -> Interface { name.parse().expect("invariant: names of built-in interfaces parse") };
    names.iter().map(|name| Offer { interface: interface(name), state, is_concurrent: false }).collect()
}

/// The same for interfaces whose functions are `async` or never wait.
fn offering_concurrent(names: &[&str], state: Option<State>) -> Vec<Offer> {
    offering(names, state).into_iter().map(|offer| Offer { is_concurrent: true, ..offer }).collect()
}
