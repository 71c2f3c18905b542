//! The calls of `wasmcloud:keyvalue`.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::bindings::{atomics, batch, cas, sessions, store, types};
use crate::reply::{Fault, NO_KEY, Reply};

type Query = HashMap<String, String>;

fn number<T: std::str::FromStr>(query: &Query, name: &str) -> Result<Option<T>, Fault> {
    query.get(name).map(|digits| digits.parse().map_err(|_| Fault::Bad("not a number"))).transpose()
}

async fn open(bucket: &str) -> Result<types::Bucket, types::Error> {
    store::open(bucket.to_owned()).await
}

pub async fn one(method: &str, (bucket, key): (&str, &str), query: &Query, content: Vec<u8>) -> Result<Reply, Fault> {
    let (bucket, key) = (open(bucket).await?, key.to_owned());
    match method {
        "GET" => bucket.get(key).await?.map(Reply::bytes).ok_or(NO_KEY),
        "HEAD" if bucket.exists(key.clone()).await? => Ok(Reply::done()),
        "HEAD" => Err(NO_KEY),
        "PUT" => {
            let (ttl_ms, if_not_exists) = (number(query, "ttl-ms")?, query.contains_key("new"));
            let options = types::SetOptions { ttl_ms, if_not_exists };
            let options = (ttl_ms.is_some() || if_not_exists).then_some(options);
            Ok(bucket.set(key, content, options).await.map(|()| Reply::done())?)
        }
        "DELETE" => Ok(bucket.delete(key).await.map(|()| Reply::done())?),
        _ => Err(Fault::Bad("not an operation on a key")),
    }
}

pub async fn increment(bucket: &str, key: &str, query: &Query) -> Result<Reply, Fault> {
    let by = number(query, "by")?.unwrap_or(1);
    Ok(Reply::text(atomics::increment(&open(bucket).await?, key.to_owned(), by).await?))
}

/// Increments that wait at the same time, in one instance.
pub async fn increment_many(bucket: &str, key: &str, query: &Query) -> Result<Reply, Fault> {
    let bucket = open(bucket).await?;
    let times: usize = number(query, "times")?.unwrap_or(1);
    let mut calls: Vec<_> =
        (0..times).map(|_| Box::pin(atomics::increment(&bucket, key.to_owned(), 1))).map(Some).collect();
    let mut sums = vec![None; times];
    std::future::poll_fn(|context| {
        for (call, sum) in calls.iter_mut().zip(&mut sums) {
            if let Some(waiting) = call
                && let std::task::Poll::Ready(done) = waiting.as_mut().poll(context)
            {
                (*sum, *call) = (Some(done), None);
            }
        }
        match calls.iter().all(Option::is_none) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    let sums: Result<Vec<i64>, types::Error> = sums.into_iter().flatten().collect();
    Ok(Reply::json(&json!(sums?)))
}

pub async fn list(bucket: &str, query: &Query) -> Result<Reply, Fault> {
    let text = |name: &str| query.get(name).cloned();
    let page = open(bucket).await?.list_keys(text("prefix"), text("cursor")).await?;
    Ok(Reply::json(&json!({ "keys": page.keys, "cursor": page.cursor })))
}

pub async fn many(bucket: &str, verb: &str, content: &[u8]) -> Result<Reply, Fault> {
    let bucket = open(bucket).await?;
    match verb {
        "get" => {
            let text = |(key, value): (String, Vec<u8>)| (key, String::from_utf8_lossy(&value).into_owned());
            let found = batch::get_many(&bucket, serde_json::from_slice(content)?).await?;
            Ok(Reply::json(&json!(found.into_iter().map(|pair| pair.map(text)).collect::<Vec<_>>())))
        }
        "set" => {
            let pairs: Vec<(String, String)> = serde_json::from_slice(content)?;
            let pairs = pairs.into_iter().map(|(key, value)| (key, value.into_bytes())).collect();
            Ok(batch::set_many(&bucket, pairs).await.map(|()| Reply::done())?)
        }
        "delete" => Ok(batch::delete_many(&bucket, serde_json::from_slice(content)?).await.map(|()| Reply::done())?),
        _ => Err(Fault::NotFound("no such batch operation")),
    }
}

fn told(entry: Option<cas::Entry>) -> Value {
    json!(entry.map(|entry| (String::from_utf8_lossy(&entry.value).into_owned(), entry.version)))
}

pub async fn entry(bucket: &str, key: &str) -> Result<Reply, Fault> {
    Ok(Reply::json(&told(cas::current(&open(bucket).await?, key.to_owned()).await?)))
}

pub async fn swap((bucket, key): (&str, &str), query: &Query, content: Vec<u8>) -> Result<Reply, Fault> {
    let require_value = query.get("value").map(|value| value.clone().into_bytes());
    let options = cas::CasOptions { require_version: query.get("version").cloned(), require_value };
    Ok(match cas::swap(&open(bucket).await?, key.to_owned(), content, options).await? {
        cas::CasResult::Swapped => Reply::text("swapped"),
        cas::CasResult::Stale(found) => Reply::json(&told(found)),
    })
}

pub async fn sessions(method: &str, bucket: &str, key: &str, content: Vec<u8>) -> Result<Reply, Fault> {
    let (bucket, key) = (sessions::open(bucket.to_owned()).await?, key.to_owned());
    match method {
        "PUT" => Ok(bucket.set(key, content, None).await.map(|()| Reply::done())?),
        "POST" => Ok(Reply::text(atomics::increment(&bucket, key, 1).await?)),
        _ => bucket.get(key).await?.map(Reply::bytes).ok_or(NO_KEY),
    }
}
