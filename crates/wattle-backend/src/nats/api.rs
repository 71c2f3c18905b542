//! The requests that JetStream takes, and what its errors mean here.
//! [Source](https://docs.nats.io/reference/reference-protocols/nats_api_reference).

use std::io;
use std::sync::Arc;

use async_nats::jetstream::ErrorCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::events::Reason;
use super::session::Session;
use crate::error::BackendError;

/// What JetStream said instead of an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// There was no answer.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// JetStream refused, with a code of its own.
    #[error("{0}")]
    Refused(async_nats::jetstream::Error),
}

/// What an answer has if it is none.
#[derive(Deserialize)]
struct Refusal {
    error: Option<async_nats::jetstream::Error>,
}

impl ApiError {
    pub(super) fn has_code(&self, code: ErrorCode) -> bool {
        matches!(self, ApiError::Refused(error) if error.error_code() == code)
    }

    /// Whether it is about a message that is not there any more.
    pub(super) fn is_about_a_message(&self) -> bool {
        [ErrorCode::NO_MESSAGE_FOUND, ErrorCode::SEQUENCE_NOT_FOUND, ErrorCode::STREAM_MESSAGE_DELETE_FAILED]
            .into_iter()
            .any(|code| self.has_code(code))
    }
}

impl Session {
    /// Asks JetStream to do `method`, as `STREAM.INFO.orders`.
    pub(super) async fn api<T: DeserializeOwned>(
        &self,
        method: &str,
        arguments: &impl Serialize,
    ) -> Result<T, ApiError> {
        let arguments = serde_json::to_vec(arguments).map_err(|error| self.unavailable(error))?;
        let answer = self.request(&format!("$JS.API.{method}"), None, arguments.into()).await;
        let answer = answer.map_err(|error| match error {
            BackendError::NoResponder { .. } => self.without_jetstream(),
            error => error,
        })?;
        self.parsed(&answer.payload)
    }

    /// What an answer of JetStream says.
    pub(super) fn parsed<T: DeserializeOwned>(&self, payload: &[u8]) -> Result<T, ApiError> {
        let strange = |error| ApiError::from(self.unavailable(error));
        match serde_json::from_slice(payload).map_err(strange)? {
            Refusal { error: Some(error) } => Err(ApiError::Refused(error)),
            Refusal { error: None } => serde_json::from_slice(payload).map_err(strange),
        }
    }

    /// What an error of JetStream on `stream` is to those who know nothing of it.
    pub(super) fn translated(&self, stream: &str, error: ApiError) -> BackendError {
        let error = match error {
            ApiError::Backend(error) => return error,
            ApiError::Refused(error) => error,
        };
        match error.error_code() {
            ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
            | ErrorCode::INSUFFICIENT_RESOURCES
            | ErrorCode::MAXIMUM_STREAMS_LIMIT
            | ErrorCode::MAXIMUM_CONSUMERS_LIMIT
            | ErrorCode::MEMORY_RESOURCES_EXCEEDED
            | ErrorCode::STORAGE_RESOURCES_EXCEEDED => self.full(stream, error),
            // The code says only that it could not be stored, the text why.
            ErrorCode::STREAM_STORE_FAILED if error.to_string().contains("exceeded") => self.full(stream, error),
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => self.without_jetstream(),
            _ => self.unavailable(error),
        }
    }

    fn full(&self, stream: &str, error: async_nats::jetstream::Error) -> BackendError {
        let place = format!("the stream {stream} of {}", self.signals.servers.name);
        BackendError::Full { place, source: Some(Arc::new(io::Error::new(io::ErrorKind::StorageFull, error))) }
    }

    pub(super) fn without_jetstream(&self) -> BackendError {
        self.unavailable(Reason("JetStream is switched off there, or for the account that connects".to_owned()))
    }
}
