//! Does much of the same, for benchmarks.
//!
//! | request | does |
//! |---|---|
//! | `GET /get/COUNT` | reads COUNT entries, one after another |
//! | `GET /set/COUNT` | writes COUNT entries, one after another |
//! | `GET /mix/COUNT` | reads and writes them in turns |
//! | `GET /ask/COUNT?AUTHORITY` | sends requests to that authority, one after another |
//!
//! The entries are the [`KEYS`] keys `key-0`, `key-1` and so on of the bucket `mill`, again and again; a value is
//! [`VALUE`].

mod asking;

wit_bindgen::generate!({
    inline: "
        package wattle:mill;
        world mill {
            import wasi:keyvalue/store@0.2.0-draft;
        }
    ",
    path: ["../wit/wasi-keyvalue"],
    generate_all,
});

use wasi::keyvalue::store::{self, Error};
use wstd::http::{Body, Error as HttpError, Request, Response};

const KEYS: u32 = 1000;
const VALUE: [u8; 1024] = [b'v'; 1024];

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, HttpError> {
    let (path, query) = (request.uri().path(), request.uri().query());
    let done = match (path.strip_prefix("/ask/").and_then(|count| count.parse().ok()), query) {
        (Some(count), Some(authority)) => asking::ask(count, authority).map(|()| true),
        _ => grind(path).map_err(|error| error.to_string()),
    };
    let (status, answer) = match done {
        Ok(true) => (200, "done".to_owned()),
        Ok(false) => (404, "no such work".to_owned()),
        Err(error) => (502, error),
    };
    Ok(Response::builder().status(status).body(answer.into())?)
}

/// Does the work that `path` names. Whether there is such work.
fn grind(path: &str) -> Result<bool, Error> {
    let mut words = path.trim_start_matches('/').split('/');
    let (Some(verb), Some(Ok(count))) = (words.next(), words.next().map(str::parse::<u32>)) else {
        return Ok(false);
    };
    let writes: fn(u32) -> bool = match verb {
        "get" => |_| false,
        "set" => |_| true,
        "mix" => |number| number % 2 == 1,
        _ => return Ok(false),
    };
    let bucket = store::open("mill")?;
    for number in 0..count {
        let key = format!("key-{}", number % KEYS);
        match writes(number) {
            true => bucket.set(&key, &VALUE)?,
            false => drop(bucket.get(&key)?),
        }
    }
    Ok(true)
}
