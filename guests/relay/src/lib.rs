//! Answers messages, for benchmarks: an order (`orders.>`) with its receipt, everything else with its own body. The
//! answers are published about [`DONE`].

#[path = "../../common/order.rs"]
#[expect(dead_code, reason = "who makes orders is outside")]
mod order;

wit_bindgen::generate!({
    inline: "
        package wattle:relay;
        world relay {
            import wasmcloud:messaging/consumer@0.2.0;
            export wasmcloud:messaging/handler@0.2.0;
        }
    ",
    path: ["../wit/wasmcloud-messaging"],
    generate_all,
});

use exports::wasmcloud::messaging::handler::{BrokerMessage, Guest};
use wasmcloud::messaging::consumer;

const DONE: &str = "relay.done";

struct Relay;

impl Guest for Relay {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        let body = match message.subject.contains("orders.") {
            true => order::receipt(&message.body).map_err(|error| error.to_string())?,
            false => message.body,
        };
        consumer::publish(&BrokerMessage { subject: DONE.to_owned(), body, reply_to: None })
    }
}

export!(Relay);
