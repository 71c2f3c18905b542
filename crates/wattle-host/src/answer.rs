//! What a client is told when nothing of an app answered: every failure, and the code that a client gets for it.
//!
//! The client gets the code and the request's id; the log gets the chain of causes; nobody gets a secret.

mod code;

use std::io;
use std::time::Duration;

use http::{HeaderValue, Response, header};
use http_body_util::Full;

pub use self::code::ErrorCode;
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
    #[error("there is no memory for another instance (limit guest-memory)")]
    NoMemory,
    #[error("the app could not be started, or not in time")]
    Asleep { retry: Duration },
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
    #[error("the component wrote more than its limit response-body")]
    AnswerTooLarge,
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
    /// What a client is told.
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Failure::NoRoute => ErrorCode::NoRoute,
            Failure::BadRequest(_) | Failure::BadPath(_) => ErrorCode::BadRequest,
            Failure::PathTooLong => ErrorCode::PathTooLong,
            Failure::HeadTooLarge => ErrorCode::HeadTooLarge,
            Failure::BodyTooLarge => ErrorCode::BodyTooLarge,
            Failure::NotSupported(_) => ErrorCode::NotSupported,
            Failure::NoCapacity | Failure::NoMemory => ErrorCode::NoCapacity,
            Failure::Asleep { .. } => ErrorCode::AppAsleep,
            Failure::Deadline => ErrorCode::Deadline,
            Failure::Trap(_) => ErrorCode::GuestTrap,
            Failure::Start(_) => ErrorCode::GuestStart,
            Failure::NoAnswer => ErrorCode::NoAnswer,
            Failure::GuestError(_) => ErrorCode::GuestError,
            Failure::InvalidAnswer(_) | Failure::AnswerTooLarge => ErrorCode::InvalidAnswer,
            Failure::InstanceLost | Failure::ClientGone => ErrorCode::InstanceLost,
            Failure::NoFile => ErrorCode::NoFile,
            Failure::MethodNotAllowed => ErrorCode::MethodNotAllowed,
            Failure::PreconditionFailed => ErrorCode::PreconditionFailed,
            Failure::NoSuchRange { .. } => ErrorCode::NoSuchRange,
            Failure::File(_) => ErrorCode::FileUnreadable,
        }
    }

    /// Whether the connection cannot be used for another request.
    pub(crate) fn closes_connection(&self) -> bool {
        matches!(self, Failure::BadRequest(_) | Failure::HeadTooLarge | Failure::BodyTooLarge)
    }

    /// The answer to the client.
    pub(crate) fn answer(&self, request: RequestId) -> Response<Full<bytes::Bytes>> {
        let code = self.code();
        let message = match self {
            // What a guest said is for the log.
            Failure::GuestError(_) => "the component answered with an error".to_owned(),
            other => other.to_string(),
        };
        let body = serde_json::json!({
            "error": { "code": code.as_str(), "message": message, "request": request.to_string() }
        });
        let mut answer = Response::new(Full::from(format!("{body}\n")));
        *answer.status_mut() = code.status();
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self {
            Failure::MethodNotAllowed => {
                answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            Failure::NoSuchRange { size } => {
                let range = HeaderValue::try_from(format!("bytes */{size}"));
                answer.headers_mut().extend(range.map(|range| (header::CONTENT_RANGE, range)));
            }
            Failure::Asleep { retry } => {
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry.as_secs().max(1)));
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
        let code = self.code().as_str();
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
