//! `wasi:config/store@0.2.0-rc.1`: the component's `config` of the manifest, and nothing else.

use wasmtime::component::{HasData, Linker};
use wattle_spec::resolve::Offer;

use super::bindings::wasi::config::store;
use super::{Capability, offering};
use crate::engine::Profile;
use crate::instance::Guest;

/// `wasi:config`.
pub(super) struct Config;

struct HasConfig;

impl HasData for HasConfig {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a>(&'a Guest);

impl Capability for Config {
    fn offers(&self) -> Vec<Offer> {
        offering(&["wasi:config/store@0.2.0-rc.1"], None)
    }

    fn link(&self, linker: &mut Linker<Guest>, _: Profile) -> wasmtime::Result<()> {
        store::add_to_linker::<Guest, HasConfig>(linker, |guest| View(guest))
    }
}

impl store::Host for View<'_> {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, store::Error>> {
        Ok(Ok(self.0.identity.config.get(&key).cloned()))
    }

    fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, store::Error>> {
        Ok(Ok(self.0.identity.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect()))
    }
}
