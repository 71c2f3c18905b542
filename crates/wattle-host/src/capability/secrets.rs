//! `wasmcloud:secrets@2.1.0` (store, reveal, secret): the secrets that a component's manifest lists, and no others.
//!
//! A value goes from where it is kept into the guest that asks for it. The host keeps no copy beyond the handle, and
//! writes none anywhere.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use tracing::Level;
use wasmtime::component::{Accessor, HasData, LinkerInstance, Resource, ResourceTable};
use wattle_backend::bucket::Owner;
use wattle_backend::error::BackendError;
use wattle_backend::secrets::{Secret, Secrets};
use wattle_spec::name::SecretName;
use wattle_spec::resolve::{Labelling, Offer, State};

use super::bindings::named_imports::wasmcloud::secrets::secret;
use super::bindings::wasmcloud::secrets::reveal;
use super::bindings::wasmcloud::secrets::store::{self, SecretsError};
use super::joined::Joined;
use super::{Capability, Joinable, Via, offering};
use crate::instance::{Current, Guest, LineLog, MEMBERS_MAX, Member, Source, Split, for_each_member};
use crate::telemetry::{Function, HostCallError, LinkFacts, watch};

/// The key of its links.
const PACKAGE: &str = "wasmcloud:secrets";
const STORE: &str = "wasmcloud:secrets/store@2.1.0";
const REVEAL: &str = "wasmcloud:secrets/reveal@2.1.0";
const SECRET: &str = "wasmcloud:secrets/secret@2.1.0";

const STORE_GET: Function = Function::new("wasmcloud:secrets/store.get");
const SECRET_GET: Function = Function::new("wasmcloud:secrets/secret.get");

/// `wasmcloud:secrets`.
pub(super) struct SecretStore;

/// The secrets of a component: which it may read, and where each of its imports reads them.
#[derive(Default)]
pub(crate) struct SecretsGrant {
    pub(crate) granted: BTreeSet<SecretName>,
    pub(crate) links: Joined<SecretsLink>,
}

/// Where secrets are read.
#[derive(Clone)]
pub(crate) struct SecretsLink {
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) owner: Owner,
    /// What is told of the backend. `None`: the host's own variables.
    pub(crate) facts: Option<Arc<LinkFacts>>,
}

/// A secret cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the secret {key:?} cannot be read")]
struct Unread {
    key: String,
    source: BackendError,
}

impl HostCallError for Unread {
    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

impl SecretsGrant {
    /// Looks for each secret that is granted: where a link says so that has its name as a label, else where the link without
    /// a label does, else wherever the component can read. The first that is not there, by its name and where it was looked for.
    pub(crate) async fn first_missing(&self) -> Result<Option<(SecretName, String)>, BackendError> {
        for name in &self.granted {
            let own = self.links.called(PACKAGE, name.as_str());
            let link = own.or_else(|| self.links.unnamed(PACKAGE, &Via::PLAIN));
            let places: Vec<_> = link.map_or_else(|| self.links.all().collect(), |link| vec![link]);
            // What a component without the interface is granted nobody reads.
            if !places.is_empty() && !is_there(name, &places).await? {
                let place = |link: &&SecretsLink| link.secrets.place(&link.owner, name.as_str());
                let looked: Vec<_> = places.iter().map(place).collect();
                return Ok(Some((name.clone(), looked.join(" or "))));
            }
        }
        Ok(None)
    }

    fn grants(&self, key: &str) -> bool {
        key.parse::<SecretName>().is_ok_and(|name| self.granted.contains(&name))
    }
}

impl SecretsLink {
    /// A secret for `current`, which asks with `function`. Whoever counts calls is told without the secret's name.
    async fn get(&self, current: &Current, function: Function, key: &str) -> Result<Option<Secret>, Unread> {
        let found = self.secrets.get(&self.owner, key);
        let found = async { found.await.map_err(|source| Unread { key: key.to_owned(), source }) };
        match &self.facts {
            Some(facts) => watch(current, function, facts, found).await,
            None => found.await,
        }
    }
}

async fn is_there(name: &SecretName, places: &[&SecretsLink]) -> Result<bool, BackendError> {
    for link in places {
        if link.secrets.get(&link.owner, name.as_str()).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

struct HasSecrets;

impl HasData for HasSecrets {
    type Data<'a> = View<'a>;
}

/// What one call sees.
struct View<'a> {
    table: &'a mut ResourceTable,
    grant: &'a SecretsGrant,
    log: &'a LineLog,
    current: &'a Current,
}

fn view<const MEMBER: usize>(guest: &mut Guest) -> View<'_> {
    let Split { member: Member { links, identity, log, current, .. }, table, .. } = guest.split::<MEMBER>();
    View { table, grant: &links.of(identity).secrets, log, current }
}

impl Capability for SecretStore {
    fn offers(&self) -> Vec<Offer> {
        offering(&[STORE, REVEAL, SECRET], Some(State::Secrets))
    }

