//! The backends of a host: opened when the first app needs them, one for all that mean the same, and closed when the last
//! does not use them any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use wattle_backend::bucket::Owner;
use wattle_backend::error::BackendError;
use wattle_backend::memory::{MemoryBlobs, MemoryBus, MemoryKeyValue};
use wattle_backend::stores::Stores;
use wattle_spec::app::App;
use wattle_spec::backend::{BackendKind, BackendSpec, EngineSpec, Scope};
use wattle_spec::host_file::backend_of;
use wattle_spec::limits::HostLimits;
use wattle_spec::link::{Provider, Rule};
use wattle_spec::name::{BackendName, ComponentName};
use wattle_spec::quota::quotas;

use super::keeps::Keeps;
use crate::backing::{Lease, Opened, Term};
use crate::error::StartError;
use crate::telemetry::LinkFacts;

/// Opens backends; an embedder says with it which engines there are.
pub trait BackendSource: Send + Sync {
    /// Opens what `engine` says. `None`: this host has no such engine.
    ///
    /// It must not wait: what is reached over a network is connected to at its first use, and again when it was lost.
    /// When no app uses it any more, what was given is dropped; it may be asked for once more.
    ///
    /// # Errors
    ///
    /// If what it needs on this machine cannot be had.
    fn open(&self, engine: &EngineSpec) -> Result<Option<Stores>, BackendError>;
}

/// Memory alone.
pub(super) struct InMemory(Stores);

impl Default for InMemory {
    fn default() -> Self {
        Self(Stores {
            key_value: Some(Arc::new(MemoryKeyValue::default())),
            blobs: Some(Arc::new(MemoryBlobs::default())),
            bus: Some(Arc::new(MemoryBus::default())),
            ..Stores::default()
        })
    }
}

impl BackendSource for InMemory {
    fn open(&self, engine: &EngineSpec) -> Result<Option<Stores>, BackendError> {
        Ok((*engine == EngineSpec::Memory).then(|| self.0.clone()))
    }
}

/// What the host has opened, and what it names.
pub(super) struct Backends {
    source: Arc<dyn BackendSource>,
    named: BTreeMap<BackendName, BackendSpec>,
    limits: HostLimits,
    open: Mutex<BTreeMap<EngineSpec, Weak<Opened>>>,
    pub(super) keeps: Keeps,
}

/// A backend as one app sees it.
pub(super) struct AppBackend {
    pub(super) name: BackendName,
    pub(super) kind: BackendKind,
    /// Open for as long as somebody has this.
    pub(super) opened: Arc<Opened>,
    /// Whose what is kept there is, under names that begin with the backend's.
    pub(super) owner: Owner,
}

impl AppBackend {
    /// What is told of calls that reach it through a link that `rule` chose.
    pub(super) fn facts(&self, rule: Rule) -> Arc<LinkFacts> {
        Arc::new(LinkFacts { backend: self.name.clone(), kind: self.kind, rule })
    }

    /// Whose what is kept there is, if nothing else says in which of several backends of one engine it is: two of them that
    /// have different names do not share it. What apps share on NATS is the world's, whatever a host calls the way there.
    pub(super) fn owner_by_name(&self) -> Owner {
        let is_apart = match (self.kind, &self.owner) {
            (BackendKind::Memory | BackendKind::Disk, _) | (BackendKind::Nats, Owner::App(_)) => true,
            (BackendKind::Nats | BackendKind::Environment | BackendKind::Files, _) => false,
        };
        match is_apart && self.name.as_str() != self.kind.to_string() {
            true => Owner::Named { backend: self.name.clone(), app: self.owner.app().cloned() },
            false => self.owner.clone(),
        }
    }
}

impl Backends {
    /// Those that the host names, and those that apps do, opened by `source`. Apps keep in them what `limits` let them.
    pub(super) fn new(
        source: Arc<dyn BackendSource>,
        named: BTreeMap<BackendName, BackendSpec>,
        limits: HostLimits,
    ) -> Self {
        Self { source, named, limits, open: Mutex::default(), keeps: Keeps::default() }
    }

    /// Those that the host names.
    pub(super) fn named(&self) -> &BTreeMap<BackendName, BackendSpec> {
        &self.named
    }

    /// The backend that `app` calls `name`, for its component `component`.
    pub(super) fn of(
        &self,
        app: &App,
        component: &ComponentName,
        name: &BackendName,
    ) -> Result<AppBackend, StartError> {
        let spec = backend_of(app, &self.named, name)
            .ok_or_else(|| StartError::NoBackend { component: component.clone(), backend: name.clone() })?;
        let opened = self.opened(&spec.engine);
        let opened = opened.map_err(|source| StartError::Backend { backend: name.clone(), source })?;
        let kind = spec.engine.kind();
        let opened = opened.ok_or_else(|| StartError::NoBackendKind { backend: name.clone(), kind })?;
        Ok(AppBackend { name: name.clone(), kind, opened, owner: owner(app, spec.scope) })
    }

    /// What the links of `component` of `app` have of the backends that they lead to: each the same as `before`, if it led
    /// there then.
    pub(super) fn leases(
        &self,
        app: &App,
        component: &ComponentName,
        before: &[Arc<Lease>],
    ) -> Result<Vec<Arc<Lease>>, StartError> {
        let mut leases: Vec<Arc<Lease>> = Vec::new();
        let links = app.components.get(component).into_iter().flat_map(|spec| &spec.links);
        for term in links.filter_map(Term::of) {
            // The interfaces of a package share one.
            if leases.iter().any(|lease| lease.term == term) {
                continue;
            }
            leases.push(match before.iter().find(|lease| lease.term == term) {
                Some(lease) => lease.clone(),
                None => Lease::new(self.of(app, component, &term.backend)?.opened, term),
            });
        }
        Ok(leases)
    }

    /// Tells each backend that `app` is linked to how much the app may keep there. It knows as long as it is open.
    pub(super) fn limit(&self, app: &App) -> Result<(), StartError> {
        for ((engine, scope), (name, quota)) in quotas(app, &self.named, &self.limits) {
            let opened = self.opened(&engine).map_err(|source| StartError::Backend { backend: name, source })?;
            if let Some(opened) = opened {
                opened.stores.limit(&owner(app, scope), quota);
            }
        }
        Ok(())
    }

    /// All that the components of `app` are linked to, each once.
    pub(super) fn all_of(&self, app: &App) -> Result<BTreeMap<BackendName, AppBackend>, StartError> {
        let mut all = BTreeMap::new();
        for (component, spec) in &app.components {
            for link in &spec.links {
                if let Provider::Backend(name) = &link.provider
                    && !all.contains_key(name)
                {
                    all.insert(name.clone(), self.of(app, component, name)?);
                }
            }
        }
        Ok(all)
    }

    fn opened(&self, engine: &EngineSpec) -> Result<Option<Arc<Opened>>, BackendError> {
        let mut open = self.open.lock().expect("invariant: nothing panics while it holds this lock");
        if let Some(opened) = open.get(engine).and_then(Weak::upgrade) {
            return Ok(Some(opened));
        }
        open.retain(|_, opened| opened.strong_count() > 0);
        let Some(stores) = self.source.open(engine)? else { return Ok(None) };
        let opened = Arc::new(Opened::new(stores));
        open.insert(engine.clone(), Arc::downgrade(&opened));
        Ok(Some(opened))
    }
}

/// Whose what `app` keeps in a backend of that scope is.
fn owner(app: &App, scope: Scope) -> Owner {
    match scope {
        Scope::App => Owner::App(app.id.clone()),
        Scope::Shared => Owner::Shared,
    }
}
