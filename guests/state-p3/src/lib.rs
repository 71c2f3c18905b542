//! Drives `wasmcloud:keyvalue` over HTTP, in WASI 0.3.
//!
//! | request | answer |
//! |---|---|
//! | `GET`, `HEAD`, `DELETE /kv/BUCKET/KEY` | the value as it is; `HEAD` asks whether it exists |
//! | `PUT /kv/BUCKET/KEY?ttl-ms=N&new=1` | for that time; only if it is not there |
//! | `POST /incr/BUCKET/KEY?by=N` | the new value, in digits |
//! | `POST /incr-many/BUCKET/KEY?times=N` | so many increments by one at the same time; the sums |
//! | `GET /list/BUCKET?prefix=P&cursor=C` | `{"keys": [..], "cursor": C or null}` |
//! | `POST /batch/BUCKET/get`, `/set`, `/delete` | as in the guest `state` |
//! | `GET /entry/BUCKET/KEY` | `[value, version]` |
//! | `POST /swap/BUCKET/KEY?version=V&value=X` | `swapped`, or the entry that is there |
//! | `GET`, `PUT /sessions/BUCKET/KEY` | through the import of that name; `POST` increments |

mod bindings;
mod reply;
mod store;

use std::collections::HashMap;

use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Method, Request, Response};
use wasip3::wit_future;

use reply::{Fault, Reply};

struct State;

wasip3::http::service::export!(State);

impl Guest for State {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (target, method) = (request.get_path_with_query().unwrap_or_default(), method(request.get_method()));
        let (_taken, taken_reader) = wit_future::new(|| Ok(()));
        let (content, _trailers) = Request::consume_body(request, taken_reader);
        let content = content.collect().await;
        let answered = route(&method, &target, content).await;
        Ok(answered.unwrap_or_else(Reply::from).into_response())
    }
}

fn method(method: Method) -> String {
    match method {
        Method::Get => "GET".into(),
        Method::Head => "HEAD".into(),
        Method::Put => "PUT".into(),
        Method::Post => "POST".into(),
        Method::Delete => "DELETE".into(),
        other => format!("{other:?}"),
    }
}

async fn route(method: &str, target: &str, content: Vec<u8>) -> Result<Reply, Fault> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, segments.as_slice()) {
        (_, ["kv", bucket, key]) => store::one(method, (bucket, key), &query, content).await,
        ("POST", ["incr", bucket, key]) => store::increment(bucket, key, &query).await,
        ("POST", ["incr-many", bucket, key]) => store::increment_many(bucket, key, &query).await,
        ("GET", ["list", bucket]) => store::list(bucket, &query).await,
        ("POST", ["batch", bucket, verb]) => store::many(bucket, verb, &content).await,
        ("GET", ["entry", bucket, key]) => store::entry(bucket, key).await,
        ("POST", ["swap", bucket, key]) => store::swap((bucket, key), &query, content).await,
        (_, ["sessions", bucket, key]) => store::sessions(method, bucket, key, content).await,
        _ => Err(Fault::NotFound("no such path")),
    }
}
