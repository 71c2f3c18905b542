//! What a client is told when nothing of an app answered: one table from every failure to a status and a stable code.
//!
//! The client gets the code and the request's id; the log gets the chain of causes; nobody gets a secret.

use std::io;

use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use crate::invocation::RequestId;

/// The header that carries the id of a request in every answer.
pub const REQUEST_ID: http::HeaderName = http::HeaderName::from_static("x-request-id");

/// Why a request got no answer from a component or a folder.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no app answers this host and path")]
    NoRoute,
    #[error("the request is not valid: {0}")]
    BadRequest(&'static str),
    #[error("the path is not valid: {0}")]
    BadPath(#[from] wattle_spec::route::PathError),
    #[error("the path is too long")]
    PathTooLong,
    #[error("its head is larger than the host takes")]
    HeadTooLarge,
    #[error("the request body is larger than this component takes")]
    BodyTooLarge,
    #[error("{0} is not supported here")]
    NotSupported(&'static str),
    #[error("too many requests are under way")]
    NoCapacity,
    #[error("the component did not answer within its deadline")]
    Deadline,
    #[error("the component failed")]
    Trap(#[source] wasmtime::Error),
    #[error("the component could not be started")]
    Start(#[source] wasmtime::Error),
    #[error("the component ended without an answer")]
    NoAnswer,
    #[error("the component answered with the error {0}")]
    GuestError(String),
    #[error("the component's answer is not valid HTTP: {0}")]
    InvalidAnswer(&'static str),
    #[error("the instance that served this request was lost")]
    InstanceLost,
    #[error("the client went away")]
    ClientGone,
    #[error("there is no such file")]
    NoFile,
    #[error("files are only read: with GET or HEAD")]
    MethodNotAllowed,
    #[error("the file is not in the state that the request asks for")]
    PreconditionFailed,
    #[error("the file has {size} bytes, and none in the range that is asked for")]
    NoSuchRange { size: u64 },
    #[error("the file cannot be read")]
    File(#[source] io::Error),
}

impl Failure {
    /// The status and the code that a client gets.
    pub(crate) fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Failure::NoRoute => (StatusCode::NOT_FOUND, "no-route"),
            Failure::BadRequest(_) | Failure::BadPath(_) => (StatusCode::BAD_REQUEST, "bad-request"),
            Failure::PathTooLong => (StatusCode::URI_TOO_LONG, "path-too-long"),
            Failure::HeadTooLarge => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large"),
            Failure::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"),
            Failure::NotSupported(_) => (StatusCode::NOT_IMPLEMENTED, "not-supported"),
            Failure::NoCapacity => (StatusCode::SERVICE_UNAVAILABLE, "no-capacity"),
            Failure::Deadline => (StatusCode::GATEWAY_TIMEOUT, "deadline"),
            Failure::Trap(_) => (StatusCode::INTERNAL_SERVER_ERROR, "guest-trap"),
            Failure::Start(_) => (StatusCode::INTERNAL_SERVER_ERROR, "guest-start"),
            Failure::NoAnswer => (StatusCode::BAD_GATEWAY, "no-answer"),
            Failure::GuestError(_) => (StatusCode::BAD_GATEWAY, "guest-error"),
            Failure::InvalidAnswer(_) => (StatusCode::BAD_GATEWAY, "invalid-answer"),
            Failure::InstanceLost | Failure::ClientGone => (StatusCode::BAD_GATEWAY, "instance-lost"),
            Failure::NoFile => (StatusCode::NOT_FOUND, "no-file"),
            Failure::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Failure::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "precondition-failed"),
            Failure::NoSuchRange { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, "no-such-range"),
            Failure::File(_) => (StatusCode::INTERNAL_SERVER_ERROR, "file-unreadable"),
        }
    }

    /// Whether the connection cannot be used for another request.
    pub(crate) fn closes_connection(&self) -> bool {
        matches!(self, Failure::BadRequest(_) | Failure::HeadTooLarge | Failure::BodyTooLarge)
    }

    /// The answer to the client.
    pub(crate) fn answer(&self, request: RequestId) -> Response<Full<bytes::Bytes>> {
        let (status, code) = self.status();
        let message = match self {
            // What a guest said is for the log.
            Failure::GuestError(_) => "the component answered with an error".to_owned(),
            other => other.to_string(),
        };
        let body = serde_json::json!({
            "error": { "code": code, "message": message, "request": request.to_string() }
        });
        let mut answer = Response::new(Full::from(format!("{body}\n")));
        *answer.status_mut() = status;
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self {
            Failure::MethodNotAllowed => {
                answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            Failure::NoSuchRange { size } => {
                let range = HeaderValue::try_from(format!("bytes */{size}"));
                answer.headers_mut().extend(range.map(|range| (header::CONTENT_RANGE, range)));
            }
            _ => {}
        }
        if self.closes_connection() {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// Writes the failure with its chain of causes to the log, as loud as it deserves.
    pub(crate) fn log(&self, context: &str, request: RequestId) {
        let (_, code) = self.status();
        match self {
            Failure::NoRoute
            | Failure::BadRequest(_)
            | Failure::BadPath(_)
            | Failure::PathTooLong
            | Failure::HeadTooLarge
            | Failure::BodyTooLarge
            | Failure::ClientGone
            | Failure::NoFile
            | Failure::MethodNotAllowed
            | Failure::PreconditionFailed
            | Failure::NoSuchRange { .. }
            | Failure::NotSupported(_) => tracing::debug!(%context, %request, code, "{self}"),
            Failure::Trap(cause) | Failure::Start(cause) => {
                tracing::error!(%context, %request, code, "{self}: {cause:?}");
            }
            Failure::File(cause) => tracing::error!(%context, %request, code, "{self}: {cause}"),
            _ => tracing::warn!(%context, %request, code, "{self}"),
        }
    }
}
