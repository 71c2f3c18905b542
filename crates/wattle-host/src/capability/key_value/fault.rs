//! Why an operation failed, before an interface has its own word for it.

use std::error::Error;

use wasmtime::component::ResourceTableError;
use wattle_backend::error::BackendError;

use crate::telemetry::HostCallError;

/// What a guest is told.
#[derive(Debug)]
pub(crate) enum Fault {
    /// There is no store of that name.
    NoSuchStore,
    /// No link leads anywhere.
    AccessDenied,
    /// The arguments contradict each other or say nothing.
    Senseless(&'static str),
    /// There is something already.
    Exists,
    /// Refused for a reason that is in words, without anything of the host's.
    Refused(String),
    /// The backend failed.
    Backend(BackendError),
}

/// Why an operation failed: for the guest, or (a handle that is not one) for the host.
#[derive(Debug)]
pub(crate) enum Failure {
    Guest(Fault),
    Trap(wasmtime::Error),
}

/// What an operation gives.
pub(super) type Answer<T> = Result<T, Failure>;

/// That something is not done, and why.
pub(super) fn refuse<T>(reason: impl Into<String>) -> Answer<T> {
    Err(Failure::Guest(Fault::Refused(reason.into())))
}

impl Fault {
    /// The words for an interface that has no case of its own for it.
    pub(super) fn told(self) -> String {
        match self {
            Fault::NoSuchStore => "there is no such store".into(),
            Fault::AccessDenied => "access denied".into(),
            Fault::Senseless(why) => why.into(),
            Fault::Exists => "the key is there already".into(),
            Fault::Refused(reason) => reason,
            Fault::Backend(error @ BackendError::Quota { .. }) => error.advised(),
            // The whole story has paths of the host in it and is for the log.
            Fault::Backend(error) => error.code().into(),
        }
    }
}

/// What an operation gives, in the words of an interface.
pub(super) fn answered<T, E: From<Fault>>(answer: Answer<T>) -> wasmtime::Result<Result<T, E>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(failure) => failure.into_error().map(Err),
    }
}

impl Failure {
    /// For the guest in the words of an interface, or a trap.
    pub(super) fn into_error<E: From<Fault>>(self) -> wasmtime::Result<E> {
        match self {
            Failure::Guest(fault) => Ok(fault.into()),
            Failure::Trap(error) => Err(error),
        }
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        Failure::Guest(match error {
            BackendError::Refused { reason } => Fault::Refused(reason),
            error => Fault::Backend(error),
        })
    }
}

impl HostCallError for Failure {
    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Failure::Guest(Fault::Backend(error)) => Some(error),
            _ => None,
        }
    }
}

impl From<ResourceTableError> for Failure {
    fn from(error: ResourceTableError) -> Self {
        Failure::Trap(error.into())
    }
}
