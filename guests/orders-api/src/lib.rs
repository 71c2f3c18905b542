//! Takes orders over HTTP: keeps each in a key-value store and publishes its number.
//!
//! | request | answer |
//! |---|---|
//! | `POST /orders` | takes a JSON object of `item` and `quantity`: 201 and the order, with its number |
//! | `GET /orders/NUMBER` | the order: its `status` is `taken`, and `done` once there is a receipt |
//! | `GET /report` | what the report counted last: `orders`, `done`, `receipts` |

wit_bindgen::generate!({
    inline: "
        package wattle:orders-api;
        world imports {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:keyvalue/atomics@0.2.0-draft;
            import wasmcloud:messaging/consumer@0.2.0;
        }
    ",
    path: ["../wit/wasi-keyvalue", "../wit/wasmcloud-messaging"],
    generate_all,
});

use serde::Deserialize;
use serde_json::json;
use wasi::keyvalue::{atomics, store};
use wasmcloud::messaging::consumer;
use wasmcloud::messaging::types::BrokerMessage;
use wstd::http::{Body, Error, Method, Request, Response};

/// What a customer wants.
#[derive(Deserialize)]
struct Order {
    item: String,
    quantity: u32,
}

/// What is answered: a status and JSON.
type Answer = (u16, Vec<u8>);

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (head, mut body) = request.into_parts();
    let content = body.contents().await?;
    let segments: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
    let answer = match (&head.method, segments.as_slice()) {
        (&Method::POST, ["orders"]) => take(content),
        (&Method::GET, ["orders", number]) => kept(&format!("order/{number}")),
        (&Method::GET, ["report"]) => kept("report"),
        _ => Ok(refusal(404, "no such path")),
    };
    let (status, content) = answer.unwrap_or_else(|error| refusal(503, &error.to_string()));
    Ok(Response::builder().status(status).header("content-type", "application/json").body(content.into())?)
}

/// An order is kept before it is published: whoever hears of it finds it.
fn take(content: &[u8]) -> Result<Answer, store::Error> {
    let order = match serde_json::from_slice::<Order>(content) {
        Ok(order) if order.quantity > 0 && !order.item.is_empty() => order,
        Ok(_) => return Ok(refusal(422, "an order has an item and a quantity from 1")),
        Err(error) => return Ok(refusal(422, &error.to_string())),
    };
    let shop = store::open("shop")?;
    let number = atomics::increment(&shop, "last-number", 1)?;
    let kept = json!({ "number": number, "item": order.item, "quantity": order.quantity, "status": "taken" });
    shop.set(&format!("order/{number}"), kept.to_string().as_bytes())?;
    let body = number.to_string().into_bytes();
    let published = consumer::publish(&BrokerMessage { subject: "orders.taken".into(), body, reply_to: None });
    published.map_err(store::Error::Other)?;
    Ok((201, kept.to_string().into_bytes()))
}

fn kept(key: &str) -> Result<Answer, store::Error> {
    let found = store::open("shop")?.get(key)?;
    Ok(found.map_or_else(|| refusal(404, "there is none"), |content| (200, content)))
}

fn refusal(status: u16, why: &str) -> Answer {
    (status, json!({ "error": why }).to_string().into_bytes())
}
