//! Why an operation on blobs failed, told to the guest without a word about the host; the log has the whole story.

use std::error::Error;

use wasmtime::component::ResourceTableError;
use wattle_backend::error::BackendError;

use crate::capability::patience::TimedOut;
use crate::telemetry::HostCallError;

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

/// Why an operation is not done, as a guest is told: by `wasi:blobstore` as a text, by `wasmcloud:blobstore` as a case of its
/// error.
#[derive(Debug, Clone, thiserror::Error)]
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
    #[error("{0}")]
    Other(String),
    #[error("timeout")]
    Timeout(#[source] TimedOut),
    // The whole story has paths of the host in it and is for the log.
    #[error("{}", told(.0))]
    Backend(BackendError),
}

/// The words for a failure of a backend.
fn told(error: &BackendError) -> String {
    match error {
        BackendError::TimedOut { .. } => "timeout".to_owned(),
        BackendError::Unavailable { .. } | BackendError::Closed => "the store is unavailable".to_owned(),
        BackendError::Denied { .. } => "access denied".to_owned(),
        BackendError::Quota { .. } => error.advised(),
        error => error.code().to_owned(),
    }
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
        match error {
            BackendError::NoContainer { .. } => Refusal::NoContainer,
            BackendError::Unfinished => Refusal::Other(error.to_string()),
            error => Refusal::Backend(error),
        }
    }
}

impl HostCallError for Refusal {
    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Refusal::Timeout(error) => Some(error),
            Refusal::Backend(error) => Some(error),
            _ => None,
        }
    }
}

impl From<TimedOut> for Refusal {
    fn from(error: TimedOut) -> Self {
        Refusal::Timeout(error)
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
        let check = |error: BackendError, expected: &str| assert_eq!(Refusal::from(error).to_string(), expected);
        let source = || Arc::new(io::Error::other("secret"));
        check(BackendError::NoContainer { name: "secret".into() }, "no such container");
        check(BackendError::TimedOut { what: "secret".into(), patience: Duration::ZERO }, "timeout");
        check(BackendError::Unavailable { backend: "secret".into(), source: source() }, "the store is unavailable");
        check(BackendError::Closed, "the store is unavailable");
        let denied = BackendError::Denied { backend: "secret".into(), what: "secret".into(), source: None };
        check(denied, "access denied");
        let quota = Refusal::from(BackendError::Quota { limit: 7, unit: "keys" });
        assert!(quota.to_string().starts_with("the app may keep 7 keys in this backend, "), "{quota}");
        let full = BackendError::Full { place: "/secret".into(), source: Some(source()) };
        check(full, "full");
        let damaged = BackendError::Corrupt { path: "/secret".into(), detail: "secret".into() };
        check(damaged, "corrupt");
    }
}
