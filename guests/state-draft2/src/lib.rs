//! Drives the second draft of key-value stores over HTTP, and stores that it imports under names of its own.
//!
//! | request | answer |
//! |---|---|
//! | `GET`, `HEAD`, `PUT`, `DELETE /kv/BUCKET/KEY` | the value as it is; `HEAD` asks whether it exists |
//! | `POST /incr/BUCKET/KEY?by=N` | the new value, in digits |
//! | `GET /list/BUCKET?cursor=C` | `{"keys": [..], "cursor": C or null}` |
//! | `POST /batch/BUCKET/get`, `/set`, `/delete` | as in the guest `state` |
//! | `POST /swap/BUCKET/KEY?race=TEXT` | looks, lets `TEXT` come between, swaps the body in; what was seen, and how often it was tried |
//! | `GET`, `PUT /sessions/BUCKET/KEY`, `/archive/BUCKET/KEY` | a value through the import of that name |

mod bindings;
mod labelled;
mod reply;

use std::collections::HashMap;

use serde_json::json;
use wstd::http::{Body, Error, Method, Request, Response};

use bindings::{atomics, batch, store};
use reply::{Fault, Reply};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let path = head.uri.path().trim_start_matches('/').to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let content = body.contents().await?;
    route(&head.method, &segments, &query, content).unwrap_or_else(Reply::from).into_response()
}

fn route(method: &Method, segments: &[&str], query: &HashMap<String, String>, content: &[u8]) -> Result<Reply, Fault> {
    let text = |name: &str| query.get(name).map(String::as_str);
    match (method.as_str(), segments) {
        (_, ["kv", bucket, key]) => one(method, bucket, key, content),
        ("POST", ["incr", bucket, key]) => {
            let by = text("by").unwrap_or("1").parse().map_err(|_| Fault::Bad("by is not a number"))?;
            Ok(Reply::text(atomics::increment(&store::open(bucket)?, key, by)?))
        }
        ("GET", ["list", bucket]) => {
            let page = store::open(bucket)?.list_keys(text("cursor"))?;
            Ok(Reply::json(&json!({ "keys": page.keys, "cursor": page.cursor })))
        }
        ("POST", ["batch", bucket, verb]) => many(bucket, verb, content),
        ("POST", ["swap", bucket, key]) => swap(bucket, key, text("race"), content),
        (_, ["sessions", bucket, key]) => labelled::sessions(method, bucket, key, content),
        (_, ["archive", bucket, key]) => labelled::archive(method, bucket, key, content),
        _ => Err(Fault::NotFound("no such path")),
    }
}

fn one(method: &Method, bucket: &str, key: &str, content: &[u8]) -> Result<Reply, Fault> {
    let bucket = store::open(bucket)?;
    match *method {
        Method::GET => bucket.get(key)?.map(Reply::bytes).ok_or(reply::NO_KEY),
        Method::HEAD if bucket.exists(key)? => Ok(Reply::done()),
        Method::HEAD => Err(reply::NO_KEY),
        Method::PUT => Ok(bucket.set(key, content).map(|()| Reply::done())?),
        Method::DELETE => Ok(bucket.delete(key).map(|()| Reply::done())?),
        _ => Err(Fault::Bad("not an operation on a key")),
    }
}

fn many(bucket: &str, verb: &str, content: &[u8]) -> Result<Reply, Fault> {
    let bucket = store::open(bucket)?;
    match verb {
        "get" => {
            let keys: Vec<String> = serde_json::from_slice(content)?;
            let text = |(key, value): (String, Vec<u8>)| (key, String::from_utf8_lossy(&value).into_owned());
            let found: Vec<_> = batch::get_many(&bucket, &keys)?.into_iter().map(|pair| pair.map(text)).collect();
            Ok(Reply::json(&json!(found)))
        }
        "set" => {
            let pairs: Vec<(String, String)> = serde_json::from_slice(content)?;
            let pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (key, value.into_bytes())).collect();
            Ok(batch::set_many(&bucket, &pairs).map(|()| Reply::done())?)
        }
        "delete" => {
            let keys: Vec<String> = serde_json::from_slice(content)?;
            Ok(batch::delete_many(&bucket, &keys).map(|()| Reply::done())?)
        }
        _ => Err(Fault::NotFound("no such batch operation")),
    }
}

/// Looks at a key and swaps `content` in; what comes between, if something does, is tried against once more.
fn swap(bucket: &str, key: &str, race: Option<&str>, content: &[u8]) -> Result<Reply, Fault> {
    let bucket = store::open(bucket)?;
    let mut cas = atomics::Cas::new(&bucket, key)?;
    let mut seen = vec![seen(&cas)?];
    if let Some(race) = race {
        bucket.set(key, race.as_bytes())?;
    }
    while let Err(error) = atomics::swap(cas, content) {
        match error {
            atomics::CasError::CasFailed(newer) => cas = newer,
            atomics::CasError::StoreError(error) => return Err(error.into()),
        }
        seen.push(self::seen(&cas)?);
    }
    Ok(Reply::json(&json!({ "seen": seen })))
}

fn seen(cas: &atomics::Cas) -> Result<Option<String>, Fault> {
    Ok(cas.current()?.map(|value| String::from_utf8_lossy(&value).into_owned()))
}
