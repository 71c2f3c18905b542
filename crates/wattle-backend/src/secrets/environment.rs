//! Secrets in environment variables of the host: `prefix`, then the name in capitals with underscores.

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use super::{SECRET_MAX_BYTES, Secret, Secrets};
use crate::backend::Backend;
use crate::bucket::Owner;
use crate::error::{BackendError, Part};

/// Reads variables of this process. All owners see the same: whoever starts the process names them for all its apps.
pub struct EnvironmentSecrets {
    prefix: String,
}

impl EnvironmentSecrets {
    /// The variables whose names begin with `prefix`.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    fn variable(&self, name: &str) -> String {
        format!("{}{}", self.prefix, name.to_ascii_uppercase().replace('-', "_"))
    }

    fn read(&self, name: &str) -> Result<Option<Secret>, BackendError> {
        let Some(value) = std::env::var_os(self.variable(name)) else { return Ok(None) };
        match value.len() {
            size if size > SECRET_MAX_BYTES => {
                Err(BackendError::TooLarge { part: Part::Secret, size, limit: SECRET_MAX_BYTES })
            }
            _ => Ok(Some(Secret(value.into_encoded_bytes()))),
        }
    }
}

impl Backend for EnvironmentSecrets {
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>> {
        ready(Ok(())).boxed()
    }
}

impl Secrets for EnvironmentSecrets {
    fn get(&self, _: &Owner, name: &str) -> BoxFuture<'static, Result<Option<Secret>, BackendError>> {
        ready(self.read(name)).boxed()
    }

    fn place(&self, _: &Owner, name: &str) -> String {
        format!("the variable {}", self.variable(name))
    }
}
