//! Drives key-value stores, configuration, logs, files and the network over HTTP: for tests of capabilities.
//!
//! Every call of an interface is one request. Names in paths are percent-encoded; the last one may hold slashes.
//!
//! | request | answer |
//! |---|---|
//! | `GET`, `HEAD`, `PUT`, `DELETE /kv/BUCKET/KEY` | the value as it is; `HEAD` asks whether it exists |
//! | `POST /incr/BUCKET/KEY?by=N` | the new value, in digits |
//! | `GET /list/BUCKET?cursor=N` | `{"keys": [..], "cursor": N or null}` |
//! | `POST /batch/BUCKET/get` | takes `[key ..]`, gives `[[key, text] or null ..]` |
//! | `POST /batch/BUCKET/set` | takes `[[key, text] ..]` |
//! | `POST /batch/BUCKET/delete` | takes `[key ..]` |
//! | `GET /config`, `GET /config/KEY` | all pairs as an object; one value as it is |
//! | `POST /log?level=L&context=C` | logs the body |
//! | `GET /env` | `{"arguments": [..], "environment": {..}}` |
//! | `GET`, `PUT`, `DELETE /file/PATH` | the content as it is |
//! | `GET /dir/PATH` | the names in it, sorted |
//! | `GET /tcp?addr=HOST:PORT` | whether a connection was made |
//! | `GET /out?url=URL` | status and body of an outbound request |
//! | `GET /out?url=URL&rest=MS&text=TEXT` | the same of one whose own body comes that much later |
//!
//! What an interface refuses is answered as `{"error": ..}` with a status that fits.

mod bindings;
mod files;
mod keyvalue;
mod network;
mod reply;
mod settings;
mod target;

use wstd::http::{Body, Error, Method, Request, Response};

use reply::{Fault, Reply};
use target::Target;

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let target = Target::parse(&head.uri);
    let content = body.contents().await?;
    route(&head.method, &target, content).await.unwrap_or_else(Reply::from).into_response()
}

async fn route(method: &Method, target: &Target, content: &[u8]) -> Result<Reply, Fault> {
    let segments: Vec<&str> = target.segments.iter().map(String::as_str).collect();
    match (method.as_str(), segments.as_slice()) {
        (_, ["kv", bucket, key @ ..]) => keyvalue::one(method, bucket, &key.join("/"), content),
        ("POST", ["incr", bucket, key @ ..]) => keyvalue::increment(bucket, &key.join("/"), target.number("by")?),
        ("GET", ["list", bucket]) => keyvalue::list(bucket, target.number("cursor")?),
        ("POST", ["batch", bucket, verb]) => keyvalue::batch(bucket, verb, content),
        ("GET", ["config"]) => settings::all(),
        ("GET", ["config", key @ ..]) => settings::one(&key.join("/")),
        ("POST", ["log"]) => settings::log(target.text("level"), target.text("context"), content),
        ("GET", ["env"]) => Ok(settings::environment()),
        (_, ["file", path @ ..]) => files::one(method, &path.join("/"), content),
        ("GET", ["dir", path @ ..]) => files::list(&path.join("/")),
        ("GET", ["tcp"]) => Ok(network::connect(target.text("addr"))),
        ("GET", ["out"]) => Ok(network::fetch(target.text("url"), target.number("rest")?, target.text("text")).await),
        _ => Err(Fault::NotFound("no such path")),
    }
}
