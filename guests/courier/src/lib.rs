//! Publishes, requests and handles messages of `wasmcloud:messaging`: for tests of messaging.
//!
//! | request | answer |
//! |---|---|
//! | `POST /publish/SUBJECT?reply-to=SUBJECT` | publishes the body |
//! | `POST /request/SUBJECT?timeout=MS` | the body of the answer to a request with the body |
//! | `GET /seen` | an object: each message that was handled (the variable `NAME`, subject, body), and how often |
//!
//! What an interface refuses is answered 502, with what it said. A message whose body begins with `err`, `trap`, `spin`,
//! `slow` (0.2 s), `late` (10 min) or `third` (well at the third time) does that; else, where an answer is expected, it is
//! `re: ` and the body.

mod bindings;
#[path = "../../shared/deed.rs"]
mod deed;
#[path = "../../shared/subject_target.rs"]
mod target;

use wstd::http::{Body, Error, Method, Request, Response};

use bindings::{BrokerMessage, Guest, consumer};
use target::Target;

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let target = Target::parse(&head.uri);
    let content = body.contents().await?;
    let (status, answer) = match route(&head.method, target, content) {
        Ok(answer) => (200, answer),
        Err(error) => (502, error.into_bytes()),
    };
    Ok(Response::builder().status(status).body(answer.into())?)
}

fn route(method: &Method, target: Target, content: &[u8]) -> Result<Vec<u8>, String> {
    match (method.as_str(), target.verb.as_str()) {
        ("POST", "publish") => {
            let reply_to = target.text("reply-to");
            let message = BrokerMessage { subject: target.subject, body: content.to_vec(), reply_to };
            consumer::publish(&message).map(|()| Vec::new())
        }
        ("POST", "request") => {
            let timeout_ms = target.number("timeout").unwrap_or(5_000);
            consumer::request(&target.subject, content, timeout_ms).map(|answer| answer.body)
        }
        ("GET", "seen") => deed::seen().map(|seen| seen.to_string().into_bytes()),
        _ => Err("no such path".to_owned()),
    }
}

struct Courier;

impl Guest for Courier {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        let body = String::from_utf8_lossy(&message.body).into_owned();
        deed::perform(&message.subject, &body, "")?;
        match message.reply_to {
            Some(subject) => {
                consumer::publish(&BrokerMessage { subject, body: format!("re: {body}").into(), reply_to: None })
            }
            None => Ok(()),
        }
    }
}

bindings::export!(Courier);
