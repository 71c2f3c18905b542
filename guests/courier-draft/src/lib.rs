//! Publishes, requests and handles messages of `wasi:messaging`: for tests of messaging.
//!
//! It does what `courier` does, over the other interface. `?client=NAME` is the client that it connects,
//! `?type=TYPE` the type of the content, `?KEY=VALUE` for each other key metadata; what was seen has both behind the body.

mod bindings;
#[path = "../../shared/deed.rs"]
mod deed;
#[path = "../../shared/subject_target.rs"]
mod target;

use wstd::http::{Body, Error as HttpError, Method, Request, Response};

use bindings::request_reply::RequestOptions;
use bindings::{Client, Error, Guest, Message, producer, request_reply};
use target::Target;

/// The keys of a query that are not metadata.
const OWN_KEYS: [&str; 4] = ["client", "type", "timeout", "replies"];

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, HttpError> {
    let (head, mut body) = request.into_parts();
    let target = Target::parse(&head.uri);
    let content = body.contents().await?;
    let (status, answer) = match route(&head.method, &target, content) {
        Ok(answer) => (200, answer),
        Err(error) => (502, error.into_bytes()),
    };
    Ok(Response::builder().status(status).body(answer.into())?)
}

fn route(method: &Method, target: &Target, content: &[u8]) -> Result<Vec<u8>, String> {
    match (method.as_str(), target.verb.as_str()) {
        ("POST", "publish") => publish(target, content).map(|()| Vec::new()).map_err(text),
        ("POST", "request") => ask(target, content).map_err(text),
        ("GET", "seen") => deed::seen().map(|seen| seen.to_string().into_bytes()),
        _ => Err("no such path".to_owned()),
    }
}

fn client(target: &Target) -> Result<Client, Error> {
    Client::connect(&target.text("client").unwrap_or_default())
}

fn message(target: &Target, content: &[u8]) -> Message {
    let message = Message::new(content);
    if let Some(content_type) = target.text("type") {
        message.set_content_type(&content_type);
    }
    for (key, value) in target.query.iter().filter(|(key, _)| !OWN_KEYS.contains(&key.as_str())) {
        message.add_metadata(key, value);
    }
    message
}

fn publish(target: &Target, content: &[u8]) -> Result<(), Error> {
    producer::send(&client(target)?, &target.subject, message(target, content))
}

fn ask(target: &Target, content: &[u8]) -> Result<Vec<u8>, Error> {
    let options = RequestOptions::new();
    options.set_timeout_ms(target.number("timeout").unwrap_or(5_000));
    if let Some(replies) = target.number("replies") {
        options.set_expected_replies(replies);
    }
    let question = message(target, content);
    let answers = request_reply::request(&client(target)?, &target.subject, &question, Some(options))?;
    Ok(answers.iter().flat_map(Message::data).collect())
}

fn text(error: Error) -> String {
    match error {
        Error::Timeout => "timeout".to_owned(),
        Error::Connection(text) => format!("connection: {text}"),
        Error::PermissionDenied(text) => format!("permission-denied: {text}"),
        Error::Other(text) => format!("other: {text}"),
    }
}

struct Courier;

impl Guest for Courier {
    fn handle(message: Message) -> Result<(), Error> {
        let body = String::from_utf8_lossy(&message.data()).into_owned();
        let mut metadata = message.metadata().unwrap_or_default();
        metadata.sort_unstable();
        let fields = metadata.into_iter().map(|(key, value)| format!("{key}={value}"));
        let more: Vec<String> = message.content_type().into_iter().chain(fields).collect();
        deed::perform(&message.topic().unwrap_or_default(), &body, &more.join(" ")).map_err(Error::Other)?;
        request_reply::reply(&message, Message::new(format!("re: {body}").as_bytes()))
    }
}

bindings::export!(Courier);
