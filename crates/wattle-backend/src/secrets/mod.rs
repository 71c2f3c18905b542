//! Secrets: read by name, never written here, and never shown by accident.
//!
//! Invariant: nothing in this module puts a value into a log, an error or a `Debug` output, and a value is wiped when
//! it is dropped.

mod environment;
mod files;
mod kept;

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use zeroize::Zeroize;

pub use environment::EnvironmentSecrets;
pub use files::FileSecrets;
pub use kept::KeptSecrets;

use crate::backend::Backend;
use crate::bucket::Owner;
use crate::error::BackendError;

/// The most bytes that a secret may have.
pub const SECRET_MAX_BYTES: usize = 64 << 10;

/// The value of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The bytes. Whoever asks for them keeps them out of logs and errors.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Secret {
    fn from(value: Vec<u8>) -> Self {
        Self(value)
    }
}

impl From<&Bytes> for Secret {
    fn from(value: &Bytes) -> Self {
        Self(value.to_vec())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where secrets are read.
///
/// Futures borrow nothing. Methods do not block.
pub trait Secrets: Backend {
    /// The secret `name` of `owner`, or `None`.
    fn get(&self, owner: &Owner, name: &str) -> BoxFuture<'static, Result<Option<Secret>, BackendError>>;

    /// Where `get` looks, for a person who wonders why a secret is not there.
    fn place(&self, owner: &Owner, name: &str) -> String;
}
