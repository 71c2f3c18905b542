//! What one backend can do: the traits that it has.

use std::sync::Arc;

use wattle_spec::quota::Quota;

use crate::blobs::Blobs;
use crate::bucket::Owner;
use crate::bus::Bus;
use crate::error::BackendError;
use crate::key_value::KeyValue;
use crate::secrets::Secrets;

/// The ways in which one backend can be used. Each is there or not.
#[derive(Clone, Default)]
pub struct Stores {
    /// For keys and values.
    pub key_value: Option<Arc<dyn KeyValue>>,
    /// For objects in containers.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// For messages.
    pub bus: Option<Arc<dyn Bus>>,
    /// For secrets.
    pub secrets: Option<Arc<dyn Secrets>>,
}

impl Stores {
    /// Whether the backend can be used now, asked in one of its ways: they share what it stands on.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub async fn check(&self) -> Result<(), BackendError> {
        let key_value = self.key_value.as_ref().map(|store| store.check());
        let blobs = || self.blobs.as_ref().map(|store| store.check());
        let bus = || self.bus.as_ref().map(|bus| bus.check());
        let secrets = || self.secrets.as_ref().map(|secrets| secrets.check());
        match key_value.or_else(blobs).or_else(bus).or_else(secrets) {
            Some(check) => check.await,
            None => Ok(()),
        }
    }

    /// What `owner` may keep from now on: so much of keys with their values, and as much of objects.
    pub fn limit(&self, owner: &Owner, quota: Quota) {
        if let Some(store) = &self.key_value {
            store.limit(owner, quota);
        }
        if let Some(store) = &self.blobs {
            store.limit(owner, quota);
        }
    }
}
