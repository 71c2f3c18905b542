//! What a service has beside what every component has: `restart`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::ComponentEntry;
use crate::backoff::Backoff;
use crate::document::{Written, keyed};
use crate::fault::Fault;
use crate::name::ComponentName;
use crate::service::{RestartOn, RestartPolicy};
use crate::units::Span;

/// When a service that ended is started again, as written: `restart = { backoff = "1s", budget = 10 }`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct RestartEntry {
    /// After which ends: a failure, or always.
    #[serde(default)]
    #[schemars(extend("default" = "failure"))]
    pub on: RestartOn,
    /// How long to wait after the first end, with up to a quarter more by chance; twice as long after each further one.
    #[schemars(extend("default" = "1s"))]
    pub backoff: Option<Span>,
    /// The longest wait.
    #[schemars(extend("default" = "1m"))]
    pub max_backoff: Option<Span>,
    /// How often it is started again within `within`; at the next end it has failed. Ends that calls of other
    /// components may have caused do not count.
    #[schemars(range(min = 1, max = 4_294_967_295_u32), extend("default" = 10))]
    pub budget: Option<NonZeroU32>,
    /// How long an end counts.
    #[schemars(extend("default" = "10m"))]
    pub within: Option<Span>,
}

impl RestartEntry {
    /// The policy that is meant.
    pub fn resolved(&self) -> RestartPolicy {
        let default = RestartPolicy::default();
        let span = |written: Option<Span>, default| written.map_or(default, |Span(span)| span);
        RestartPolicy {
            on: self.on,
            backoff: Backoff {
                first: span(self.backoff, default.backoff.first),
                longest: span(self.max_backoff, default.backoff.longest),
            },
            budget: self.budget.unwrap_or(default.budget),
            within: span(self.within, default.within),
        }
    }
}

/// The schema of `[components]`: nothing starts a component again.
pub(super) fn components(generator: &mut SchemaGenerator) -> Schema {
    let mut table = keyed::<ComponentName, ComponentEntry>(generator);
    remove(&mut table, "/additionalProperties/properties", &["restart"]);
    table
}

/// The schema of `[services]`: there is one instance of a service, which answers no requests.
pub(super) fn services(generator: &mut SchemaGenerator) -> Schema {
    let mut table = keyed::<ComponentName, ComponentEntry>(generator);
    remove(&mut table, "/additionalProperties/properties", &["instances"]);
    let of_requests = ["request-body", "response-body"];
    remove(&mut table, "/additionalProperties/properties/limits/properties", &of_requests);
    table
}

fn remove(table: &mut Schema, pointer: &str, keys: &[&str]) {
    let known = table.pointer_mut(pointer).and_then(|known| known.as_object_mut());
    let known = known.expect("invariant: an entry is a table with known keys");
    keys.iter().for_each(|key| drop(known.remove(*key)));
}

/// Services that are called like a component: a name means one of an app.
pub(super) fn named_twice(
    components: &BTreeMap<Written<ComponentName>, ComponentEntry>,
    services: &BTreeMap<Written<ComponentName>, ComponentEntry>,
) -> Vec<Fault> {
    let fault = |(name, _): (&Written<ComponentName>, &ComponentEntry)| {
        let (component, _) = components.get_key_value(&name.value)?;
        let fault = Fault::new(format!("`{name}` is a component and a service")).at(name.span.clone());
        Some(fault.also(component.span.clone(), "the component is here").hint("give each a name of its own"))
    };
    services.iter().filter_map(fault).collect()
}
