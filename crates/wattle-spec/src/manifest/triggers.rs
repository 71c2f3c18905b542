//! Triggers as written, and what can be wrong between them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::Written;
use crate::fault::{Fault, listed, nearest};
use crate::name::ComponentName;
use crate::route::{HostName, PathPattern};

/// What calls the components of an app.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct Triggers {
    /// HTTP requests, by host and path. The most specific route wins.
    #[serde(default)]
    pub http: Vec<HttpTrigger>,
}

/// An HTTP trigger as written: `[[triggers.http]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct HttpTrigger {
    /// The host name that requests must be for. Absent: every host.
    pub host: Option<Written<HostName>>,
    /// The path: `/cart` alone, `/cart/...` and everything below it, or `/...` for every path.
    pub path: Written<PathPattern>,
    /// The component that answers.
    pub component: Written<ComponentName>,
}

impl Triggers {
    /// Routes to components that are not among `components`, and routes that are equal.
    pub(crate) fn faults(&self, components: &BTreeSet<String>) -> Vec<Fault> {
        let unknown = self.http.iter().filter_map(|trigger| unknown_component(trigger, components));
        unknown.chain(self.duplicates()).collect()
    }

    fn duplicates(&self) -> Vec<Fault> {
        let mut first: BTreeMap<_, &HttpTrigger> = BTreeMap::new();
        let mut faults = Vec::new();
        for trigger in &self.http {
            match first.entry((&trigger.host, &trigger.path)) {
                Entry::Occupied(earlier) => faults.push(duplicate(earlier.get(), trigger)),
                Entry::Vacant(free) => drop(free.insert(trigger)),
            }
        }
        faults
    }
}

fn unknown_component(trigger: &HttpTrigger, components: &BTreeSet<String>) -> Option<Fault> {
    let name = trigger.component.value.as_str();
    if components.contains(name) {
        return None;
    }
    let hint = match nearest(name, components.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if components.is_empty() => format!("add a table [components.{name}]"),
        None => format!("the components are {}", listed(components)),
    };
    Some(Fault::new(format!("there is no component `{name}`")).at(trigger.component.span.clone()).hint(hint))
}

fn duplicate(earlier: &HttpTrigger, later: &HttpTrigger) -> Fault {
    let host = later.host.as_ref().map_or(String::new(), |host| format!(" of host `{host}`"));
    let (whose, hint) = match earlier.component == later.component {
        true => (format!("for component `{}`", later.component), "remove one of the two"),
        false => (
            format!("for component `{}` and for `{}`", earlier.component, later.component),
            "give each route a path or a host of its own",
        ),
    };
    Fault::new(format!("the route `{}`{host} is there twice, {whose}", later.path))
        .at(later.path.span.clone())
        .also(earlier.path.span.clone(), "the first is here")
        .hint(hint)
}
