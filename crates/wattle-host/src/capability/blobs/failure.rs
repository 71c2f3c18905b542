//! Why an operation on blobs failed, told to the guest without a word about the host; the log has the whole story.

use std::error::Error;

use wasmtime::component::ResourceTableError;
use wattle_backend::error::BackendError;

use crate::capability::patience::TimedOut;

/// Why an operation failed: for the guest, or (a handle that is not one) for the host.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub enum Failure {
    Guest(Refusal),
    Trap(wasmtime::Error),
}

/// What came of a call.
pub(super) type Answer<T> = Result<T, Failure>;

/// What came of an operation.
pub(super) type Outcome<T> = Result<T, Refusal>;

/// What a guest is told: by `wasi:blobstore` as a text, by `wasmcloud:blobstore` as a case of its error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(unreachable_pub, reason = "the generated bindings name it")]
pub enum Refusal {
    #[error("no such container")]
    NoContainer,
    #[error("the container exists already")]
    ContainerExists,
    #[error("no such object")]
    NoObject,
    #[error("access denied")]
    Denied,
    #[error("timeout")]
    Timeout,
    #[error("the store is unavailable")]
    Unavailable,
    #[error("{0}")]
    Quota(String),
    #[error("{0}")]
    Other(String),
}

pub(super) fn refuse<T>(reason: impl Into<String>) -> Outcome<T> {
    Err(Refusal::Other(reason.into()))
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Guest(refusal)
    }
}

impl From<BackendError> for Refusal {
    fn from(error: BackendError) -> Self {
        match &error {
            BackendError::NoContainer { .. } => return Refusal::NoContainer,
            BackendError::Unfinished => return Refusal::Other(error.to_string()),
            // The whole story has paths of the host in it and is for the log.
            _ => tracing::warn!(error = &error as &dyn Error, "an operation on blobs failed"),
        }
        match error {
            BackendError::TimedOut { .. } => Refusal::Timeout,
            BackendError::Unavailable { .. } | BackendError::Closed => Refusal::Unavailable,
            BackendError::Denied { .. } => Refusal::Denied,
            BackendError::Quota { .. } => Refusal::Quota(error.advised()),
            error => Refusal::Other(error.code().to_owned()),
        }
    }
}

impl From<TimedOut> for Refusal {
    fn from(error: TimedOut) -> Self {
        tracing::warn!(error = &error as &dyn Error, "an operation on blobs failed");
        Refusal::Timeout
    }
}

impl From<TimedOut> for Failure {
    fn from(error: TimedOut) -> Self {
        Failure::Guest(error.into())
    }
}

impl From<ResourceTableError> for Failure {
    fn from(error: ResourceTableError) -> Self {
        Failure::Trap(error.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    /// A guest gets the case that fits and no path, name or cause of the host.
    #[test]
    fn what_a_guest_is_told() {
        let check = |error: BackendError, expected: Refusal| assert_eq!(Refusal::from(error), expected);
        let source = || Arc::new(io::Error::other("secret"));
        check(BackendError::NoContainer { name: "secret".into() }, Refusal::NoContainer);
        check(BackendError::TimedOut { what: "secret".into(), patience: Duration::ZERO }, Refusal::Timeout);
        check(BackendError::Unavailable { backend: "secret".into(), source: source() }, Refusal::Unavailable);
        check(BackendError::Closed, Refusal::Unavailable);
        let denied = BackendError::Denied { backend: "secret".into(), what: "secret".into(), source: None };
        check(denied, Refusal::Denied);
        let quota = Refusal::from(BackendError::Quota { limit: 7, unit: "keys" });
        assert!(quota.to_string().starts_with("the app may keep 7 keys in this backend, "), "{quota}");
        let full = BackendError::Full { place: "/secret".into(), source: Some(source()) };
        check(full, Refusal::Other("full".into()));
        let damaged = BackendError::Corrupt { path: "/secret".into(), detail: "secret".into() };
        check(damaged, Refusal::Other("corrupt".into()));
    }
}
