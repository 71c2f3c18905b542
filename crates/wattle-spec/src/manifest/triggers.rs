//! Triggers as written, and what can be wrong between them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use super::cron::{self, CronEntry};
use super::message::{self, MessageEntry};
use crate::document::{HostPath, Written};
use crate::fault::{Fault, listed, nearest};
use crate::name::ComponentName;
use crate::route::{HostName, PathPattern, RouteKey};

/// What calls the components of an app.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct Triggers {
    /// HTTP requests, by host and path. The most specific route wins.
    #[serde(default)]
    #[schemars(with = "Vec<HttpEntry>")]
    pub http: Vec<HttpTrigger>,
    /// Schedules, and the component that runs at their times.
    #[serde(default)]
    pub cron: Vec<CronEntry>,
    /// Subjects, and the component that handles the messages about them.
    #[serde(default)]
    pub message: Vec<MessageEntry>,
}

/// The names that triggers can mean, sound or not.
pub(crate) struct Known {
    pub(crate) components: BTreeSet<String>,
    pub(crate) services: BTreeSet<String>,
}

/// An HTTP trigger: `[[triggers.http]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "HttpEntry")]
pub struct HttpTrigger {
    /// The host name that requests must be for. `None`: every host.
    pub host: Option<Written<HostName>>,
    /// The paths that requests must be for.
    pub path: Written<PathPattern>,
    /// What answers.
    pub target: TriggerTarget,
}

/// What answers the requests of an HTTP trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerTarget {
    /// A component.
    Component(Written<ComponentName>),
    /// The files of a folder, relative to the manifest.
    Files(Written<HostPath>),
}

/// An HTTP trigger as written: `[[triggers.http]]`, with either a `component` or `files`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields, extend("oneOf" = [{ "required": ["component"] }, { "required": ["files"] }]))]
struct HttpEntry {
    /// The host name that requests must be for. Absent: every host.
    host: Option<Written<HostName>>,
    /// The path: `/cart` alone, `/cart/...` and everything below it, or `/...` for every path.
    path: Written<PathPattern>,
    /// The component that answers.
    component: Option<Written<ComponentName>>,
    /// The folder whose files answer, in place of a component: what is below the path is the name of a file.
    #[schemars(extend("examples" = ["public"]))]
    files: Option<Written<HostPath>>,
}

impl TryFrom<HttpEntry> for HttpTrigger {
    type Error = &'static str;

    fn try_from(entry: HttpEntry) -> Result<Self, Self::Error> {
        let HttpEntry { host, path, component, files } = entry;
        let target = match (component, files) {
            (Some(component), None) => TriggerTarget::Component(component),
            (None, Some(files)) => TriggerTarget::Files(files),
            _ => return Err("an HTTP trigger has either a `component` or `files`"),
        };
        Ok(Self { host, path, target })
    }
}

impl HttpTrigger {
    /// Which requests it is for.
    pub fn key(&self) -> RouteKey {
        let host = self.host.as_ref().map(|host| host.value.as_str().into());
        RouteKey { host, path: self.path.value.clone() }
    }
}

impl fmt::Display for TriggerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TriggerTarget::Component(name) => write!(f, "component `{name}`"),
            TriggerTarget::Files(folder) => write!(f, "the files of `{}`", folder.value.0),
        }
    }
}

impl Triggers {
    /// Triggers for components that are not among `known`, files for a single path, and triggers that are equal.
    pub(crate) fn faults(&self, known: &Known) -> Vec<Fault> {
        let of_target = self.http.iter().filter_map(|trigger| match &trigger.target {
            TriggerTarget::Component(component) => unknown_component(component, known),
            TriggerTarget::Files(_) => files_of_one_path(&trigger.path),
        });
        let of_crons = self.cron.iter().filter_map(|entry| unknown_component(&entry.component, known));
        let of_messages = self.message.iter().filter_map(|entry| unknown_component(&entry.component, known));
        let duplicates = self.duplicates().into_iter().chain(cron::duplicates(&self.cron));
        let messages = message::faults(&self.message);
        of_target.chain(of_crons).chain(of_messages).chain(duplicates).chain(messages).collect()
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

fn unknown_component(component: &Written<ComponentName>, known: &Known) -> Option<Fault> {
    let Known { components, services } = known;
    let name = component.value.as_str();
    if components.contains(name) {
        return None;
    }
    if services.contains(name) {
        let fault =
            Fault::new(format!("`{name}` is a service, and nothing calls a service")).at(component.span.clone());
        return Some(fault.hint("remove the trigger, or make it a component"));
    }
    let hint = match nearest(name, components.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None if components.is_empty() => format!("add a table [components.{name}]"),
        None => format!("the components are {}", listed(components)),
    };
    Some(Fault::new(format!("there is no component `{name}`")).at(component.span.clone()).hint(hint))
}

fn files_of_one_path(path: &Written<PathPattern>) -> Option<Fault> {
    let PathPattern::Exact(exact) = &path.value else { return None };
    let fault = Fault::new(format!("a folder is served below a path, and `{exact}` has nothing below it"));
    Some(fault.at(path.span.clone()).hint(format!("write `{}/...`", exact.trim_end_matches('/'))))
}

fn duplicate(earlier: &HttpTrigger, later: &HttpTrigger) -> Fault {
    let host = later.host.as_ref().map_or(String::new(), |host| format!(" of host `{host}`"));
    let (whose, hint) = match earlier.target == later.target {
        true => (format!("for {}", later.target), "remove one of the two"),
        false => {
            (format!("for {} and for {}", earlier.target, later.target), "give each route a path or a host of its own")
        }
    };
    Fault::new(format!("the route `{}`{host} is there twice, {whose}", later.path))
        .at(later.path.span.clone())
        .also(earlier.path.span.clone(), "the first is here")
        .hint(hint)
}
