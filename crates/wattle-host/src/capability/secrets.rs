//! `wasmcloud:secrets@2.1.0` (store, reveal): the secrets that a component's manifest lists, and no others.
//!
//! A value goes from where it is kept into the guest that asks for it. The host keeps no copy beyond the handle, and
//! writes none anywhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::Level;
use wasmtime::component::{Accessor, HasData, Linker, Resource, ResourceTable};
use wattle_backend::bucket::Owner;
use wattle_backend::error::BackendError;
use wattle_backend::secrets::{Secret, Secrets};
use wattle_spec::name::SecretName;
use wattle_spec::resolve::{Offer, State};

use super::bindings::wasmcloud::secrets::{reveal, store};
use super::{Capability, offering};
use crate::engine::Profile;
use crate::instance::{Current, Guest, LineLog, Source};
use crate::telemetry::{Function, LinkFacts, watch};

const GET: Function = Function::new("wasmcloud:secrets/store.get");

/// `wasmcloud:secrets`.
pub(super) struct SecretStore;

/// Where the secrets of a component are read, and which it may read.
#[derive(Clone)]
pub(crate) struct SecretsLink {
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) owner: Owner,
    pub(crate) granted: Arc<BTreeSet<SecretName>>,
    /// What is told of the backend. `None`: the host's own variables.
    pub(crate) facts: Option<Arc<LinkFacts>>,
}

impl SecretsLink {
    /// Looks for each secret that is granted. The first that is not there, by its name and where it was looked for.
    pub(crate) async fn first_missing(&self) -> Result<Option<(SecretName, String)>, BackendError> {
        for name in &*self.granted {
            if self.secrets.get(&self.owner, name.as_str()).await?.is_none() {
                return Ok(Some((name.clone(), self.secrets.place(&self.owner, name.as_str()))));
            }
        }
        Ok(None)
    }

    /// A secret for `current`, which is told without the secret's name.
    async fn get(&self, current: &Current, key: &str) -> Result<Option<Secret>, BackendError> {
        let found = self.secrets.get(&self.owner, key);
        match &self.facts {
            Some(facts) => watch(current, GET, facts, found).await,
            None => found.await,
        }
    }

    fn grants(&self, key: &str) -> bool {
        key.parse::<SecretName>().is_ok_and(|name| self.granted.contains(&name))
    }
}

struct HasSecrets;

impl HasData for HasSecrets {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a> {
    table: &'a mut ResourceTable,
    link: Option<&'a SecretsLink>,
    log: &'a LineLog,
    current: &'a Current,
}

fn view(guest: &mut Guest) -> View<'_> {
    View { table: &mut guest.table, link: guest.identity.secrets.as_ref(), log: &guest.log, current: &guest.current }
}

impl Capability for SecretStore {
    fn offers(&self) -> Vec<Offer> {
        offering(&["wasmcloud:secrets/store@2.1.0", "wasmcloud:secrets/reveal@2.1.0"], Some(State::Secrets))
    }

    fn link(&self, linker: &mut Linker<Guest>, profile: Profile) -> wasmtime::Result<()> {
        // Its functions are asynchronous, which the other engine knows nothing of.
        if profile == Profile::Concurrent {
            store::add_to_linker::<Guest, HasSecrets>(linker, view)?;
            reveal::add_to_linker::<Guest, HasSecrets>(linker, view)?;
        }
        Ok(())
    }
}

impl store::Host for View<'_> {}

impl store::HostSecret for View<'_> {}

impl<T: Send> store::HostSecretWithStore<T> for HasSecrets {
    async fn drop(accessor: &Accessor<T, Self>, secret: Resource<Secret>) -> wasmtime::Result<()> {
        accessor.with(|mut access| access.get().table.delete(secret).map(drop))?;
        Ok(())
    }
}

impl<T: Send> store::HostWithStore<T> for HasSecrets {
    async fn get(
        accessor: &Accessor<T, Self>,
        key: String,
    ) -> wasmtime::Result<Result<Resource<Secret>, store::SecretsError>> {
        let link = accessor.with(|mut access| {
            let View { link, log, current, .. } = access.get();
            let granted = link.filter(|link| link.grants(&key)).cloned().map(|link| (link, current.clone()));
            if granted.is_none() {
                let refused = format!("the secret {key:?} is not among those that the manifest grants");
                log.line(Source::Log(Level::WARN), "wasmcloud:secrets", refused.as_bytes());
            }
            granted
        });
        let Some((link, current)) = link else { return Ok(Err(store::SecretsError::NotFound)) };
        match link.get(&current, &key).await {
            Ok(Some(secret)) => Ok(Ok(accessor.with(|mut access| access.get().table.push(secret))?)),
            Ok(None) => Ok(Err(store::SecretsError::NotFound)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a secret cannot be read");
                Ok(Err(store::SecretsError::Upstream(error.code().to_owned())))
            }
        }
    }
}

impl reveal::Host for View<'_> {}

impl<T: Send> reveal::HostWithStore<T> for HasSecrets {
    async fn reveal(accessor: &Accessor<T, Self>, secret: Resource<Secret>) -> wasmtime::Result<reveal::SecretValue> {
        accessor.with(|mut access| {
            let bytes = access.get().table.get(&secret)?.reveal();
            Ok(match std::str::from_utf8(bytes) {
                Ok(text) => reveal::SecretValue::String(text.to_owned()),
                Err(_) => reveal::SecretValue::Bytes(bytes.to_vec()),
            })
        })
    }
}
