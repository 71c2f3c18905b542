//! Secrets that a store of keys and values keeps: in the bucket `secrets` of their owner, by name.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{SECRET_MAX_BYTES, Secret, Secrets};
use crate::backend::Backend;
use crate::bucket::{Bucket, Owner};
use crate::error::{BackendError, Part};
use crate::key_value::KeyValue;

/// The bucket. What apps open by name is in buckets with a `/` in theirs, so none of them reaches it.
const BUCKET: &str = "secrets";

/// Reads a store of keys and values, to which somebody else has written the secrets.
pub struct KeptSecrets {
    store: Arc<dyn KeyValue>,
}

impl KeptSecrets {
    /// The secrets in `store`.
    pub fn new(store: Arc<dyn KeyValue>) -> Self {
        Self { store }
    }
}

impl Backend for KeptSecrets {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        self.store.check()
    }
}

impl Secrets for KeptSecrets {
    fn get(&self, owner: &Owner, name: &str) -> BoxFuture<'static, Result<Option<Secret>, BackendError>> {
        let entry = self.store.get(&Bucket { owner: owner.clone(), name: BUCKET.into() }, name);
        async move {
            match entry.await? {
                Some(entry) if entry.value.len() > SECRET_MAX_BYTES => {
                    Err(BackendError::TooLarge { part: Part::Secret, size: entry.value.len(), limit: SECRET_MAX_BYTES })
                }
                entry => Ok(entry.map(|entry| Secret::from(&entry.value))),
            }
        }
        .boxed()
    }

    fn place(&self, owner: &Owner, name: &str) -> String {
        match owner.app() {
            Some(app) => format!("the key {name} of the bucket {BUCKET} of {app}"),
            None => format!("the key {name} of the shared bucket {BUCKET}"),
        }
    }
}
