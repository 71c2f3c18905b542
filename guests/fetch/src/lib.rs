//! Forwards a request to the target that its header `x-target` names, and the answer back; what fails is answered 502
//! with the error's name.
//!
//! The target is taken apart by hand: tests send what no URL library would let pass. The headers `x-connect-ms`,
//! `x-answer-ms` and `x-between-ms` become options of the request. With `x-again` that field and `x-target` are passed on,
//! and `x-fields` is a number of fields to add.

#[path = "../../common/url_parts.rs"]
mod target;

use std::time::Duration;

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    OutgoingResponse, RequestOptions, ResponseOutparam, Scheme,
};
use wasip2::io::streams::StreamError;

use target::Target;

/// How much one call moves at most, in bytes.
const PIECE: u64 = 64 * 1024;

struct Fetch;

wasip2::http::proxy::export!(Fetch);

impl wasip2::exports::http::incoming_handler::Guest for Fetch {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        match fetch(&request) {
            Ok(answered) => pass_on(answered, outparam),
            Err(failure) => refuse(&failure, outparam),
        }
    }
}

fn header(request: &IncomingRequest, name: &str) -> Option<String> {
    String::from_utf8(request.headers().get(name).into_iter().next()?).ok()
}

fn fetch(request: &IncomingRequest) -> Result<IncomingResponse, String> {
    let outgoing = outgoing(request)?;
    let body = outgoing.body().map_err(|()| "no body")?;
    let answer = outgoing_handler::handle(outgoing, Some(options(request))).map_err(|code| named(&code))?;
    if let Ok(upload) = request.consume() {
        // What goes wrong here is what the answer says, too.
        _ = forward(&upload, &body);
    }
    _ = OutgoingBody::finish(body, None);
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(answered))) => Ok(answered),
        Some(Ok(Err(code))) => Err(named(&code)),
        Some(Err(())) | None => Err("no answer".into()),
    }
}

fn outgoing(request: &IncomingRequest) -> Result<OutgoingRequest, String> {
    let text = header(request, "x-target").ok_or("no header x-target")?;
    let target = Target::parse(&text);
    let headers = Fields::new();
    let more = header(request, "x-fields").and_then(|count| count.parse().ok()).unwrap_or(0);
    (0..more).for_each(|_| drop(headers.append("x-more", b"1")));
    let again = request.headers().has("x-again");
    for (name, value) in request.headers().entries() {
        let is_passed_on = matches!(name.as_str(), "accept" | "content-type" | "content-length" | "range");
        if is_passed_on || again && matches!(name.as_str(), "x-again" | "x-target") {
            _ = headers.append(&name, &value);
        }
    }
    let outgoing = OutgoingRequest::new(headers);
    let scheme = match target.scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.into()),
    };
    let method = header(request, "x-method").map_or_else(|| request.method(), Method::Other);
    outgoing.set_method(&method).map_err(|()| "method refused")?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| "scheme refused")?;
    outgoing.set_authority(Some(target.authority)).map_err(|()| "authority refused")?;
    outgoing.set_path_with_query(Some(target.path)).map_err(|()| "path refused")?;
    Ok(outgoing)
}

fn options(request: &IncomingRequest) -> RequestOptions {
    let nanoseconds = |name| {
        let milliseconds = header(request, name)?.parse().ok()?;
        u64::try_from(Duration::from_millis(milliseconds).as_nanos()).ok()
    };
    let options = RequestOptions::new();
    _ = options.set_connect_timeout(nanoseconds("x-connect-ms"));
    _ = options.set_first_byte_timeout(nanoseconds("x-answer-ms"));
    _ = options.set_between_bytes_timeout(nanoseconds("x-between-ms"));
    options
}

/// The name of an error, with what it carries.
fn named(code: &ErrorCode) -> String {
    format!("{code:?}")
}

fn forward(upload: &IncomingBody, download: &OutgoingBody) -> Result<(), StreamError> {
    let (Ok(from), Ok(to)) = (upload.stream(), download.write()) else { return Ok(()) };
    loop {
        match to.blocking_splice(&from, PIECE) {
            Ok(_) => {}
            Err(StreamError::Closed) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

fn pass_on(answered: IncomingResponse, outparam: ResponseOutparam) {
    let headers = Fields::new();
    for (name, value) in answered.headers().entries() {
        _ = headers.append(&name, &value);
    }
    let response = OutgoingResponse::new(headers);
    _ = response.set_status_code(answered.status());
    let (Ok(content), Ok(body)) = (answered.consume(), response.body()) else { return };
    ResponseOutparam::set(outparam, Ok(response));
    // Without a `finish` the client sees an answer that was cut, as it should when the one from outside was.
    if forward(&content, &body).is_ok() {
        let trailers = IncomingBody::finish(content);
        trailers.subscribe().block();
        if let Some(Ok(Ok(trailers))) = trailers.get() {
            _ = OutgoingBody::finish(body, trailers);
        }
    }
}

fn refuse(failure: &str, outparam: ResponseOutparam) {
    let response = OutgoingResponse::new(Fields::new());
    _ = response.set_status_code(502);
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(outparam, Ok(response));
    if let Ok(stream) = body.write() {
        _ = stream.blocking_write_and_flush(failure.as_bytes());
    }
    _ = OutgoingBody::finish(body, None);
}
