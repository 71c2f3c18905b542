//! Handles orders that were taken: writes a receipt for each into a blobstore, then marks the order as done.
//!
//! A message may come more than once. The second receipt is the same as the first, so that does no harm.

wit_bindgen::generate!({
    inline: "
        package wattle:orders-worker;
        world worker {
            import wasi:keyvalue/store@0.2.0-draft;
            import wasi:blobstore/blobstore@0.2.0-draft;
            import wasi:blobstore/container@0.2.0-draft;
            import wasi:blobstore/types@0.2.0-draft;
            export wasmcloud:messaging/handler@0.2.0;
        }
    ",
    path: ["../wit/wasi-io", "../wit/wasi-keyvalue", "../wit/wasi-blobstore", "../wit/wasmcloud-messaging"],
    with: {
        "wasi:io/error@0.2.1": wasip2::io::error,
        "wasi:io/poll@0.2.1": wasip2::io::poll,
        "wasi:io/streams@0.2.1": wasip2::io::streams,
    },
    generate_all,
});

use exports::wasmcloud::messaging::handler::{BrokerMessage, Guest};
use serde_json::Value;
use wasi::blobstore::blobstore;
use wasi::blobstore::container::Container;
use wasi::blobstore::types::OutgoingValue;
use wasi::keyvalue::store;

const RECEIPTS: &str = "receipts";

struct Worker;

impl Guest for Worker {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        let number = String::from_utf8(message.body).map_err(|_| "the number of an order is text".to_owned())?;
        let shop = store::open("shop").map_err(|error| error.to_string())?;
        let key = format!("order/{number}");
        let kept = shop.get(&key).map_err(|error| error.to_string())?;
        let kept = kept.ok_or_else(|| format!("there is no order {number}"))?;
        let mut order: Value = serde_json::from_slice(&kept).map_err(|error| error.to_string())?;
        let receipt = format!("order {number}: {} x {}\n", order["quantity"], order["item"]);
        write(&receipts()?, &format!("{number}.txt"), receipt.as_bytes())?;
        order["status"] = "done".into();
        shop.set(&key, order.to_string().as_bytes()).map_err(|error| error.to_string())
    }
}

export!(Worker);

/// The container of receipts. Another instance may make it at the same time.
fn receipts() -> Result<Container, String> {
    if !blobstore::container_exists(RECEIPTS)? {
        // That it is there by now is as good.
        let _ = blobstore::create_container(RECEIPTS);
    }
    blobstore::get_container(RECEIPTS)
}

fn write(container: &Container, name: &str, content: &[u8]) -> Result<(), String> {
    let value = OutgoingValue::new_outgoing_value();
    container.write_data(name, &value)?;
    let stream = value.outgoing_value_write_body().map_err(|()| "the stream is taken".to_owned())?;
    stream.blocking_write_and_flush(content).map_err(|error| format!("{error:?}"))?;
    drop(stream);
    OutgoingValue::finish(value)
}
