//! Does much of the same, for benchmarks.
//!
//! | request | does |
//! |---|---|
//! | `GET /get/COUNT` | reads COUNT entries, one after another |
//! | `GET /set/COUNT` | writes COUNT entries, one after another |
//!
//! The entries are the [`KEYS`] keys `key-0`, `key-1` and so on of the bucket `mill`, again and again; a value is
//! [`VALUE`]. The body of each message is published again, about [`DONE`].

wit_bindgen::generate!({
    inline: "
        package wattle:mill;
        world mill {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasmcloud:messaging/consumer@0.2.0;
            export wasmcloud:messaging/handler@0.2.0;
        }
    ",
    path: ["../wit/wasi-keyvalue", "../wit/wasmcloud-messaging"],
    generate_all,
});

use exports::wasmcloud::messaging::handler::{BrokerMessage, Guest};
use wasi::keyvalue::store::{self, Bucket, Error};
use wasmcloud::messaging::consumer;
use wstd::http::{Body, Error as HttpError, Request, Response};

const KEYS: u32 = 1000;
const VALUE: [u8; 128] = [b'v'; 128];
const DONE: &str = "mill.done";

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, HttpError> {
    let (status, answer) = match grind(request.uri().path()) {
        Ok(true) => (200, "done".to_owned()),
        Ok(false) => (404, "no such work".to_owned()),
        Err(error) => (502, error.to_string()),
    };
    Ok(Response::builder().status(status).body(answer.into())?)
}

/// Does the work that `path` names. Whether there is such work.
fn grind(path: &str) -> Result<bool, Error> {
    let mut words = path.trim_start_matches('/').split('/');
    let (Some(verb), Some(Ok(count))) = (words.next(), words.next().map(str::parse::<u32>)) else {
        return Ok(false);
    };
    let bucket = store::open("mill")?;
    let each = |work: fn(&Bucket, &str) -> Result<(), Error>| {
        (0..count).try_for_each(|number| work(&bucket, &format!("key-{}", number % KEYS)))
    };
    match verb {
        "get" => each(|bucket, key| bucket.get(key).map(|_| ()))?,
        "set" => each(|bucket, key| bucket.set(key, &VALUE))?,
        _ => return Ok(false),
    }
    Ok(true)
}

struct Mill;

impl Guest for Mill {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        consumer::publish(&BrokerMessage { subject: DONE.to_owned(), body: message.body, reply_to: None })
    }
}

export!(Mill);
