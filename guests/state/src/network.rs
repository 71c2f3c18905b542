//! Connections to the outside. That one fails is a result here, not an error: tests ask which way it failed.

use std::net::TcpStream;

use serde_json::json;
use wstd::http::{Body, Client, Error, Request};

use crate::reply::Reply;

pub fn connect(address: &str) -> Reply {
    Reply::json(&match TcpStream::connect(address) {
        Ok(_) => json!({ "connected": true }),
        Err(error) => json!({ "connected": false, "kind": error.kind().to_string(), "error": error.to_string() }),
    })
}

pub async fn fetch(url: &str) -> Reply {
    match get(url).await {
        Ok((status, body)) => Reply::json(&json!({ "status": status, "body": body })),
        Err(error) => Reply::json(&json!({ "status": null, "error": format!("{error:#}") })),
    }
}

async fn get(url: &str) -> Result<(u16, String), Error> {
    let response = Client::new().send(Request::get(url).body(Body::empty())?).await?;
    let (head, mut body) = response.into_parts();
    Ok((head.status.as_u16(), String::from_utf8_lossy(body.contents().await?).into_owned()))
}
