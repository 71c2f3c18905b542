//! What the imports of a component lead to that a backend or another component can stand behind.

use std::sync::Arc;

use wattle_spec::link::Link;
use wattle_spec::resolve::State;

use crate::backing::Lease;
use crate::capability::Via;
use crate::capability::blobs::BlobsLink;
use crate::capability::config::ConfigLink;
use crate::capability::joined::Joined;
use crate::capability::key_value::KeyValueLink;
use crate::capability::logging::LogLink;
use crate::capability::messaging::BusLink;
use crate::capability::secrets::SecretsGrant;
use crate::sibling::Callee;

/// The links of a component. They are changed all at once: an invocation keeps those that it began with.
pub(crate) struct Links {
    /// All of them, as they were resolved.
    pub(crate) all: Vec<Link>,
    /// Of each that leads to a backend what it has of that.
    pub(crate) leases: Vec<Arc<Lease>>,
    /// What others provide, by place.
    pub(crate) callees: Vec<Callee>,
    pub(crate) key_value: Joined<KeyValueLink>,
    pub(crate) config: Joined<ConfigLink>,
    pub(crate) secrets: SecretsGrant,
    pub(crate) logs: Joined<LogLink>,
    pub(crate) blobs: Joined<BlobsLink>,
    pub(crate) buses: Joined<BusLink>,
}

impl Links {
    /// Where the messages of `package` come from. It does not end when the link is led elsewhere, but with whoever has it.
    pub(crate) fn inbox(&self, package: &str) -> Option<BusLink> {
        let link = self.buses.unnamed(package, &Via::PLAIN)?;
        let is_behind = |lease: &&Arc<Lease>| {
            let term = &lease.term;
            term.state == State::Bus && term.package == package && term.backend == link.facts.backend
        };
        let lease = self.leases.iter().find(is_behind)?;
        Some(BusLink { bus: lease.another().stores().bus?, ..link.clone() })
    }
}
