//! Backends as written: `[backends.NAME]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::{BackendKind, BackendSpec, Scope};
use crate::document::Written;
use crate::fault::Fault;
use crate::host_file::implicit_backends;
use crate::name::BackendName;

/// A backend as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(deny_unknown_fields)]
pub struct BackendEntry {
    /// The engine that keeps the state.
    #[serde(rename = "type")]
    pub kind: BackendKind,
    /// Who shares the state: each app has its own, or all that name the backend see the same.
    #[serde(default)]
    #[schemars(extend("default" = "app"))]
    pub scope: Scope,
}

impl BackendEntry {
    /// The backend that is meant.
    pub fn resolved(&self) -> BackendSpec {
        BackendSpec { kind: self.kind, scope: self.scope }
    }
}

/// Backends that every host has, of another type than they have there: who reads the name would expect the wrong thing.
pub(crate) fn redefined(backends: &BTreeMap<Written<BackendName>, BackendEntry>) -> Vec<Fault> {
    let implicit = implicit_backends();
    let kind_of =
        |name: &BackendName| implicit.iter().find(|(known, _)| *known == name.as_str()).map(|(_, spec)| spec.kind);
    let is_other = |(name, entry): &(&Written<BackendName>, &BackendEntry)| {
        kind_of(&name.value).is_some_and(|kind| kind != entry.kind)
    };
    let fault = |(name, entry): (&Written<BackendName>, &BackendEntry)| {
        Fault::new(format!("the backend `{name}`, which every host has, cannot be of the type `{}`", entry.kind))
            .at(name.span.clone())
            .hint(format!("choose another name for a backend of that type, as in [backends.my-{}]", entry.kind))
    };
    backends.iter().filter(is_other).map(fault).collect()
}
