//! Requests and responses as values: read at once with a limit, sent at once.

use std::io::Read;

use serde::Serialize;
use wasip2::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};

use crate::fault::Fault;

/// The longest body that is read, in bytes.
const BODY_LIMIT: u64 = 16 * 1024;

/// Headers of every response. The page has its style inside and nothing from anywhere else.
const HEADERS: [(&str, &str); 3] = [
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
];

pub struct Request {
    pub method: Method,
    /// Without the query.
    pub path: String,
    /// Without parameters, in lower case.
    pub media_type: String,
    pub body: Vec<u8>,
}

impl Request {
    pub fn read(request: &IncomingRequest) -> Result<Request, Fault> {
        let target = request.path_with_query().unwrap_or_default();
        let content_type = request.headers().get("content-type").pop().unwrap_or_default();
        let content_type = String::from_utf8_lossy(&content_type);
        Ok(Request {
            method: request.method(),
            path: target.split('?').next().unwrap_or_default().to_owned(),
            media_type: content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase(),
            body: read_body(request)?,
        })
    }
}

fn read_body(request: &IncomingRequest) -> Result<Vec<u8>, Fault> {
    let body = request.consume().expect("the body was not taken before");
    let stream = body.stream().expect("the stream was not taken before");
    let mut content = Vec::new();
    stream.take(BODY_LIMIT + 1).read_to_end(&mut content).map_err(|_| Fault::Cut)?;
    if content.len() as u64 > BODY_LIMIT { Err(Fault::TooLarge) } else { Ok(content) }
}

pub struct Response {
    status: u16,
    header: (&'static str, &'static str),
    body: String,
}

impl Response {
    pub fn html(status: u16, body: String) -> Response {
        Response { status, header: ("content-type", "text/html; charset=utf-8"), body }
    }

    pub fn json(status: u16, value: &impl Serialize) -> Response {
        let body = serde_json::to_string(value).expect("texts are always JSON") + "\n";
        Response { status, header: ("content-type", "application/json"), body }
    }

    pub fn see_other(location: &'static str) -> Response {
        Response { status: 303, header: ("location", location), body: String::new() }
    }

    /// Sends it all. Errors mean that the client is gone, and nobody is left to be told.
    pub fn send(self, outparam: ResponseOutparam) {
        let headers = Fields::new();
        for (name, value) in HEADERS.into_iter().chain([self.header]) {
            _ = headers.append(name, value.as_bytes());
        }
        let response = OutgoingResponse::new(headers);
        _ = response.set_status_code(self.status);
        let Ok(body) = response.body() else { return };
        ResponseOutparam::set(outparam, Ok(response));
        if let Ok(stream) = body.write() {
            _ = self.body.as_bytes().chunks(4096).try_for_each(|piece| stream.blocking_write_and_flush(piece));
        }
        _ = OutgoingBody::finish(body, None);
    }
}

impl From<&Fault> for Response {
    fn from(fault: &Fault) -> Response {
        Response::json(fault.status(), &serde_json::json!({ "error": fault.to_string() }))
    }
}
