//! Quotas: what one app may keep in one backend, and whose word counts.
//!
//! The host sets them: its `[limits]` for what it keeps itself, in memory and on its disk, and each of its backends for
//! what is kept there. A manifest can only ask for less.

use std::collections::BTreeMap;

use crate::app::App;
use crate::backend::{BackendKind, BackendSpec, EngineSpec, Scope};
use crate::host_file::{backend_of, implicit_backends};
use crate::limits::HostLimits;
use crate::link::Provider;
use crate::name::BackendName;

/// What one app may keep in one backend, `None`: as much as there is room for. Keys with their values have one, objects
/// with their containers another of the same size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// Keys; or objects and containers.
    pub keys: Option<u64>,
    /// The bytes of keys and values; or of the names of objects and containers, and of contents.
    pub bytes: Option<u64>,
}

impl Quota {
    /// This, and where it says nothing, `other`.
    pub fn or(self, other: Self) -> Self {
        Self { keys: self.keys.or(other.keys), bytes: self.bytes.or(other.bytes) }
    }

    /// The lower of two.
    pub fn lower(self, other: Self) -> Self {
        fn lower(one: Option<u64>, other: Option<u64>) -> Option<u64> {
            one.into_iter().chain(other).min()
        }
        Self { keys: lower(self.keys, other.keys), bytes: lower(self.bytes, other.bytes) }
    }

    /// Whether it bounds anything.
    pub fn is_some(self) -> bool {
        self != Self::default()
    }
}

/// What `app` may keep where, on a host that names `hosts` and has these limits; with the name of a backend there.
///
/// Backends of the same engine are one place: the lowest quota of those that the app is linked to counts. What all apps
/// share in memory and on the disk has one together, the lowest that the host gives there, whatever a manifest says; what
/// they share elsewhere has none.
pub fn quotas(
    app: &App,
    hosts: &BTreeMap<BackendName, BackendSpec>,
    limits: &HostLimits,
) -> BTreeMap<(EngineSpec, Scope), (BackendName, Quota)> {
    let links = app.components.values().flat_map(|component| &component.links);
    let names = links.filter_map(|link| match &link.provider {
        Provider::Backend(name) => Some(name),
        _ => None,
    });
    let mut quotas: BTreeMap<(EngineSpec, Scope), (BackendName, Quota)> = BTreeMap::new();
    for name in names {
        let Some(spec) = backend_of(app, hosts, name) else { continue };
        let quota = match spec.scope {
            Scope::Shared if !matches!(spec.engine, EngineSpec::Memory | EngineSpec::Disk) => continue,
            Scope::Shared => lowest_of_host(spec.engine.kind(), hosts, limits),
            Scope::App if app.backends.contains_key(name) => {
                lowest_of_host(spec.engine.kind(), hosts, limits).lower(spec.quota)
            }
            Scope::App => of_host(&spec, limits),
        };
        let known = quotas.entry((spec.engine, spec.scope)).or_insert_with(|| (name.clone(), quota));
        known.1 = known.1.lower(quota);
    }
    quotas
}

/// What a backend that the host names gives to an app.
fn of_host(spec: &BackendSpec, limits: &HostLimits) -> Quota {
    let by_limits = match spec.engine {
        EngineSpec::Memory | EngineSpec::Disk => limits.quota(),
        // Other hosts keep things there too: what it takes is not for one of them to say.
        EngineSpec::Nats(_) | EngineSpec::Environment { .. } | EngineSpec::Files { .. } => Quota::default(),
    };
    spec.quota.or(by_limits)
}

/// The lowest that a backend of the host of that type gives: a manifest can write the address of the host's own server in
/// more ways than one.
fn lowest_of_host(kind: BackendKind, hosts: &BTreeMap<BackendName, BackendSpec>, limits: &HostLimits) -> Quota {
    let implicit = implicit_backends();
    let implicit = implicit.iter().filter(|(name, _)| !hosts.keys().any(|host| host.as_str() == *name));
    let all = hosts.values().chain(implicit.map(|(_, spec)| spec)).filter(|spec| spec.engine.kind() == kind);
    all.map(|spec| of_host(spec, limits)).fold(Quota::default(), Quota::lower)
}
