//! `wasi:config` (`store@0.2.0-rc.1` and `runtime@0.2.0-draft`): the component's `config` of the manifest, and before it
//! what the backend keeps that the package is linked to.
//!
//! The backend is asked at each call, so what an operator changes there is seen by the next one.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::{HasData, Linker};
use wattle_backend::bucket::{Bucket, Owner};
use wattle_backend::error::BackendError;
use wattle_backend::key_value::KeyValue;
use wattle_spec::name::ComponentName;
use wattle_spec::resolve::{Offer, State};

use super::bindings::wasi::config0_2_0_draft::runtime;
use super::bindings::wasi::config0_2_0_rc_1::store;
use super::{Capability, offering};
use crate::component::Identity;
use crate::engine::Profile;
use crate::instance::Guest;

/// Keys that are asked for at a time.
const PAGE_LEN: usize = 1000;
/// The most keys that `get-all` gives.
const KEYS_MAX: usize = 10_000;

/// `wasi:config`.
pub(super) struct Config;

/// Where configuration is kept beside the manifest.
pub(crate) struct ConfigLink {
    store: Arc<dyn KeyValue>,
    bucket: Bucket,
}

/// Why configuration cannot be read, in words for the guest.
struct Unreadable(String);

impl ConfigLink {
    /// The configuration of `component` in `store`: the bucket `config_COMPONENT` of its owner. What apps open by name
    /// is in buckets whose names have a `/` behind the backend's, so none of them reaches it.
    pub(crate) fn new(store: Arc<dyn KeyValue>, owner: Owner, component: &ComponentName) -> Self {
        Self { store, bucket: Bucket { owner, name: format!("config_{component}") } }
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
                return Err(Unreadable(format!("there are more than {KEYS_MAX} keys")));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

fn text(key: &str, value: &Bytes) -> Result<String, Unreadable> {
    let text = std::str::from_utf8(value).map_err(|_| Unreadable(format!("the value of {key:?} is not text")))?;
    Ok(text.to_owned())
}

impl From<BackendError> for Unreadable {
    fn from(error: BackendError) -> Self {
        tracing::warn!(error = &error as &dyn std::error::Error, "configuration cannot be read");
        Self(error.code().to_owned())
    }
}

struct HasConfig;

impl HasData for HasConfig {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a>(&'a Identity);

impl View<'_> {
    async fn one(&self, key: &str) -> Result<Option<String>, Unreadable> {
        let kept = match &self.0.config_link {
            Some(link) => link.get(key).await?,
            None => None,
        };
        Ok(kept.or_else(|| self.0.config.get(key).cloned()))
    }

    async fn all(&self) -> Result<Vec<(String, String)>, Unreadable> {
        let mut config = self.0.config.clone();
        if let Some(link) = &self.0.config_link {
            link.add_all(&mut config).await?;
        }
        Ok(config.into_iter().collect())
    }
}

impl Capability for Config {
    fn offers(&self) -> Vec<Offer> {
        offering(&["wasi:config/store@0.2.0-rc.1", "wasi:config/runtime@0.2.0-draft"], Some(State::Config))
    }

    fn link(&self, linker: &mut Linker<Guest>, _: Profile) -> wasmtime::Result<()> {
        store::add_to_linker::<Guest, HasConfig>(linker, |guest| View(&guest.identity))?;
        runtime::add_to_linker::<Guest, HasConfig>(linker, |guest| View(&guest.identity))
    }
}

impl store::Host for View<'_> {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, store::Error>> {
        Ok(self.one(&key).await.map_err(|Unreadable(why)| store::Error::Upstream(why)))
    }

    async fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, store::Error>> {
        Ok(self.all().await.map_err(|Unreadable(why)| store::Error::Upstream(why)))
    }
}

impl runtime::Host for View<'_> {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, runtime::ConfigError>> {
        Ok(self.one(&key).await.map_err(|Unreadable(why)| runtime::ConfigError::Upstream(why)))
    }

    async fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, runtime::ConfigError>> {
        Ok(self.all().await.map_err(|Unreadable(why)| runtime::ConfigError::Upstream(why)))
    }
}
