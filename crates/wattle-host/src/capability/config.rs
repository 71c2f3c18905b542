//! `wasi:config` (`store@0.2.0-rc.1` and `runtime@0.2.0-draft`): the component's `config` of the manifest, and before it
//! what the backend keeps that the package is linked to.
//!
//! The backend is asked at each call, so what an operator changes there is seen by the next one.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::{HasData, LinkerInstance};
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;
use wattle_spec::name::ComponentName;
use wattle_spec::resolve::{Offer, State};

use super::bindings::named_imports::wasi::config0_2_0_draft::runtime;
use super::bindings::named_imports::wasi::config0_2_0_rc_1::store;
use super::bindings::wasi::config0_2_0_draft::runtime::ConfigError;
use super::bindings::wasi::config0_2_0_rc_1::store::Error as StoreError;
use super::{Capability, Joinable, Via, offering};
use crate::capability::joined::Joined;
use crate::component::Identity;
use crate::instance::{Current, Guest, MEMBERS_MAX, Member, for_each_member};
use crate::telemetry::{Function, HostCallError, LinkFacts, watch};

/// Keys that are asked for at a time.
const PAGE_LEN: usize = 1000;
/// The most keys that `get-all` gives.
const KEYS_MAX: usize = 10_000;
/// The key of its links.
const PACKAGE: &str = "wasi:config";
const STORE: &str = "wasi:config/store@0.2.0-rc.1";
const RUNTIME: &str = "wasi:config/runtime@0.2.0-draft";

const STORE_GET: Function = Function::new("wasi:config/store.get");
const STORE_GET_ALL: Function = Function::new("wasi:config/store.get-all");
const RUNTIME_GET: Function = Function::new("wasi:config/runtime.get");
const RUNTIME_GET_ALL: Function = Function::new("wasi:config/runtime.get-all");

/// `wasi:config`.
pub(super) struct Config;

/// Where configuration is kept beside the manifest.
pub(crate) struct ConfigLink {
    store: Arc<dyn KeyValue>,
    bucket: Bucket,
    /// What is told of it.
    facts: Arc<LinkFacts>,
}

/// Why configuration cannot be read.
enum Unreadable {
    Backend(BackendError),
    Other(String),
}

impl Unreadable {
    /// In words for the guest.
    fn told(self) -> String {
        match self {
            Unreadable::Backend(error) => error.code().to_owned(),
            Unreadable::Other(why) => why,
        }
    }
}

impl HostCallError for Unreadable {
    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Unreadable::Backend(error) => Some(error),
            Unreadable::Other(_) => None,
        }
    }
}

impl ConfigLink {
    /// The configuration of `component` in `store`: the bucket `config_COMPONENT` of its owner. What apps open by name
    /// is in buckets whose names have a `/` behind the backend's, so none of them reaches it.
    pub(crate) fn new(
        store: Arc<dyn KeyValue>,
        owner: Owner,
        component: &ComponentName,
        facts: Arc<LinkFacts>,
    ) -> Self {
        Self { store, bucket: Bucket { owner, name: format!("config_{component}") }, facts }
    }

    async fn get(&self, key: &str) -> Result<Option<String>, Unreadable> {
        match self.store.get(&self.bucket, key).await? {
            Some(entry) => text(key, &entry.value).map(Some),
            None => Ok(None),
        }
    }

    async fn add_all(&self, config: &mut BTreeMap<String, String>) -> Result<(), Unreadable> {
        let mut after: Option<String> = None;
        loop {
            let page = self.store.list(&self.bucket, after.as_deref(), PAGE_LEN).await?;
            for key in page.keys {
                if let Some(value) = self.get(&key).await? {
                    config.insert(key, value);
                }
            }
            if config.len() > KEYS_MAX {
                return Err(Unreadable::Other(format!("there are more than {KEYS_MAX} keys")));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

fn text(key: &str, value: &Bytes) -> Result<String, Unreadable> {
    let text =
        std::str::from_utf8(value).map_err(|_| Unreadable::Other(format!("the value of {key:?} is not text")))?;
    Ok(text.to_owned())
}

impl From<BackendError> for Unreadable {
    fn from(error: BackendError) -> Self {
        Unreadable::Backend(error)
    }
}

struct HasConfig;

impl HasData for HasConfig {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a> {
    identity: &'a Identity,
    links: &'a Joined<ConfigLink>,
    current: &'a Current,
}

fn view<const MEMBER: usize>(guest: &mut Guest) -> View<'_> {
    let Member { links, identity, current, .. } = guest.split::<MEMBER>().member;
    View { links: &links.of(identity).config, identity, current }
}

/// What each component of a store sees.
const VIEWS: [fn(&mut Guest) -> View<'_>; MEMBERS_MAX] = for_each_member!(view);

impl View<'_> {
    async fn one(&self, via: &Via, function: Function, key: &str) -> Result<Option<String>, Unreadable> {
        let kept = match self.links.unnamed(PACKAGE, via) {
            Some(link) => watch(self.current, function, &link.facts, link.get(key)).await?,
            None => None,
        };
        Ok(kept.or_else(|| self.identity.config.get(key).cloned()))
    }

    async fn all(&self, via: &Via, function: Function) -> Result<Vec<(String, String)>, Unreadable> {
        let mut config = self.identity.config.clone();
        if let Some(link) = self.links.unnamed(PACKAGE, via) {
            watch(self.current, function, &link.facts, link.add_all(&mut config)).await?;
        }
        Ok(config.into_iter().collect())
    }
}

impl Capability for Config {
    fn offers(&self) -> Vec<Offer> {
        offering(&[STORE, RUNTIME], Some(State::Config))
    }

    fn joinable(&self) -> &'static [Joinable] {
        const { &[Joinable::new(STORE, join_store), Joinable::new(RUNTIME, join_runtime)] }
    }
}

fn join_store(store: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    store::add_to_linker_instance::<Guest, HasConfig>(store, via, view)
}

fn join_runtime(runtime: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    runtime::add_to_linker_instance::<Guest, HasConfig>(runtime, via, view)
}

impl store::Host for View<'_> {
    async fn get(&mut self, via: Via, key: String) -> wasmtime::Result<Result<Option<String>, StoreError>> {
        Ok(self.one(&via, STORE_GET, &key).await.map_err(|error| StoreError::Upstream(error.told())))
    }

    async fn get_all(&mut self, via: Via) -> wasmtime::Result<Result<Vec<(String, String)>, StoreError>> {
        Ok(self.all(&via, STORE_GET_ALL).await.map_err(|error| StoreError::Upstream(error.told())))
    }
}

impl runtime::Host for View<'_> {
    async fn get(&mut self, via: Via, key: String) -> wasmtime::Result<Result<Option<String>, ConfigError>> {
        Ok(self.one(&via, RUNTIME_GET, &key).await.map_err(|error| ConfigError::Upstream(error.told())))
    }

    async fn get_all(&mut self, via: Via) -> wasmtime::Result<Result<Vec<(String, String)>, ConfigError>> {
        Ok(self.all(&via, RUNTIME_GET_ALL).await.map_err(|error| ConfigError::Upstream(error.told())))
    }
}
