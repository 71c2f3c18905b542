//! Interfaces that are imported under names of this guest's own, over HTTP: for tests of labels.
//!
//! | request | answer |
//! |---|---|
//! | `GET /config/KEY`, `/features/KEY`, `/old-features/KEY` | a value of the configuration through the import of that name |
//! | `POST /log`, `/audit`, `/old-audit` | logs the body |
//! | `POST /consumer/SUBJECT`, `/orders/SUBJECT`, `/events/SUBJECT` | publishes the body |
//! | `POST /questions/SUBJECT` | the answer to a request with the body |
//! | `PUT`, `GET /blobs/CONTAINER/OBJECT`, `/archive/CONTAINER/OBJECT` | an object; a container is made when it is needed |
//!
//! What an interface refuses is answered 502, with what it said.

mod bindings;
mod objects;

use wstd::http::{Body, Error, Method, Request, Response};

use bindings::{BrokerMessage, Client, Message, archive, audit, blobstore, config, consumer, events, features, log};
use bindings::{old_audit, old_features, orders, questions};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let path = head.uri.path().trim_start_matches('/').to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    let (status, answer) = match route(&head.method, &segments, body.contents().await?) {
        Ok(answer) => (200, answer),
        Err(error) => (502, error.into_bytes()),
    };
    Ok(Response::builder().status(status).body(answer.into())?)
}

fn route(method: &Method, segments: &[&str], content: &[u8]) -> Result<Vec<u8>, String> {
    let text = || String::from_utf8_lossy(content).into_owned();
    let found = |value: Option<String>| value.map(String::into_bytes).ok_or("no such key".to_owned());
    let done = |()| Vec::new();
    match segments {
        ["config", key] => found(config::get(key).map_err(|error| format!("{error:?}"))?),
        ["features", key] => found(features::get(key).map_err(|error| format!("{error:?}"))?),
        ["old-features", key] => found(old_features::get(key).map_err(|error| format!("{error:?}"))?),
        ["log"] => Ok(done(log::log(log::Level::Warn, "labels", &text()))),
        ["audit"] => Ok(done(audit::log(audit::Level::Warn, "labels", &text()))),
        ["old-audit"] => Ok(done(old_audit::log(old_audit::Level::Warn, "labels", &text()))),
        ["consumer", subject] => consumer::publish(&message(subject, content)).map(done),
        ["orders", subject] => orders::publish(&message(subject, content)).map(done),
        ["events", subject] => events::send(&client()?, subject, Message::new(content)).map(done).map_err(told),
        ["questions", subject] => {
            let answers = questions::request(&client()?, subject, &Message::new(content), None).map_err(told)?;
            Ok(answers.iter().flat_map(Message::data).collect())
        }
        ["blobs", container, name] => {
            let open = blobstore::get_container(container).or_else(|_| blobstore::create_container(container))?;
            objects::one(method, &open, name, content)
        }
        ["archive", container, name] => {
            let open = archive::get_container(container).or_else(|_| archive::create_container(container))?;
            objects::one(method, &open, name, content)
        }
        _ => Err("no such path".to_owned()),
    }
}

fn message(subject: &str, content: &[u8]) -> BrokerMessage {
    BrokerMessage { subject: subject.to_owned(), body: content.to_vec(), reply_to: None }
}

fn client() -> Result<Client, String> {
    Client::connect("any").map_err(told)
}

fn told(error: bindings::MessagingError) -> String {
    format!("{error:?}")
}
