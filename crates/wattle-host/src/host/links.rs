//! What the imports of a component that keep something lead to, by kind of state: each link to the store that its backend
//! has for it, with whose it is there and what is told of calls.

use std::sync::Arc;

use wattle_backend::bucket::Owner;
use wattle_backend::error::BackendError;
use wattle_backend::secrets::{EnvironmentSecrets, KeptSecrets, Secrets};
use wattle_spec::app::{App, ComponentSpec};
use wattle_spec::backend::PREFIX_DEFAULT;
use wattle_spec::link::{Link, Provider};
use wattle_spec::name::{BackendName, ComponentName};
use wattle_spec::resolve::State;

use super::backends::{AppBackend, Backends};
use crate::backing::{Lease, Term};
use crate::capability::blobs::BlobsLink;
use crate::capability::config::ConfigLink;
use crate::capability::joined::Joined;
use crate::capability::keep::Side;
use crate::capability::key_value::KeyValueLink;
use crate::capability::logging::LogLink;
use crate::capability::messaging::BusLink;
use crate::capability::secrets::{SecretsGrant, SecretsLink};
use crate::component::Links;
use crate::error::StartError;
use crate::sibling::Callee;

/// A component while its imports are joined.
pub(super) struct Joining<'a> {
    pub(super) app: &'a App,
    pub(super) component: &'a ComponentName,
    pub(super) spec: &'a ComponentSpec,
    pub(super) backends: &'a Backends,
    /// What its links have of their backends.
    pub(super) leases: Vec<Arc<Lease>>,
    /// What its links to other components lead to.
    pub(super) callees: Vec<Callee>,
}

/// A backend as one link has it.
struct LinkedBackend {
    backend: AppBackend,
    lease: Arc<Lease>,
}