    fn joinable(&self) -> &'static [Joinable] {
        const {
            &[
                // What another `store` gave out could not be revealed: the type is that of the one without a label.
                Joinable::concurrent(STORE, join_store).once(),
                Joinable::concurrent(REVEAL, join_reveal).once(),
                Joinable { labelling: Labelling::Required, ..Joinable::concurrent(SECRET, join_secret) },
            ]
        }
    }
}

/// What each component of a store sees.
const VIEWS: [fn(&mut Guest) -> View<'_>; MEMBERS_MAX] = for_each_member!(view);

fn join_store(store: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    store::add_to_linker_instance::<Guest, HasSecrets>(store, via.of(VIEWS))
}

fn join_reveal(reveal: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    reveal::add_to_linker_instance::<Guest, HasSecrets>(reveal, via.of(VIEWS))
}

fn join_secret(secret: &mut LinkerInstance<'_, Guest>, via: Via) -> wasmtime::Result<()> {
    let view = via.of(VIEWS);
    secret::add_to_linker_instance::<Guest, HasSecrets>(secret, via, view)
}

/// The secret `key`, if it is granted and there.
async fn read<T>(accessor: &Accessor<T, HasSecrets>, via: &Via, key: &str) -> Result<Secret, SecretsError> {
    let link = accessor.with(|mut access| {
        let View { grant, log, current, .. } = access.get();
        if !grant.grants(key) {
            let refused = format!("the secret {key:?} is not among those that the manifest grants");
            log.line(Source::Log(Level::WARN), PACKAGE, refused.as_bytes());
            return None;
        }
        grant.links.unnamed(PACKAGE, via).map(|link| (link.clone(), current.clone()))
    });
    let (link, current) = link.ok_or(SecretsError::NotFound)?;
    let function = match via.label {
        None => STORE_GET,
        Some(_) => SECRET_GET,
    };
    match link.get(&current, function, key).await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => {
            let gone = format!("the secret {key:?} was there when the app started, and is not there any more");
            accessor.with(|mut access| access.get().log.line(Source::Log(Level::WARN), PACKAGE, gone.as_bytes()));
            Err(SecretsError::NotFound)
        }
        Err(error) => Err(SecretsError::Upstream(error.source.code().to_owned())),
    }
}

fn keep<T>(accessor: &Accessor<T, HasSecrets>, secret: Secret) -> wasmtime::Result<Resource<Secret>> {
    Ok(accessor.with(|mut access| access.get().table.push(secret))?)
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
    ) -> wasmtime::Result<Result<Resource<Secret>, SecretsError>> {
        match read(accessor, &Via::PLAIN, &key).await {
            Ok(secret) => keep(accessor, secret).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl secret::Host for View<'_> {}

impl<T: Send> secret::HostWithStore<T> for HasSecrets {
    /// The interface has no error: a secret that was there when the app started and cannot be read now ends the call.
    async fn get(accessor: &Accessor<T, Self>, via: Via) -> wasmtime::Result<Resource<Secret>> {
        let Some(name) = &via.label else { wasmtime::bail!("{SECRET} is imported without the name of a secret") };
        match read(accessor, &via, name.as_str()).await {
            Ok(secret) => keep(accessor, secret),
            Err(SecretsError::NotFound) => wasmtime::bail!("the secret {name} is not there"),
            Err(SecretsError::Upstream(why) | SecretsError::Io(why)) => {
                wasmtime::bail!("the secret {name} cannot be read: {why}")
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
