//! Spin apps, as far as their components go.

use std::collections::BTreeMap;

use serde::Deserialize;
use wattle_spec::digest::Digest;

use super::manifest::Descriptor;

/// What a Spin app says of its components.
#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default)]
    components: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    id: String,
    source: Source,
}

#[derive(Debug, Deserialize)]
struct Source {
    digest: Digest,
}

/// Why a Spin app's components are not known.
#[derive(Debug, thiserror::Error)]
pub enum SpinError {
    /// Its lock is no JSON of the right shape.
    #[error("the lock of the Spin app cannot be read")]
    Lock(#[source] serde_json::Error),
    /// Its lock names Wasm that it does not hold.
    #[error("the lock of the Spin app names {digest} as `{component}`, and there is no such layer")]
    Missing {
        /// The component's name.
        component: String,
        /// The digest in the lock.
        digest: Digest,
    },
}

/// The components of a Spin app by name, by its `lock` and the `layers` with Wasm.
///
/// # Errors
///
/// If the lock cannot be read, or names what is not there.
pub fn components(lock: &[u8], layers: &[Descriptor]) -> Result<BTreeMap<String, Descriptor>, SpinError> {
    let lock: Lock = serde_json::from_slice(lock).map_err(SpinError::Lock)?;
    let layer = |Locked { id, source: Source { digest } }| match layers.iter().find(|layer| layer.digest == digest) {
        Some(layer) => Ok((id, layer.clone())),
        None => Err(SpinError::Missing { component: id, digest }),
    };
    lock.components.into_iter().map(layer).collect()
}
