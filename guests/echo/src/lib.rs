//! Sends the body of a request back as it comes, trailers included; a request of another method than POST, PUT and
//! PATCH is answered with what it looks like from inside.
//!
//! The body goes from stream to stream inside the host and never into this program's memory. How fast the client
//! takes the answer decides how fast the upload is read.

mod description;

use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam, Trailers,
};
use wasip2::io::streams::StreamError;

/// How much one call moves at most, in bytes.
const PIECE: u64 = 64 * 1024;

/// Request headers that the answer repeats; HTTP/1.1 sends only trailers that `trailer` announces.
const REPEATED: [&str; 2] = ["content-type", "trailer"];

struct Echo;

wasip2::http::proxy::export!(Echo);

impl wasip2::exports::http::incoming_handler::Guest for Echo {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        match request.method() {
            Method::Post | Method::Put | Method::Patch => echo(&request, outparam),
            _ => answer(outparam, "application/json", description::of(&request).as_bytes()),
        }
    }
}

/// Answers with a body; one write takes 4,096 bytes.
fn answer(outparam: ResponseOutparam, content_type: &str, content: &[u8]) {
    let headers = Fields::new();
    _ = headers.append("content-type", content_type.as_bytes());
    let response = OutgoingResponse::new(headers);
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(outparam, Ok(response));
    if let Ok(stream) = body.write() {
        _ = content.chunks(4096).try_for_each(|piece| stream.blocking_write_and_flush(piece));
    }
    _ = OutgoingBody::finish(body, None);
}

fn echo(request: &IncomingRequest, outparam: ResponseOutparam) {
    let Ok(upload) = request.consume() else { return };
    let (asked, headers) = (request.headers(), Fields::new());
    for name in REPEATED {
        _ = headers.set(name, &asked.get(name));
    }
    let response = OutgoingResponse::new(headers);
    let Ok(download) = response.body() else { return };
    ResponseOutparam::set(outparam, Ok(response));

    // Without a `finish` the client sees an answer that was cut, as it should when the upload was.
    if forward(&upload, &download).is_ok()
        && let Ok(trailers) = trailers(upload)
    {
        _ = OutgoingBody::finish(download, trailers);
    }
}

/// Moves the content of one body to another until it ends.
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

/// Waits for what comes after the content of a body; the error means that the client went away.
fn trailers(upload: IncomingBody) -> Result<Option<Trailers>, ()> {
    let future = IncomingBody::finish(upload);
    future.subscribe().block();
    match future.get() {
        Some(Ok(Ok(trailers))) => Ok(trailers),
        _ => Err(()),
    }
}
