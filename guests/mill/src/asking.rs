//! Requests that leave, by the interfaces of WASI themselves: no library's way of waiting is measured.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, IncomingBody, IncomingResponse, OutgoingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

/// How much is read at a time, in bytes.
const PIECE: u64 = 64 * 1024;

/// Sends `count` requests for `http://AUTHORITY/`, one after the other, and reads each answer to its end.
pub fn ask(count: u32, authority: &str) -> Result<(), String> {
    (0..count).try_for_each(|_| {
        let answer = sent(request(authority).map_err(|()| "the host does not take the request")?)?;
        match answer.status() {
            200 => read(answer),
            other => Err(format!("it was answered {other}")),
        }
    })
}

fn request(authority: &str) -> Result<OutgoingRequest, ()> {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http))?;
    request.set_authority(Some(authority))?;
    request.set_path_with_query(Some("/"))?;
    Ok(request)
}

/// The answer to `request`, when it has begun.
fn sent(request: OutgoingRequest) -> Result<IncomingResponse, String> {
    let body = request.body().map_err(|()| "no body")?;
    let answer = outgoing_handler::handle(request, None).map_err(|code| code.to_string())?;
    OutgoingBody::finish(body, None).map_err(|code| code.to_string())?;
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(answered)) => answered.map_err(|code| code.to_string()),
        Some(Err(())) | None => Err("no answer".to_owned()),
    }
}

fn read(answer: IncomingResponse) -> Result<(), String> {
    let body = answer.consume().map_err(|()| "no content")?;
    let stream = body.stream().map_err(|()| "no stream")?;
    loop {
        match stream.blocking_read(PIECE) {
            Ok(_) => {}
            Err(StreamError::Closed) => break,
            Err(error) => return Err(error.to_string()),
        }
    }
    drop(stream);
    drop(IncomingBody::finish(body));
    Ok(())
}
