//! What a manifest grants a component beside its links: directories, environment variables and the network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::app::Mount;
use crate::document::{Text, Variable};
use crate::manifest::{ComponentEntry, MountEntry};
use crate::name::SecretName;
use crate::network::NetworkPolicy;

/// What one component may touch. By default nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// The directories that it sees.
    pub mounts: Vec<Mount>,
    /// The environment variables that it sees.
    pub env: BTreeMap<String, String>,
    /// The secrets that it may read.
    pub secrets: BTreeSet<SecretName>,
    /// What of the network it may reach.
    pub network: NetworkPolicy,
}

impl Grants {
    /// What `entry` grants. Relative mounts start from `base`, which is absolute.
    pub fn of(entry: &ComponentEntry, base: &Path) -> Self {
        let mounted = |mount: &MountEntry| Mount {
            host: base.join(&mount.host.value.0),
            guest: mount.guest.value.0.clone(),
            access: mount.access,
        };
        Self {
            mounts: entry.mounts.iter().map(mounted).collect(),
            env: entry.env.iter().map(|(Variable(key), Text(value))| (key.clone(), value.clone())).collect(),
            secrets: entry.secrets.iter().map(|name| name.value.clone()).collect(),
            network: entry.allow.resolved(),
        }
    }
}
