//! Answers as they go out: JSON, or the events of a log.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use wattle_spec::control::{Refusal, RefusalCode, Refused};

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A value.
pub(super) fn json(value: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_string(value).expect("invariant: what we answer has string keys");
    typed("application/json", Full::from(text + "\n").boxed_unsync())
}

/// A body of this type.
pub(super) fn typed(media_type: &'static str, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    let headers: [(HeaderName, &str); 2] = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-store")];
    answer.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer
}

/// Why there is no answer. `allowed`: the method that the path takes, where another was used.
pub(super) fn refused(refusal: Refusal, allowed: Option<&'static str>) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let is_unauthorized = refusal.code == RefusalCode::Unauthorized;
    let mut answer = json(&Refused { error: refusal });
    *answer.status_mut() = status;
    if is_unauthorized {
        let scheme = HeaderValue::from_static("Bearer realm=\"wattle\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    if let Some(method) = allowed {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(method));
    }
    answer
}
