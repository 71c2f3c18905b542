//! Keeps carts over HTTP and shows what they cost, which it asks another component.
//!
//! | request | answer |
//! |---|---|
//! | `PUT /carts/CART/ITEM` | puts so many of an item into the cart as the body says |
//! | `GET /carts/CART` | the cart with its prices, and how often it was looked at |
//!
//! Carts are kept in the store `carts`, visits in the store `sessions`: two links, which can lead to two backends.

wit_bindgen::generate!({
    inline: "
        package wattle:shop-cart;
        world imports {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import shop:pricing/prices@1.0.0;
        }
    ",
    path: ["../wit/wasi-keyvalue", "../wit/shop"],
    generate_all,
});

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shop::pricing::prices::{self, Price};
use wasi::keyvalue::{atomics, store};
use wstd::http::{Body, Error, Method, Request, Response};

/// What is answered: a status and JSON.
type Answer = (u16, Value);
/// How many of which item.
type Cart = BTreeMap<String, u32>;

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let content = body.contents().await?;
    let segments: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
    let answer = match (&head.method, segments.as_slice()) {
        (&Method::PUT, ["carts", cart, item]) => put(cart, item, content),
        (&Method::GET, ["carts", cart]) => show(cart),
        _ => Ok(refusal(404, "no such path")),
    };
    let (status, content) = answer.unwrap_or_else(|error| refusal(503, &error.to_string()));
    let content = content.to_string();
    Ok(Response::builder().status(status).header("content-type", "application/json").body(content.into())?)
}

fn put(name: &str, item: &str, quantity: &[u8]) -> Result<Answer, store::Error> {
    let quantity = std::str::from_utf8(quantity).ok().and_then(|text| text.trim().parse().ok());
    let Some(quantity) = quantity else { return Ok(refusal(422, "the body is how many")) };
    // What has no price is not sold.
    if let Err(why) = prices::quote(item, quantity) {
        return Ok(refusal(422, &why));
    }
    let carts = store::open("carts")?;
    let mut cart = kept(&carts, name)?;
    cart.insert(item.to_owned(), quantity);
    carts.set(name, json!(cart).to_string().as_bytes())?;
    Ok((200, json!(cart)))
}

fn show(name: &str) -> Result<Answer, store::Error> {
    let cart = kept(&store::open("carts")?, name)?;
    let visits = atomics::increment(&store::open("sessions")?, name, 1)?;
    let (mut lines, mut total) = (Vec::new(), 0);
    for (item, quantity) in cart {
        match prices::quote(&item, quantity) {
            Ok(Price { net, tax }) => {
                total += net + tax;
                lines.push(json!({ "item": item, "quantity": quantity, "net": net, "tax": tax }));
            }
            Err(why) => return Ok(refusal(502, &why)),
        }
    }
    Ok((200, json!({ "lines": lines, "total": total, "visits": visits })))
}

fn kept(carts: &store::Bucket, name: &str) -> Result<Cart, store::Error> {
    let kept = carts.get(name)?.unwrap_or_else(|| b"{}".to_vec());
    serde_json::from_slice(&kept).map_err(|error| store::Error::Other(error.to_string()))
}

fn refusal(status: u16, why: &str) -> Answer {
    (status, json!({ "error": why }))
}