impl Joining<'_> {
    /// What all its links lead to.
    pub(super) async fn links(self) -> Result<Links, StartError> {
        Ok(Links {
            all: self.spec.links.clone(),
            key_value: self.key_value()?,
            config: self.configs()?,
            secrets: self.secrets().await?,
            logs: self.logs()?,
            blobs: self.blobs()?,
            buses: self.buses()?,
            leases: self.leases,
            callees: self.callees,
        })
    }

    /// What its links to keys and values lead to.
    fn key_value(&self) -> Result<Joined<KeyValueLink>, StartError> {
        Joined::new(&self.spec.links, State::KeyValue, |link, name| {
            let LinkedBackend { backend, lease } = self.backend(link, name)?;
            let facts = backend.facts(link.rule);
            let store = backend.opened.stores.key_value.clone();
            let store = store.ok_or_else(|| self.cannot(backend.name.clone(), State::KeyValue))?;
            let side = Side { store, owner: backend.owner, backend: backend.name };
            lease.keep_key_value(self.backends.keeps.key_value.of(&self.app.id, side));
            Ok(KeyValueLink { lease, facts })
        })
    }

    /// What its links to blobs lead to.
    fn blobs(&self) -> Result<Joined<BlobsLink>, StartError> {
        Joined::new(&self.spec.links, State::Blobs, |link, name| {
            let LinkedBackend { backend, lease } = self.backend(link, name)?;
            let facts = backend.facts(link.rule);
            let store = backend.opened.stores.blobs.clone();
            let store = store.ok_or_else(|| self.cannot(backend.name.clone(), State::Blobs))?;
            let side = Side { store, owner: backend.owner, backend: backend.name };
            lease.keep_blobs(self.backends.keeps.blobs.of(&self.app.id, side));
            Ok(BlobsLink { lease, facts })
        })
    }

    /// What stands behind its imports of `wasi:config` beside the manifest.
    fn configs(&self) -> Result<Joined<ConfigLink>, StartError> {
        Joined::new(&self.spec.links, State::Config, |link, name| {
            let LinkedBackend { backend, lease } = self.backend(link, name)?;
            let (owner, facts) = (backend.owner_by_name(), backend.facts(link.rule));
            let store = lease.stores().key_value.ok_or_else(|| self.cannot(backend.name, State::Config))?;
            Ok(ConfigLink::new(store, owner, self.component, facts))
        })
    }

    /// Where its log lines are sent beside the host's own log.
    fn logs(&self) -> Result<Joined<LogLink>, StartError> {
        Joined::new(&self.spec.links, State::Log, |link, name| {
            let LinkedBackend { backend, lease } = self.backend(link, name)?;
            let bus = lease.stores().bus.ok_or_else(|| self.cannot(backend.name, State::Log))?;
            Ok(LogLink::new(bus, &self.app.id, self.component))
        })
    }

    /// Where its messages go to and come from.
    fn buses(&self) -> Result<Joined<BusLink>, StartError> {
        Joined::new(&self.spec.links, State::Bus, |link, name| {
            let LinkedBackend { backend, lease } = self.backend(link, name)?;
            let (owner, facts) = (backend.owner_by_name(), backend.facts(link.rule));
            let bus = lease.stores().bus.ok_or_else(|| self.cannot(backend.name, State::Bus))?;
            Ok(BusLink { bus, owner, facts })
        })
    }

    /// Its secrets, and where they are read. Those that it is granted must be there, unless nobody can tell now.
    async fn secrets(&self) -> Result<SecretsGrant, StartError> {
        let Self { component, spec, .. } = self;
        if spec.secrets.is_empty() {
            return Ok(SecretsGrant::default());
        }
        let links = Joined::with_built_in(&spec.links, State::Secrets, |link| match &link.provider {
            Provider::Backend(name) => self.kept_secrets(link, name).map(Some),
            Provider::Component { .. } => Ok(None),
            Provider::BuiltIn => Ok(Some(SecretsLink {
                secrets: Arc::new(EnvironmentSecrets::new(PREFIX_DEFAULT)),
                owner: Owner::Shared,
                facts: None,
            })),
        })?;
        let grant = SecretsGrant { granted: spec.secrets.clone(), links };
        match grant.first_missing().await {
            Ok(None) => Ok(grant),
            Ok(Some((secret, place))) => Err(StartError::NoSecret { component: (*component).clone(), secret, place }),
            Err(error @ (BackendError::Unavailable { .. } | BackendError::TimedOut { .. })) => {
                tracing::warn!(%component, error = &error as &dyn std::error::Error, "secrets cannot be looked for");
                Ok(grant)
            }
            Err(source) => Err(StartError::Secrets { component: (*component).clone(), source }),
        }
    }

    /// The secrets of the backend `name`, which `link` leads to.
    fn kept_secrets(&self, link: &Link, name: &BackendName) -> Result<SecretsLink, StartError> {
        let LinkedBackend { backend, lease } = self.backend(link, name)?;
        let (owner, facts) = (backend.owner_by_name(), Some(backend.facts(link.rule)));
        let stores = lease.stores();
        let secrets: Arc<dyn Secrets> = match (stores.secrets, stores.key_value) {
            (Some(secrets), _) => secrets,
            (None, Some(store)) => Arc::new(KeptSecrets::new(store)),
            (None, None) => return Err(self.cannot(backend.name, State::Secrets)),
        };
        Ok(SecretsLink { secrets, owner, facts })
    }

    fn backend(&self, link: &Link, name: &BackendName) -> Result<LinkedBackend, StartError> {
        let term = Term::of(link);
        let lease = self.leases.iter().find(|lease| Some(&lease.term) == term.as_ref());
        let lease = lease.expect("invariant: there is one for each link to a backend");
        Ok(LinkedBackend { backend: self.backends.of(self.app, self.component, name)?, lease: lease.clone() })
    }

    fn cannot(&self, backend: BackendName, state: State) -> StartError {
        StartError::CannotKeep { component: self.component.clone(), backend, state }
    }
}
