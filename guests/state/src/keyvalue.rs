//! `wasi:keyvalue`: `store`, `atomics` and `batch`.

use serde_json::json;
use wstd::http::Method;

use crate::bindings::{atomics, batch, store};
use crate::reply::{Fault, Reply};

const NO_KEY: Fault = Fault::NotFound("no such key");

/// One call of a bucket.
pub fn one(method: &Method, bucket: &str, key: &str, content: &[u8]) -> Result<Reply, Fault> {
    let bucket = store::open(bucket)?;
    match *method {
        Method::GET => bucket.get(key)?.map(Reply::bytes).ok_or(NO_KEY),
        Method::HEAD if bucket.exists(key)? => Ok(Reply::done()),
        Method::HEAD => Err(NO_KEY),
        Method::PUT => Ok(bucket.set(key, content).map(|()| Reply::done())?),
        Method::DELETE => Ok(bucket.delete(key).map(|()| Reply::done())?),
        _ => Err(Fault::Bad(format!("{method} is not an operation on a key"))),
    }
}

pub fn increment(bucket: &str, key: &str, by: Option<u64>) -> Result<Reply, Fault> {
    Ok(Reply::text(atomics::increment(&store::open(bucket)?, key, by.unwrap_or(1))?))
}

pub fn list(bucket: &str, cursor: Option<u64>) -> Result<Reply, Fault> {
    let page = store::open(bucket)?.list_keys(cursor)?;
    Ok(Reply::json(&json!({ "keys": page.keys, "cursor": page.cursor })))
}

pub fn batch(bucket: &str, verb: &str, content: &[u8]) -> Result<Reply, Fault> {
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
