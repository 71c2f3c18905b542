//! What every backend has in common.

use futures::future::BoxFuture;

use crate::error::BackendError;

/// Where state lives or messages go.
pub trait Backend: Send + Sync {
    /// Whether the backend can be reached and used now: written to, where it keeps something.
    fn check(&self) -> BoxFuture<'static, Result<(), BackendError>>;
}
