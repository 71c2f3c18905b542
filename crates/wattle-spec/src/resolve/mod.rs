//! From what was written to what will run: one pure function, in which every choice has a reason.
//!
//! Nothing here looks at a file or a clock, so the same values always give the same app. [`explain`] is how
//! [`resolve`] itself joins imports, so what `wattle explain` prints is what happens.

mod allowed;
mod behind;
mod chains;
mod components;
mod cron;
mod explain;
mod grants;
mod health;
mod http;
mod keys;
mod links;
mod message;
mod moving;
mod names;
mod offer;
mod recorded;
pub(crate) mod refusal;
mod relink;
mod siblings;
mod split;
mod uncallable;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use self::behind::Behind;
pub use self::explain::{Explained, Other, explain, explain_app};
pub use self::grants::Grants;
pub use self::moving::{Movable, Move, MovePlan, moved};
pub use self::offer::{Labelling, Offer, State};
pub use self::relink::{Relink, relinked};
use crate::app::App;
use crate::digest::Digest;
use crate::fault::{Fault, in_order};
use crate::host_file::HostSpec;
use crate::link::{Link, Provider};
use crate::manifest::{ComponentEntry, CronEntry, HealthEntry, Known, Manifest, MessageEntry, Written};
use crate::name::ComponentName;
use crate::shape::Shape;

/// The most components that a chain of calls goes through, the first and the last included.
pub const CHAIN_MAX: usize = 32;

/// The most components that share an instance, because one calls the others together.
pub const TOGETHER_MAX: usize = 8;

/// What was found where a manifest says that a component's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The identity of the bytes.
    pub digest: Digest,
    /// What they import and export.
    pub shape: Shape,
}

/// The components of a manifest that were found.
pub type FoundComponents = BTreeMap<ComponentName, Found>;

/// Joins every import of every component to a provider and fills in every default.
///
/// `offers` are the interfaces that the host implements, `base` is the absolute directory that relative mounts and
/// folders start from. The app is in the default namespace; who puts it elsewhere changes its id. Without a trigger nothing is
/// routed, whatever the components export; [`Manifest::for_component`] writes the trigger of a bare component. A backend
/// of the manifest hides the host's of the same name from this app.
///
/// Of a manifest or a host that was parsed leniently every fault is found that does not follow from what was cut out,
/// and an app, if there is none, lacks it.
///
/// # Errors
///
/// Every fault of the manifest with these components on this host, in the order of the manifest.
pub fn resolve(
    manifest: &Manifest,
    found: &FoundComponents,
    offers: &[Offer],
    host: &HostSpec,
    base: &Path,
) -> Result<App, Vec<Fault>> {
    let mut faults = missing(manifest, found);
    let mut links = BTreeMap::new();
    for explained in explain(manifest, found, offers, host) {
        let Explained { component, what, offer, outcome, reason, others } = explained;
        match outcome {
            Ok((provider, rule)) => {
                let offer = offer.filter(|_| !matches!(provider, Provider::Component { .. }));
                let state = offer.as_ref().and_then(|offer| offer.state);
                let is_concurrent = offer.is_some_and(|offer| offer.is_concurrent);
                let link = Link { what, state, is_concurrent, provider, rule, reason, others };
                links.entry(component).or_insert_with(Vec::new).push(link);
            }
            Err(refusal) => faults.push(refusal),
        }
    }
    faults.extend(keys::idle(manifest, found, offers));
    faults.extend(manifest.triggers.faults(&known(manifest)));
    faults.extend(cron::faults(manifest, found, &called(&links)));
    faults.extend(message::faults(manifest, found));
    let routes = http::routes(manifest, found, base, &mut faults);
    faults.extend(health::fault(manifest, &routes));
    let mut components = BTreeMap::new();
    for (name, entry) in manifest.entries() {
        let Some(found) = found.get(&name.value) else { continue };
        let mut component = components::resolved((&name.value, entry), found, &links, base, &mut faults);
        let is_service = manifest.services.contains_key(&name.value);
        component.service = is_service.then(|| entry.restart.clone().unwrap_or_default().resolved());
        components.insert(name.value.clone(), component);
    }
    if !faults.is_empty() {
        return Err(in_order(faults));
    }
    Ok(App {
        id: manifest.id(),
        components,
        routes,
        crons: manifest.triggers.cron.iter().map(CronEntry::resolved).collect(),
        messages: manifest.triggers.message.iter().map(MessageEntry::resolved).collect(),
        backends: manifest.own_backends(base),
        health: manifest.health.as_ref().map(HealthEntry::resolved),
        limits: manifest.limits.0,
    })
}

/// The components that others call.
fn called(links: &BTreeMap<ComponentName, Vec<Link>>) -> BTreeSet<&ComponentName> {
    links.values().flatten().filter_map(|link| link.provider.component()).collect()
}

/// What triggers can mean. What was cut out may have been either.
fn known(manifest: &Manifest) -> Known {
    let names =
        |entries: &BTreeMap<Written<ComponentName>, ComponentEntry>| entries.keys().map(ToString::to_string).collect();
    let mut known = Known { components: names(&manifest.components), services: names(&manifest.services) };
    known.components.extend(manifest.cut.components.iter().cloned());
    known
}

/// Components of the manifest whose bytes nobody brought.
fn missing(manifest: &Manifest, found: &FoundComponents) -> Vec<Fault> {
    let missing = manifest.entries().filter(|(name, _)| !found.contains_key(&name.value));
    let fault = |source: &Written<_>, name| {
        Fault::new(format!("there are no bytes for component `{name}`")).at(source.span.clone())
    };
    missing.map(|(name, entry)| fault(&entry.source, name)).collect()
}
