//! What the imports of a component that keep something lead to, by kind of state: each link to the store that its backend
//! has for it, with whose it is there and what is told of calls.

use std::sync::Arc;

use wattle_backend::bucket::Owner;
use wattle_backend::error::BackendError;
use wattle_backend::secrets::{EnvironmentSecrets, KeptSecrets, Secrets};
use wattle_spec::app::{App, ComponentSpec};
use wattle_spec::backend::PREFIX_DEFAULT;
use wattle_spec::link::{Provider, Rule};
use wattle_spec::name::{BackendName, ComponentName};
use wattle_spec::resolve::State;

use super::backends::{AppBackend, Backends};
use crate::capability::blobs::BlobsLink;
use crate::capability::config::ConfigLink;
use crate::capability::joined::Joined;
use crate::capability::key_value::KeyValueLink;
use crate::capability::logging::LogLink;
use crate::capability::messaging::BusLink;
use crate::capability::secrets::{SecretsGrant, SecretsLink};
use crate::error::StartError;

/// A component while its imports are joined.
pub(super) struct Joining<'a> {
    pub(super) app: &'a App,
    pub(super) component: &'a ComponentName,
    pub(super) spec: &'a ComponentSpec,
    pub(super) backends: &'a Backends,
}

impl Joining<'_> {
    /// What its links to keys and values lead to.
    pub(super) fn key_value(&self) -> Result<Joined<KeyValueLink>, StartError> {
        Joined::new(&self.spec.links, State::KeyValue, |name, rule| {
            let backend = self.backend(name)?;
            let facts = backend.facts(rule);
            let store = backend.stores.key_value.ok_or_else(|| self.cannot(backend.name, State::KeyValue))?;
            Ok(KeyValueLink { backend: store, owner: backend.owner, facts })
        })
    }

    /// What its links to blobs lead to.
    pub(super) fn blobs(&self) -> Result<Joined<BlobsLink>, StartError> {
        Joined::new(&self.spec.links, State::Blobs, |name, rule| {
            let backend = self.backend(name)?;
            let facts = backend.facts(rule);
            let store = backend.stores.blobs.ok_or_else(|| self.cannot(backend.name, State::Blobs))?;
            Ok(BlobsLink { backend: store, owner: backend.owner, facts })
        })
    }

    /// What stands behind its imports of `wasi:config` beside the manifest.
    pub(super) fn configs(&self) -> Result<Joined<ConfigLink>, StartError> {
        Joined::new(&self.spec.links, State::Config, |name, rule| {
            let backend = self.backend(name)?;
            let (owner, facts) = (backend.owner_by_name(), backend.facts(rule));
            let store = backend.stores.key_value.ok_or_else(|| self.cannot(backend.name, State::Config))?;
            Ok(ConfigLink::new(store, owner, self.component, facts))
        })
    }

    /// Where its log lines are sent beside the host's own log.
    pub(super) fn logs(&self) -> Result<Joined<LogLink>, StartError> {
        Joined::new(&self.spec.links, State::Log, |name, _| {
            let AppBackend { name, stores, .. } = self.backend(name)?;
            let bus = stores.bus.ok_or_else(|| self.cannot(name, State::Log))?;
            Ok(LogLink::new(bus, &self.app.id, self.component))
        })
    }

    /// Where its messages go to and come from.
    pub(super) fn buses(&self) -> Result<Joined<BusLink>, StartError> {
        Joined::new(&self.spec.links, State::Bus, |name, rule| {
            let backend = self.backend(name)?;
            let (owner, facts) = (backend.owner_by_name(), backend.facts(rule));
            let bus = backend.stores.bus.ok_or_else(|| self.cannot(backend.name, State::Bus))?;
            Ok(BusLink { bus, owner, facts })
        })
    }

    /// Its secrets, and where they are read. Those that it is granted must be there, unless nobody can tell now.
    pub(super) async fn secrets(&self) -> Result<SecretsGrant, StartError> {
        let Self { component, spec, .. } = self;
        if spec.secrets.is_empty() {
            return Ok(SecretsGrant::default());
        }
        let links = Joined::with_built_in(&spec.links, State::Secrets, |link| match &link.provider {
            Provider::Backend(name) => self.kept_secrets(name, link.rule).map(Some),
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

    /// The secrets of the backend `name`, which `rule` chose.
    fn kept_secrets(&self, name: &BackendName, rule: Rule) -> Result<SecretsLink, StartError> {
        let backend = self.backend(name)?;
        let (owner, facts) = (backend.owner_by_name(), Some(backend.facts(rule)));
        let secrets: Arc<dyn Secrets> = match (backend.stores.secrets, backend.stores.key_value) {
            (Some(secrets), _) => secrets,
            (None, Some(store)) => Arc::new(KeptSecrets::new(store)),
            (None, None) => return Err(self.cannot(backend.name, State::Secrets)),
        };
        Ok(SecretsLink { secrets, owner, facts })
    }

    fn backend(&self, name: &BackendName) -> Result<AppBackend, StartError> {
        self.backends.of(self.app, self.component, name)
    }

    fn cannot(&self, backend: BackendName, state: State) -> StartError {
        StartError::CannotKeep { component: self.component.clone(), backend, state }
    }
}
