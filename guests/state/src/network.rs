//! Connections to the outside. That one fails is a result here, not an error: tests ask which way it failed.

use std::net::TcpStream;
use std::time::Duration;

use futures_lite::stream;
use serde_json::json;
use wstd::http::{Body, Client, Error, Request};
use wstd::time::Timer;

use crate::reply::Reply;

pub fn connect(address: &str) -> Reply {
    Reply::json(&match TcpStream::connect(address) {
        Ok(_) => json!({ "connected": true }),
        Err(error) => json!({ "connected": false, "kind": error.kind().to_string(), "error": error.to_string() }),
    })
}

pub async fn fetch(url: &str, rest: Option<u64>, text: &str) -> Reply {
    let body = match rest {
        None => Body::empty(),
        Some(rest) => late(Duration::from_millis(rest), text.to_owned()),
    };
    match get(url, body).await {
        Ok((status, body)) => Reply::json(&json!({ "status": status, "body": body })),
        Err(error) => Reply::json(&json!({ "status": null, "error": format!("{error:#}") })),
    }
}

async fn get(url: &str, body: Body) -> Result<(u16, String), Error> {
    let response = Client::new().send(Request::get(url).body(body)?).await?;
    let (head, mut body) = response.into_parts();
    Ok((head.status.as_u16(), String::from_utf8_lossy(body.contents().await?).into_owned()))
}

fn late(rest: Duration, text: String) -> Body {
    Body::from_stream(stream::once_future(async move {
        Timer::after(rest.into()).wait().await;
        text
    }))
}
