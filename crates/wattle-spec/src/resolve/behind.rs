//! What stands behind the providers that links name.

use std::collections::BTreeMap;
use std::path::Path;

use super::FoundComponents;
use crate::app::App;
use crate::backend::BackendSpec;
use crate::digest::Digest;
use crate::host_file::backend_named;
use crate::link::Provider;
use crate::manifest::Manifest;
use crate::name::{BackendName, ComponentName};

/// The backends and components that links of one app can name, on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind<'a> {
    own: BTreeMap<BackendName, BackendSpec>,
    hosts: &'a BTreeMap<BackendName, BackendSpec>,
    digests: BTreeMap<ComponentName, Digest>,
}

impl<'a> Behind<'a> {
    /// Those of an app that runs on a host which names the backends `hosts`.
    pub fn of_app(app: &App, hosts: &'a BTreeMap<BackendName, BackendSpec>) -> Self {
        let digests = app.components.iter().map(|(name, component)| (name.clone(), component.digest));
        Self { own: app.backends.clone(), hosts, digests: digests.collect() }
    }

    /// Those of an app that may be refused. Relative paths start from `base`.
    pub fn of_manifest(
        manifest: &Manifest,
        found: &FoundComponents,
        hosts: &'a BTreeMap<BackendName, BackendSpec>,
        base: &Path,
    ) -> Self {
        let digests = found.iter().map(|(name, found)| (name.clone(), found.digest));
        Self { own: manifest.own_backends(base), hosts, digests: digests.collect() }
    }

    /// What is in force there, as keys and values. Nothing of it is secret.
    pub fn settings(&self, provider: &Provider) -> Vec<(&'static str, String)> {
        match provider {
            Provider::BuiltIn => Vec::new(),
            Provider::Backend(name) => {
                backend_named(&self.own, self.hosts, name).map(|backend| backend.settings()).unwrap_or_default()
            }
            Provider::Component { name, .. } => {
                self.digests.get(name).map(|digest| ("digest", digest.to_string())).into_iter().collect()
            }
        }
    }
}
